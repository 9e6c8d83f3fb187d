// SPDX-License-Identifier: BSL-1.0
#include <harness/greenlets.hpp>
#include <harness/tasks.hpp>
#include <tendril/testing/leak_check.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <thread>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using tendril::testing::leak_check;

}  // namespace

TENDRIL_HUB_TEST(leak_check, says_nothing_when_nothing_was_left) {
    leak_check const before;
    EXPECT_EQ(before.leaks(), "");
    spawn([] { sleep_for(1ms); }).join();
    EXPECT_EQ(before.leaks(), "");
}

TENDRIL_TEST(leak_check, counts_greenlets_that_have_not_begun) {
    leak_check const before;
    auto g = std::make_unique<greenlet>([] {});
    EXPECT_EQ(before.leaks(), "1 greenlets");
    g.reset();
    EXPECT_EQ(before.leaks(), "");
}

TENDRIL_TEST(leak_check, counts_greenlets_that_have_begun_and_their_stacks) {
    leak_check const before;
    int ended = 0;
    greenlet first = test::suspended_greenlet(ended);
    greenlet second = test::suspended_greenlet(ended);
    EXPECT_EQ(before.leaks(), "2 greenlets, 2 started greenlets, 2 stacks");
    first = second = greenlet{};
    EXPECT_EQ(before.leaks(), "");
}

TENDRIL_TEST(leak_check, counts_dead_greenlets_while_a_handle_remains) {
    leak_check const before;
    greenlet g{[] {}};
    g.switch_to();
    EXPECT_EQ(before.leaks(), "1 greenlets");
}

TENDRIL_HUB_TEST(leak_check, counts_alarms) {
    leak_check const before;
    auto call = this_hub().call_later(1h, [] {});
    EXPECT_EQ(before.leaks(), "1 alarms");
    call.cancel();
    EXPECT_EQ(before.leaks(), "");
}

TENDRIL_TEST(leak_check, counts_descriptors) {
    leak_check const before;
    int const descriptor = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    EXPECT_EQ(before.leaks(), "1 descriptors");
    ::close(descriptor);
    EXPECT_EQ(before.leaks(), "");
}

// The other thread closes while this one looks, in most of the rounds.
TENDRIL_TEST(leak_check, waits_for_what_another_thread_has_open_for_a_moment) {
    for (int round = 0; round < 100; ++round) {
        leak_check const before;
        std::atomic<bool> looks{false};
        int const descriptor = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
        std::thread other{[&] {
            looks.wait(false);
            ::close(descriptor);
        }};
        looks = true;
        looks.notify_one();
        EXPECT_EQ(before.leaks(), "");
        other.join();
    }
}

TENDRIL_TEST(leak_check, does_not_complain_when_there_is_less_than_before) {
    auto g = std::make_unique<greenlet>([] {});
    leak_check const before;
    g.reset();
    EXPECT_EQ(before.leaks(), "");
}

TENDRIL_TEST(leak_check, ends_what_other_threads_have_let_go_before_it_counts) {
    leak_check const before;
    greenlet g{[] {}};
    std::thread{[moved = std::move(g)] {}}.join();
    EXPECT_EQ(before.leaks(), "");
}
