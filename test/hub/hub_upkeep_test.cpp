// SPDX-License-Identifier: BSL-1.0
//
// What a hub gives back to the system while it idles.
#include <harness/hubs.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/hub/run.hpp>
#include <tendril/time/sleep.hpp>

#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <thread>

namespace {

using namespace tendril;
using namespace std::chrono_literals;

void let_a_crowd_come_and_go(int size) {
    for (int number = 0; number < size; ++number) {
        this_hub().spawn_raw([] { sleep_for(1ms); });
    }
    sleep_for(2ms);
}

// On a thread of its own, whose stacks nobody else has used.
template <typename F>
void run_with(hub_options options, F&& function) {
    std::thread{[&] {
        test::virtual_clock clock;
        options.clock = &clock;
        run(options, function);
    }}.join();
}

TENDRIL_TEST(hub, gives_back_what_a_crowd_has_left_within_some_idle_seconds) {
    run_with({}, [] {
        let_a_crowd_come_and_go(3000);
        EXPECT_GE(this_hub().statistics().stacks.idle, 3000U);
        for (int second = 0; second < 80; ++second) {
            // One step each time that the hub idles.
            sleep_for(50ms);
        }
        stack_pool_statistics const after = this_hub().statistics().stacks;
        EXPECT_LE(after.warm, stack_pool::always_warm);
        EXPECT_LT(after.idle, stack_pool::idle_crowd);
        EXPECT_GE(after.peak, 3000U);
    });
}

TENDRIL_TEST(hub, gives_nothing_back_when_it_was_told_so) {
    run_with({.gives_memory_back = false}, [] {
        let_a_crowd_come_and_go(3000);
        std::size_t const warm = this_hub().statistics().stacks.warm;
        for (int second = 0; second < 80; ++second) {
            sleep_for(50ms);
        }
        EXPECT_EQ(this_hub().statistics().stacks.warm, warm);
    });
}

TENDRIL_TEST(hub, keeps_what_a_crowd_needs_that_comes_again_and_again) {
    run_with({}, [] {
        for (int round = 0; round < 40; ++round) {
            let_a_crowd_come_and_go(1500);
            sleep_for(100ms);
        }
        EXPECT_GE(this_hub().statistics().stacks.warm, 1500U);
    });
}

TENDRIL_TEST(hub, does_not_let_time_jump_to_give_memory_back) {
    run_with({}, [] {
        let_a_crowd_come_and_go(3000);
        time_point const before = this_hub().now();
        EXPECT_TRUE(this_hub().join_for(1h));
        EXPECT_EQ(this_hub().now(), before);
    });
}

TENDRIL_TEST(hub, that_is_embedded_lets_its_context_end_although_a_crowd_has_left_something) {
    std::thread{[] {
        boost::asio::io_context io;
        hub mine{io, embedded};
        for (int number = 0; number < 2000; ++number) {
            mine.spawn_raw([] { sleep_for(1ms); });
        }
        io.run();
        EXPECT_GE(mine.statistics().stacks.idle, 2000U);
    }}.join();
}

}  // namespace
