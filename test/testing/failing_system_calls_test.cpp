// SPDX-License-Identifier: BSL-1.0
#include <harness/greenlets.hpp>
#include <tendril/testing/failing_system_calls.hpp>

#include <fcntl.h>
#include <sys/eventfd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <thread>

namespace {

using namespace tendril;
using tendril::testing::any_call;
using tendril::testing::failing_system_calls;
using tendril::testing::failure;
using tendril::testing::for_each_failure;

// How the next three calls end that ask for a descriptor: its `errno`, or zero.
std::array<int, 3> three_calls() {
    std::array<int, 3> codes{};
    for (int& code : codes) {
        int const made = kernel().eventfd(0, EFD_CLOEXEC);
        code = made < 0 ? errno : 0;
        if (made >= 0) {
            real_kernel().close(made);
        }
    }
    return codes;
}

}  // namespace

TENDRIL_TEST(failing_system_calls, the_call_with_the_number_fails_once) {
    failing_system_calls const next{&system_calls::eventfd, EMFILE, 2};
    EXPECT_EQ(three_calls(), (std::array{0, EMFILE, 0}));
    EXPECT_TRUE(next.has_failed());
    EXPECT_EQ(next.calls(), 3U);
}

TENDRIL_TEST(failing_system_calls, all_fail_from_the_number_on) {
    failing_system_calls const next{&system_calls::eventfd, ENOMEM, 2, failure::for_ever};
    EXPECT_EQ(three_calls(), (std::array{0, ENOMEM, ENOMEM}));
}

TENDRIL_TEST(failing_system_calls, calls_of_other_rows_are_not_counted) {
    failing_system_calls const next{&system_calls::read, EIO};
    EXPECT_EQ(three_calls(), (std::array{0, 0, 0}));
    EXPECT_FALSE(next.has_failed());
    EXPECT_EQ(next.calls(), 0U);
}

TENDRIL_TEST(failing_system_calls, any_call_counts_those_of_all_rows) {
    failing_system_calls const next{any_call, EPERM, 2};
    void* const memory = kernel().mmap(
        nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT_NE(memory, MAP_FAILED);
    EXPECT_EQ(three_calls(), (std::array{EPERM, 0, 0}));
    EXPECT_EQ(kernel().munmap(memory, 4096), 0);
}

TENDRIL_TEST(failing_system_calls, a_mapping_fails_as_the_manual_says) {
    failing_system_calls const next{&system_calls::mmap, ENOMEM};
    EXPECT_EQ(kernel().mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, -1, 0), MAP_FAILED);
    EXPECT_EQ(errno, ENOMEM);
}

TENDRIL_TEST(failing_system_calls, a_close_that_fails_has_closed) {
    int const descriptor = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    failing_system_calls const next{&system_calls::close, EINTR};
    EXPECT_EQ(kernel().close(descriptor), -1);
    EXPECT_EQ(errno, EINTR);
    EXPECT_EQ(::fcntl(descriptor, F_GETFD), -1);
}

TENDRIL_TEST(failing_system_calls, calls_of_other_threads_succeed) {
    failing_system_calls const next{any_call, EMFILE, 1, failure::for_ever};
    std::array<int, 3> codes{1, 1, 1};
    std::thread{[&] { codes = three_calls(); }}.join();
    EXPECT_EQ(codes, (std::array{0, 0, 0}));
    EXPECT_FALSE(next.has_failed());
}

TENDRIL_TEST(failing_system_calls, the_table_below_has_its_place_back_at_the_end) {
    system_calls broken = real_kernel();
    broken.eventfd = [](unsigned int, int) {
        errno = ENODEV;
        return -1;
    };
    replaced_system_calls const until_end{broken};
    {
        failing_system_calls const next{&system_calls::eventfd, EMFILE, 2};
        EXPECT_EQ(three_calls(), (std::array{ENODEV, EMFILE, ENODEV}));
    }
    EXPECT_EQ(&kernel(), &broken);
}

TENDRIL_TEST(failing_system_calls, two_at_a_time_and_the_number_zero_are_refused) {
    EXPECT_THROW((failing_system_calls{any_call, EIO, 0}), misuse);
    failing_system_calls const first{any_call, EIO, 1000};
    EXPECT_THROW((failing_system_calls{any_call, EIO}), misuse);
}

TENDRIL_TEST(failing_system_calls, every_call_that_makes_a_hub_may_fail) {
    std::size_t const points = for_each_failure([](std::size_t number) {
        tendril::testing::leak_check const before;
        bool failed = false;
        std::thread{[&] {
            failing_system_calls const next{any_call, ENOMEM, number};
            try {
                run([] { this_hub().spawn_raw([] {}); });
            } catch (std::bad_alloc const&) {
            } catch (std::system_error const&) {}
            failed = next.has_failed();
        }}.join();
        EXPECT_EQ(before.leaks(), "") << "call " << number;
        return failed;
    });
    EXPECT_GE(points, 3U);
}
