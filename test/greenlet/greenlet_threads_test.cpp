// SPDX-License-Identifier: BSL-1.0
//
// Greenlets of several threads, as seen through handles.
#include <harness/greenlets.hpp>
#include <tendril/greenlet/greenlet.hpp>

#include <malloc.h>

#include <atomic>
#include <barrier>
#include <cstddef>
#include <latch>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace tendril;
using test::on_new_thread;
using test::second_thread;
using test::suspended_greenlet;
using test::switch_to_parent;
using test::transcript;

// Threads one after another, each with greenlets of every kind.
void run_threads(int count) {
    for (int number = 0; number < count; ++number) {
        int ended = 0;
        on_new_thread([&] {
            greenlet const unstarted{[] {}};
            greenlet const suspended = suspended_greenlet(ended);
            greenlet{[] {}}.switch_to();
        });
        EXPECT_EQ(ended, 1);
    }
}

}  // namespace

TENDRIL_TEST(greenlet, asking_for_the_current_one_ends_nobody) {
    int ended = 0;
    greenlet g = suspended_greenlet(ended);
    on_new_thread([moved = std::move(g)] {});
    std::uint64_t const switches = this_thread().switches;
    static_cast<void>(greenlet::current());
    EXPECT_EQ(this_thread().switches, switches);
    EXPECT_EQ(ended, 0);
    receive_visitors(this_thread());
    EXPECT_EQ(ended, 1);
}

TENDRIL_TEST(greenlet, a_throw_from_another_thread_leaves_it_as_it_was) {
    transcript seen;
    greenlet const g{[&] { seen.push_back(switch_to_parent().as<std::string>()); }};
    greenlet const unstarted{[] { return 1; }};
    g.switch_to();
    on_new_thread([&] {
        EXPECT_THROW(g.throw_into(std::runtime_error{"from elsewhere"}), wrong_thread);
        EXPECT_THROW(g.throw_into(), wrong_thread);
        EXPECT_THROW(unstarted.throw_into(), wrong_thread);
    });
    g.switch_to(std::string{"from its own thread"});
    EXPECT_EQ(seen, (transcript{"from its own thread"}));
    EXPECT_EQ(unstarted.switch_to().as<int>(), 1);
}

TENDRIL_TEST(greenlet, a_throw_into_one_of_a_thread_that_is_over_is_refused) {
    greenlet kept;
    int ended = 0;
    on_new_thread([&] { kept = suspended_greenlet(ended); });
    EXPECT_THROW(kept.throw_into(std::runtime_error{"too late"}), wrong_thread);
    EXPECT_THROW(kept.throw_into(), wrong_thread);
    EXPECT_TRUE(kept.dead());
}

TENDRIL_TEST(greenlet, one_that_was_made_here_cannot_be_started_elsewhere_whatever_its_parent) {
    greenlet const g{[] { return 1; }};
    on_new_thread([&] {
        EXPECT_THROW(g.set_parent(greenlet::current()), wrong_thread);
        EXPECT_THROW(g.switch_to(), wrong_thread);
    });
    EXPECT_EQ(g.parent(), greenlet::current());
    EXPECT_EQ(g.switch_to().as<int>(), 1);
}

TENDRIL_TEST(greenlet, threads_run_theirs_at_the_same_time) {
    constexpr int count = 4;
    std::barrier together{count};
    std::atomic<int> met{0};
    std::vector<std::thread> threads;
    for (int number = 0; number < count; ++number) {
        threads.emplace_back([&] {
            greenlet g{[&] {
                // Nobody passes before all are on stacks of their own.
                together.arrive_and_wait();
                ++met;
                switch_to_parent();
            }};
            g.switch_to();
            together.arrive_and_wait();
            g.switch_to();
        });
    }
    for (std::thread& each : threads) {
        each.join();
    }
    EXPECT_EQ(met, count);
}

TENDRIL_TEST(greenlet, one_that_holds_itself_ends_with_its_thread) {
    int ended = 0;
    on_new_thread([&] {
        greenlet g{[&] {
            scope_exit const count{[&] { ++ended; }};
            greenlet const myself{greenlet::current()};
            switch_to_parent();
        }};
        g.switch_to();
        g = greenlet{};
        EXPECT_EQ(ended, 0);
    });
    EXPECT_EQ(ended, 1);
}

TENDRIL_TEST(greenlet, a_thousand_threads_leave_no_memory_behind) {
#if TENDRIL_ASAN || TENDRIL_TSAN
    GTEST_SKIP() << "the sanitizer has an allocator of its own";
#endif
    run_threads(100);
    std::size_t const before = mallinfo2().uordblks;
    run_threads(1000);
    // A record with its slab of blocks takes more than 8 KiB for each thread.
    EXPECT_LT(mallinfo2().uordblks, before + 256 * 1024);
}
