// SPDX-License-Identifier: BSL-1.0
//
// A greenlet that waits for one of several things: a whole, and its parts in several queues.
#include <harness/hubs.hpp>
#include <tendril/hub/waiter.hpp>
#include <tendril/support/intrusive_list.hpp>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::outcome_of;
using test::self;
using test::wish;
using outcome = waiter::outcome;

class part final : public waiter {
public:
    explicit part(waiter& whole) : waiter{whole, "a part"} {}
};

// A whole with a part in each of two queues.
class two_ways final : public waiter {
public:
    two_ways() : waiter{"two ways"} {
        left_queue.push_back(left);
        right_queue.push_back(right);
    }
    bool stands_nowhere() const { return left_queue.empty() && right_queue.empty(); }

    intrusive_list<waiter> left_queue;
    intrusive_list<waiter> right_queue;
    part left{*this};
    part right{*this};

private:
    bool withdraw() noexcept override {
        left.unlink();
        right.unlink();
        return true;
    }
};

}  // namespace

TENDRIL_HUB_TEST(waiter_parts, a_wake_of_a_part_wakes_the_whole) {
    two_ways me;
    this_hub().call_soon([&] { EXPECT_TRUE(me.right.wake()); });
    me.park();
    EXPECT_EQ(me.settled(), outcome::woken);
    EXPECT_EQ(me.right.settled(), outcome::woken);
    EXPECT_EQ(me.left.settled(), outcome::waiting);
}

TENDRIL_HUB_TEST(waiter_parts, all_parts_leave_their_queues_before_the_greenlet_runs) {
    two_ways me;
    this_hub().call_soon([&] {
        me.left.wake();
        EXPECT_TRUE(me.stands_nowhere());
    });
    me.park();
}

TENDRIL_HUB_TEST(waiter_parts, of_several_parts_one_is_woken) {
    two_ways me;
    this_hub().call_soon([&] {
        EXPECT_TRUE(me.left.wake());
        EXPECT_FALSE(me.left.wake());
        EXPECT_FALSE(me.right.wake());
        EXPECT_FALSE(me.wake());
    });
    me.park();
    EXPECT_EQ(me.right.settled(), outcome::waiting);
}

TENDRIL_HUB_TEST(waiter_parts, one_that_is_woken_before_the_park_does_not_wait) {
    two_ways me;
    EXPECT_TRUE(me.left.wake());
    EXPECT_TRUE(me.stands_nowhere());
    std::uint64_t const switches = this_hub().statistics().switches;
    me.park();
    EXPECT_EQ(this_hub().statistics().switches, switches);
}

TENDRIL_HUB_TEST(waiter_parts, a_part_cannot_be_woken_after_the_limit) {
    two_ways me;
    EXPECT_FALSE(me.park_until(deadline::after(1ms)));
    EXPECT_TRUE(me.stands_nowhere());
    EXPECT_FALSE(me.left.wake());
}

TENDRIL_HUB_TEST(waiter_parts, a_part_cannot_be_woken_after_an_interruption_of_the_same_turn) {
    two_ways me;
    wish stop{"stop"};
    control_block& waiting = self();
    this_hub().call_soon([&] {
        request(waiting, stop);
        EXPECT_TRUE(me.stands_nowhere());
        EXPECT_FALSE(me.right.wake());
    });
    EXPECT_EQ(outcome_of([&] { me.park(); }), "stop");
}

TENDRIL_HUB_TEST(waiter_parts, an_interruption_after_the_wake_waits_for_the_next_park) {
    two_ways me;
    wish stop{"stop"};
    control_block& waiting = self();
    this_hub().call_soon([&] {
        EXPECT_TRUE(me.right.wake());
        request(waiting, stop);
    });
    EXPECT_EQ(outcome_of([&] { me.park(); }), "returned");
    EXPECT_EQ(test::sleep_outcome(), "stop");
}
