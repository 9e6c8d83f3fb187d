// SPDX-License-Identifier: BSL-1.0
//
// Signals when calls of the system fail, and beside others who hear of the same ones.
#include <harness/children.hpp>
#include <harness/network.hpp>
#include <harness/signals.hpp>
#include <harness/tasks.hpp>
#include <tendril/process/signal_handler.hpp>
#include <tendril/process/signal_set.hpp>
#include <tendril/support/system_calls.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/testing/failing_system_calls.hpp>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <new>
#include <string>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using tendril::testing::failing_system_calls;
using test::counting_handler;

}  // namespace

TENDRIL_HUB_TEST(signal_set_faults, without_a_descriptor_nothing_is_caught) {
    counting_handler const former{SIGUSR1};
    {
        failing_system_calls const next{&system_calls::eventfd, EMFILE};
        EXPECT_EQ(
            test::code_of([] { signal_set const set{SIGUSR1}; }),
            boost::asio::error::no_descriptors);
    }
    EXPECT_TRUE(former.is_in_place());
}

TENDRIL_HUB_TEST(signal_set_faults, a_wait_that_fails_leaves_the_signal_to_the_next) {
    signal_set set{SIGUSR1};
    {
        failing_system_calls const next{&system_calls::epoll_ctl, ENOMEM};
        EXPECT_TRUE(test::code_of([&] { set.wait(); }).failed());
    }
    {
        failing_system_calls const next{&system_calls::read, EIO};
        EXPECT_TRUE(test::code_of([&] { set.wait(); }).failed());
    }
    std::raise(SIGUSR1);
    EXPECT_EQ(set.wait(), SIGUSR1);
}

TENDRIL_HUB_TEST(signal_set_faults, an_interrupted_read_is_made_again) {
    signal_set set{SIGUSR1};
    failing_system_calls const next{&system_calls::read, EINTR};
    EXPECT_EQ(set.wait_for(1s), std::nullopt);
    EXPECT_TRUE(next.has_failed());
}

TENDRIL_HUB_TEST(signal_set_faults, a_handler_reports_a_failed_wait_and_tries_again) {
    test::transcript errors;
    test::collect_errors(errors);
    int calls = 0;
    signal_handler const handler{SIGUSR1, [&] { ++calls; }};
    {
        failing_system_calls const next{&system_calls::epoll_ctl, ENOMEM};
        sleep_for(500ms);
        EXPECT_TRUE(next.has_failed());
    }
    ASSERT_EQ(errors.size(), 1u);
    EXPECT_TRUE(test::contains(errors[0], "the handler of SIGUSR1")) << errors[0];
    std::raise(SIGUSR1);
    sleep_for(1s);
    EXPECT_EQ(calls, 1);
}

TENDRIL_HUB_TEST(signal_set_faults, a_handler_reports_a_wait_without_memory_and_tries_again) {
    test::transcript errors;
    test::collect_errors(errors);
    int calls = 0;
    signal_handler const handler{SIGUSR1, [&] { ++calls; }};
    {
        static int reads;
        reads = 0;
        system_calls table = real_kernel();
        table.read = [](int descriptor, void* into, std::size_t size) -> ssize_t {
            if (++reads == 1) {
                throw std::bad_alloc{};
            }
            return real_kernel().read(descriptor, into, size);
        };
        replaced_system_calls const in_place{table};
        sleep_for(500ms);
        EXPECT_GT(reads, 0);
    }
    EXPECT_TRUE(handler.is_open());
    ASSERT_EQ(errors.size(), 1u);
    EXPECT_TRUE(test::contains(errors[0], "the handler of SIGUSR1")) << errors[0];
    std::raise(SIGUSR1);
    sleep_for(1s);
    EXPECT_EQ(calls, 1);
}

TENDRIL_HUB_TEST(signal_set_faults, the_end_of_a_child_is_told_to_its_handle_and_to_a_set) {
    signal_set ends{SIGCHLD};
    process child{{.program = "true"}};
    EXPECT_EQ(ends.wait(), SIGCHLD);
    EXPECT_TRUE(child.wait().success());
    process other{{.program = "false"}};
    EXPECT_EQ(other.wait().code(), 1);
    EXPECT_EQ(ends.wait(), SIGCHLD);
}

TENDRIL_HUB_TEST(signal_set_faults, ends_of_several_children_that_share_a_signal_are_all_told) {
    signal_set ends{SIGCHLD};
    std::vector<process> children;
    for (int count = 0; count < 5; ++count) {
        children.emplace_back(process_options{.program = "true"});
    }
    for (process& each : children) {
        test::wait_for_zombie(each.pid());
    }
    EXPECT_EQ(ends.wait(), SIGCHLD);
    EXPECT_EQ(ends.try_wait(), std::nullopt) << "signals do not add up";
    for (process& each : children) {
        EXPECT_TRUE(each.wait().success());
    }
}
