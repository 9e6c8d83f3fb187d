// SPDX-License-Identifier: BSL-1.0
//
// What happens to children when a system call fails, or is not there.
#include <harness/children.hpp>
#include <harness/network.hpp>
#include <tendril/process/run_process.hpp>
#include <tendril/testing/failing_system_calls.hpp>

#include <cerrno>
#include <chrono>
#include <string>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using tendril::testing::failing_system_calls;

// What starting a child with three pipes is refused with, when the n-th call of a row fails.
template <typename Row>
error_code refusal_when(Row row, int code, std::size_t number = 1) {
    failing_system_calls const next{row, code, number};
    error_code error;
    process const none{test::piped_shell("exec cat"), error};
    EXPECT_FALSE(none.valid());
    EXPECT_TRUE(next.has_failed());
    return error;
}

// A kernel without pidfds, or with a filter that refuses them.
system_calls without_pidfd() {
    system_calls table = real_kernel();
    table.pidfd_open = [](pid_t, unsigned) {
        errno = ENOSYS;
        return -1;
    };
    return table;
}

}  // namespace

TENDRIL_HUB_TEST(process_faults, a_start_that_fails_leaves_no_child_and_no_descriptor) {
    for (std::size_t number = 1; number <= 3; ++number) {
        EXPECT_EQ(refusal_when(&system_calls::pipe2, EMFILE, number).value(), EMFILE);
        EXPECT_EQ(refusal_when(&system_calls::fcntl, EINVAL, number).value(), EINVAL);
    }
    EXPECT_EQ(refusal_when(&system_calls::posix_spawn, EAGAIN).value(), EAGAIN);
    EXPECT_EQ(refusal_when(&system_calls::posix_spawn, ENOMEM).value(), ENOMEM);
    EXPECT_FALSE(test::has_children());
}

TENDRIL_HUB_TEST(process_faults, a_child_that_cannot_be_watched_is_killed) {
    system_calls table = without_pidfd();
    // The fourth pipe is the one that a thread would close.
    static int pipes = 0;
    pipes = 0;
    table.pipe2 = [](int* ends, int flags) {
        if (++pipes == 4) {
            errno = EMFILE;
            return -1;
        }
        return real_kernel().pipe2(ends, flags);
    };
    replaced_system_calls const until_end{table};
    EXPECT_EQ(test::code_of([] { process{test::piped_shell("exec cat")}; }).value(), EMFILE);
}

TENDRIL_HUB_TEST(process_faults, without_pidfds_a_thread_watches) {
    static system_calls const table = without_pidfd();
    replaced_system_calls const until_end{table};
    EXPECT_EQ(run_process(test::shell("cat; exit 3"), {.input = "x"}).output, "x");
    process child{test::waiting_child()};
    auto first = spawn([&] { return child.wait(); });
    auto second = spawn([&] { return child.wait(); });
    EXPECT_EQ(child.wait_for(1h), std::nullopt);
    first.cancel();
    test::settle();
    EXPECT_TRUE(child.terminate());
    EXPECT_EQ(second.get().signal(), SIGTERM);
    EXPECT_FALSE(child.terminate());
}

TENDRIL_HUB_TEST(process_faults, an_end_that_cannot_be_asked_for_is_unknown) {
    process child{test::waiting_child()};
    pid_t const number = child.pid();
    {
        failing_system_calls const next{&system_calls::waitid, ECHILD, 1};
        EXPECT_FALSE(child.wait().known());
    }
    // As far as the handle knows there is no child any more; this test has to end it.
    test::kill_and_wait(number);
    EXPECT_EQ(::waitpid(number, nullptr, 0), number);
}

TENDRIL_HUB_TEST(process_faults, an_interrupted_call_is_made_again) {
    process child{test::shell("exit 5")};
    test::wait_for_zombie(child.pid());
    failing_system_calls const next{&system_calls::waitid, EINTR, 1};
    EXPECT_EQ(child.poll(), exit_status::of_code(5));
}

TENDRIL_HUB_TEST(process_faults, a_signal_that_is_not_allowed_is_told) {
    process child{test::waiting_child()};
    failing_system_calls const next{&system_calls::pidfd_send_signal, EPERM, 1};
    EXPECT_EQ(test::code_of([&] { child.terminate(); }).value(), EPERM);
}

TENDRIL_HUB_TEST(process_faults, an_error_of_one_stream_ends_what_the_others_wait_for) {
    process child{test::piped_shell("cat")};
    failing_system_calls const next{&system_calls::writev, EIO, 1};
    EXPECT_EQ(test::code_of([&] { child.communicate("never written"); }).value(), EIO);
    EXPECT_FALSE(child.poll());
}

TENDRIL_HUB_TEST(process_faults, a_signal_that_may_not_be_sent_is_an_error) {
    process_options options = test::waiting_child();
    options.process_group = 0;
    process child{options};
    {
        system_calls table = kernel();
        table.kill = [](pid_t, int) {
            errno = EPERM;
            return -1;
        };
        table.pidfd_send_signal = [](int, int, siginfo_t*, unsigned) {
            errno = EPERM;
            return -1;
        };
        replaced_system_calls const in_place{table};
        for (bool const to_group : {false, true}) {
            auto const send = [&] {
                to_group ? child.send_signal_to_group(SIGTERM) : child.send_signal(SIGTERM);
            };
            EXPECT_EQ(test::code_of(send).value(), EPERM);
            EXPECT_NE(test::text_of(send).find("cannot send signal 15"), std::string::npos);
        }
        table.kill = [](pid_t, int) {
            errno = ESRCH;
            return -1;
        };
        EXPECT_FALSE(child.send_signal_to_group(SIGTERM));
    }
    EXPECT_TRUE(child.kill());
    EXPECT_EQ(child.wait().signal(), SIGKILL);
}
