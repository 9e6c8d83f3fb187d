// SPDX-License-Identifier: BSL-1.0
//
// In the child of a fork, the greenlets that are gone stand in no queue.
#include <harness/forking.hpp>
#include <harness/hubs.hpp>
#include <tendril/sync.hpp>

#include <mutex>

namespace {

using namespace tendril;
using tendril::test::holds_in_a_child;

class fork_with_waiters : public ::testing::Test {
protected:
    void SetUp() override {
        if (!tendril::test::can_go_on_in_a_child) {
            GTEST_SKIP() << "ThreadSanitizer does not follow a process with threads into its child";
        }
    }
};

TEST_F(fork_with_waiters, a_primitive_of_the_child_hands_nothing_over_to_those_who_are_gone) {
    run([] {
        counting_semaphore<> permits{0};
        tendril::mutex one;
        barrier both{2};
        event ready;
        one.lock();
        greenlet const others[] = {
            this_hub().spawn_raw([&] { permits.acquire(); }),
            this_hub().spawn_raw([&] { std::lock_guard const later{one}; }),
            this_hub().spawn_raw([&] { both.arrive_and_wait(); }),
            this_hub().spawn_raw([&] { select(ready.on_set([] {})); }),
        };
        yield();
        EXPECT_TRUE(holds_in_a_child([&] {
            this_hub().reset_after_fork();
            permits.release();
            one.unlock();
            ready.set();
            yield();
            return permits.available() == 1 && one.try_lock() && both.still_expected() == 2;
        }));
        permits.release();
        one.unlock();
        both.arrive_and_wait();
        ready.set();
        yield();
        for (greenlet const& each : others) {
            EXPECT_TRUE(each.dead());
        }
    });
}

}  // namespace
