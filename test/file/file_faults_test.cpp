// SPDX-License-Identifier: BSL-1.0
//
// Pipes, counters and files over a kernel that fails, stutters and interrupts: every call, with
// every error.
#include <harness/failure_points.hpp>
#include <harness/file_programs.hpp>
#include <harness/hubs.hpp>
#include <harness/signal_storm.hpp>
#include <harness/stress.hpp>
#include <tendril/scope/exception_group.hpp>
#include <tendril/support/system_calls.hpp>
#include <tendril/testing/failing_system_calls.hpp>
#include <tendril/threads/run_in_thread.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <string>

namespace {

using namespace tendril;
using tendril::testing::any_call;
using tendril::testing::failing_system_calls;
using tendril::testing::failure;
using tendril::testing::for_each_failure;
using tendril::testing::leak_check;
using test::end_of_program;
using test::file_programs;
using test::signal_storm;
using test::stream_program;

struct file_trial {
    std::string end;
    bool failed = false;
};

// Runs a program in a hub on a thread of the pool, so that nothing is done elsewhere.
template <typename Row>
bool file_program_survives(
    stream_program const& program, Row row, int code, std::size_t number, failure how,
    bool must_succeed) {
    file_trial const seen = run_in_thread([&] {
        file_trial trial;
        leak_check const before;
        test::virtual_clock clock;
        run({.clock = &clock}, [&] {
            test::ignore_errors();
            failing_system_calls const next{row, code, number, how};
            trial.end = end_of_program(program);
            trial.failed = next.has_failed();
        });
        std::string const left = before.leaks();
        trial.end += left.empty() ? "" : ", leaving " + left;
        return trial;
    });
    bool const well = seen.end == "done" || (seen.end == "error" && seen.failed && !must_succeed);
    EXPECT_TRUE(well) << program.name << ", call " << number << ", errno " << code << ": "
                      << seen.end;
    return seen.failed && well;
}

template <typename Row>
std::size_t interrupt_each(Row row, int code) {
    std::size_t points = 0;
    for (stream_program const& program : file_programs) {
        points += for_each_failure([&](std::size_t number) {
            return file_program_survives(program, row, code, number, failure::once, true);
        });
    }
    EXPECT_GT(points, 0U);
    return points;
}

// A kernel that fails every second call, and passes single bytes.
std::atomic<int> file_stutters{0};

bool file_stutters_now(bool may_block) {
    int const count = ++file_stutters;
    errno = may_block && count % 4 == 0 ? EAGAIN : EINTR;
    return count % 2 == 0;
}

iovec few_bytes(iovec const* parts) {
    return {parts->iov_base, std::min<std::size_t>(parts->iov_len, 997)};
}

struct stuttering_files {
    system_calls table = kernel();
    replaced_system_calls in_place{table};

    stuttering_files() {
        file_stutters = 0;
        table.readv = [](int fd, iovec const* parts, int) {
            iovec const part = few_bytes(parts);
            return file_stutters_now(true) ? -1 : real_kernel().readv(fd, &part, 1);
        };
        table.writev = [](int fd, iovec const* parts, int) {
            iovec const part = few_bytes(parts);
            return file_stutters_now(true) ? -1 : real_kernel().writev(fd, &part, 1);
        };
        table.preadv2 = [](int fd, iovec const* parts, int, off_t at, int flags) {
            iovec const part = few_bytes(parts);
            return file_stutters_now(flags != 0) ? -1
                                                 : real_kernel().preadv2(fd, &part, 1, at, flags);
        };
        table.pwritev2 = [](int fd, iovec const* parts, int, off_t at, int flags) {
            iovec const part = few_bytes(parts);
            return file_stutters_now(flags != 0) ? -1
                                                 : real_kernel().pwritev2(fd, &part, 1, at, flags);
        };
    }
};

}  // namespace

TENDRIL_TEST(file_faults, every_call_may_fail_once_with_every_error) {
    std::size_t points = 0;
    for (stream_program const& program : file_programs) {
        for (int const code : {ENOMEM, EPIPE, EMFILE, EACCES, EIO, EINVAL, ENOSYS, ENOSPC}) {
            points += for_each_failure([&](std::size_t number) {
                return file_program_survives(program, any_call, code, number, failure::once, false);
            });
        }
    }
    std::printf("%zu pairs of a call and an error\n", points);
    EXPECT_GE(points, 400U);
}

TENDRIL_TEST(file_faults, every_call_may_fail_from_some_moment_on) {
    std::size_t points = 0;
    for (stream_program const& program : file_programs) {
        for (int const code : {ENOSPC, EMFILE}) {
            points += for_each_failure([&](std::size_t number) {
                return file_program_survives(
                    program, any_call, code, number, failure::for_ever, false);
            });
        }
    }
    std::printf("%zu moments from which nothing works\n", points);
    EXPECT_GE(points, 100U);
}

TENDRIL_TEST(file_faults, every_allocation_may_fail) {
    test::own_folder const place;
    std::string const from = place.file("from");
    std::string const to = place.file("to");
    test::run_in_hub([&](auto&) { write_file(from, std::string(100'000, 'a')); });
    test::try_all("make_pipe", [] { make_pipe({.writer_blocks = true}); });
    test::try_all("event_counter", [] { event_counter{}.wait_for(std::chrono::seconds{1}); });
    test::try_all("file", [&] {
        auto in = file::open(from);
        char data[8];
        in.read_some(boost::asio::buffer(data));
        in.close();
    });
    test::try_all("read_file", [&] { read_file(from); });
    test::try_all("copy_file", [&] { copy_file(from, to); });
    test::try_all("write_file", [&] { write_file(to, "new", {.replace = true}); });
    // Nothing is left beside the two.
    EXPECT_EQ(
        std::distance(
            std::filesystem::directory_iterator{place.file("")},
            std::filesystem::directory_iterator{}),
        2);
}

TENDRIL_TEST(file_faults, an_interrupted_call_is_made_again) {
    std::size_t const points = interrupt_each(&system_calls::readv, EINTR) +
        interrupt_each(&system_calls::writev, EINTR) + interrupt_each(&system_calls::poll, EINTR) +
        interrupt_each(&system_calls::preadv2, EINTR) +
        interrupt_each(&system_calls::pwritev2, EINTR) +
        interrupt_each(&system_calls::open, EINTR) + interrupt_each(&system_calls::fsync, EINTR) +
        interrupt_each(&system_calls::ftruncate, EINTR) +
        interrupt_each(&system_calls::copy_file_range, EINTR);
    std::printf("%zu calls were interrupted\n", points);
}

TENDRIL_TEST(file_faults, all_programs_survive_a_kernel_that_stutters) {
    stuttering_files const kernel;
    for (stream_program const& program : file_programs) {
        test::run_in_hub(
            [&](auto&) { EXPECT_EQ(end_of_program(program), "done") << program.name; });
    }
    std::printf("%d stuttering calls\n", file_stutters.load());
}

TENDRIL_HUB_TEST(file_faults, all_programs_survive_a_storm_of_signals) {
    signal_storm const storm;
    int const wanted = test::laps(20, 2000);
    while (signal_storm::count() < wanted) {
        for (stream_program const& program : file_programs) {
            ASSERT_EQ(end_of_program(program), "done") << program.name;
        }
    }
}
