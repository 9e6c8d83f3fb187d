// SPDX-License-Identifier: BSL-1.0
#include <harness/hubs.hpp>
#include <tendril/hub/no_switch.hpp>
#include <tendril/hub/waiter.hpp>
#include <tendril/support/intrusive_list.hpp>
#include <tendril/time/sleep.hpp>

#include <string>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::lone_waiter;
using test::outcome_of;
using test::self;
using test::transcript;
using test::wish;
using outcome = waiter::outcome;

// Stands for a wait on the kernel: it cannot be left at once.
class operation final : public waiter {
public:
    operation() : waiter{"an operation"} {}
    void await() { park_operation(); }
    int asked_to_stop = 0;

private:
    bool withdraw() noexcept override {
        ++asked_to_stop;
        return false;
    }
};

}  // namespace

TENDRIL_HUB_TEST(waiter, park_returns_when_somebody_wakes_it) {
    lone_waiter me;
    this_hub().call_later(1ms, [&] { EXPECT_TRUE(me.wake()); });
    me.park();
    EXPECT_EQ(clock.elapsed(), 1ms);
    EXPECT_EQ(me.settled(), outcome::woken);
}

TENDRIL_HUB_TEST(waiter, park_returns_at_once_when_somebody_has_woken_it) {
    lone_waiter me;
    EXPECT_TRUE(me.wake());
    std::uint64_t const switches = this_hub().statistics().switches;
    me.park();
    EXPECT_TRUE(me.park_until(deadline::at(now())));
    me.park_shielded();
    EXPECT_EQ(this_hub().statistics().switches, switches);
}

TENDRIL_HUB_TEST(waiter, wake_does_not_switch) {
    transcript seen;
    lone_waiter* waits = nullptr;
    auto const other = this_hub().spawn_raw([&] {
        lone_waiter me;
        waits = &me;
        me.park();
        seen.push_back("woken");
    });
    yield();
    waits->wake();
    seen.push_back("waker");
    yield();
    EXPECT_EQ(seen, (transcript{"waker", "woken"}));
}

TENDRIL_HUB_TEST(waiter, the_second_wake_loses) {
    lone_waiter me;
    this_hub().call_soon([&] {
        EXPECT_TRUE(me.wake());
        EXPECT_FALSE(me.wake());
        EXPECT_EQ(this_hub().statistics().ready, 1U);
    });
    me.park();
    EXPECT_FALSE(me.wake());
}

TENDRIL_ORDERED_HUB_TEST(waiter, greenlets_run_in_the_order_they_were_woken) {
    transcript seen;
    std::vector<lone_waiter*> waits;
    for (char const* word : {"a", "b", "c"}) {
        this_hub().spawn_raw([&, word] {
            lone_waiter me;
            waits.push_back(&me);
            me.park();
            seen.push_back(word);
        });
    }
    yield();
    for (std::size_t const number : {2U, 0U, 1U}) {
        waits[number]->wake();
    }
    yield();
    EXPECT_EQ(seen, (transcript{"c", "a", "b"}));
}

TENDRIL_HUB_TEST(waiter, knows_who_waits_for_what_and_where) {
    lone_waiter const me{"the moon"};
    EXPECT_STREQ(me.what(), "the moon");
    EXPECT_EQ(&me.block(), &self());
    EXPECT_EQ(&me.home(), &this_hub());
    EXPECT_EQ(me.settled(), outcome::waiting);
    EXPECT_EQ(me.wanted(), outcome::waiting);
}

TENDRIL_TEST(waiter, makes_the_hub_of_its_thread) {
    std::thread{[] {
        lone_waiter const me;
        EXPECT_EQ(&me.home(), hub::of(this_thread()));
    }}.join();
}

// Its own limit.

TENDRIL_HUB_TEST(waiter, park_until_returns_false_when_the_limit_comes_first) {
    lone_waiter me;
    EXPECT_FALSE(me.park_until(deadline::after(5ms)));
    EXPECT_EQ(clock.elapsed(), 5ms);
    EXPECT_EQ(me.settled(), outcome::timed_out);
}

TENDRIL_HUB_TEST(waiter, park_until_returns_true_when_the_wake_comes_first) {
    lone_waiter me;
    this_hub().call_later(1ms, [&] { me.wake(); });
    EXPECT_TRUE(me.park_until(deadline::after(5ms)));
    EXPECT_EQ(clock.elapsed(), 1ms);
    EXPECT_EQ(this_hub().statistics().alarms, 0U);
}

TENDRIL_HUB_TEST(waiter, a_wake_after_its_limit_loses) {
    lone_waiter me;
    EXPECT_FALSE(me.park_until(deadline::after(1ms)));
    EXPECT_FALSE(me.wake());
    EXPECT_EQ(me.settled(), outcome::timed_out);
}

TENDRIL_HUB_TEST(waiter, a_limit_that_is_past_lets_others_run_and_wake_it) {
    lone_waiter me;
    this_hub().call_soon([&] { me.wake(); });
    EXPECT_TRUE(me.park_until(deadline::at(time_point::min())));
}

TENDRIL_HUB_TEST(waiter, never_is_no_limit) {
    lone_waiter me;
    this_hub().call_later(24h * 365 * 100, [&] { me.wake(); });
    EXPECT_TRUE(me.park_until(deadline::never()));
}

TENDRIL_HUB_TEST(waiter, leaves_its_queue_when_its_limit_comes) {
    intrusive_list<waiter> queue;
    lone_waiter me;
    queue.push_back(me);
    me.park_until(deadline::after(1ms));
    EXPECT_TRUE(queue.empty());
}

// Interruption.

TENDRIL_HUB_TEST(waiter, leaves_its_queue_when_it_is_interrupted) {
    wish stop{"stop"};
    intrusive_list<waiter> queue;
    lone_waiter me;
    queue.push_back(me);
    this_hub().call_soon([&, who = &self()] {
        request(*who, stop);
        EXPECT_TRUE(queue.empty());
        EXPECT_FALSE(me.wake());
    });
    EXPECT_EQ(outcome_of([&] { me.park(); }), "stop");
    EXPECT_EQ(me.settled(), outcome::interrupted);
}

TENDRIL_HUB_TEST(waiter, park_until_throws_when_it_is_interrupted) {
    wish stop{"stop"};
    lone_waiter me;
    this_hub().call_soon([&, who = &self()] { request(*who, stop); });
    EXPECT_EQ(outcome_of([&] { me.park_until(deadline::after(1s)); }), "stop");
    EXPECT_EQ(this_hub().statistics().alarms, 0U);
}

TENDRIL_HUB_TEST(waiter, what_was_pending_before_ends_the_park_before_it_begins) {
    wish stop{"stop"};
    lone_waiter me;
    request(self(), stop);
    std::uint64_t const switches = this_hub().statistics().switches;
    EXPECT_EQ(outcome_of([&] { me.park(); }), "stop");
    EXPECT_EQ(me.settled(), outcome::waiting);
    EXPECT_EQ(this_hub().statistics().switches, switches);
    EXPECT_TRUE(me.wake());
}

TENDRIL_HUB_TEST(waiter, what_was_pending_before_ends_a_park_with_a_limit_too) {
    wish stop{"stop"};
    lone_waiter me;
    request(self(), stop);
    EXPECT_EQ(outcome_of([&] { me.park_until(deadline::after(1s)); }), "stop");
    EXPECT_EQ(clock.elapsed(), 0ns);
}

TENDRIL_HUB_TEST(waiter, a_shielded_park_is_ended_by_a_wake_only) {
    wish stop{"stop"};
    lone_waiter me;
    request(self(), stop);
    this_hub().call_later(1ms, [&] { me.wake(); });
    EXPECT_EQ(outcome_of([&] { me.park_shielded(); }), "returned");
    EXPECT_EQ(clock.elapsed(), 1ms);
    EXPECT_TRUE(stop.pending());
    withdraw(self(), stop);
}

TENDRIL_HUB_TEST(waiter, a_shielded_park_that_was_refused_leaves_no_shield_behind) {
    wish stop{"stop"};
    lone_waiter me;
    {
        no_switch const nobody_else;
        EXPECT_EQ(outcome_of([&] { me.park_shielded(); }), "misuse");
    }
    this_hub().call_later(1ms, [&, who = &self()] { request(*who, stop); });
    this_hub().call_later(2ms, [&] { me.wake(); });
    EXPECT_EQ(outcome_of([&] { me.park(); }), "stop");
    EXPECT_EQ(clock.elapsed(), 1ms);
}

// Waits that cannot be left at once.

TENDRIL_HUB_TEST(waiter, one_that_cannot_leave_is_asked_to_and_waits_on) {
    wish stop{"stop"};
    operation me;
    this_hub().call_soon([&, who = &self()] { request(*who, stop); });
    this_hub().call_later(1ms, [&] { EXPECT_TRUE(me.wake()); });
    EXPECT_EQ(outcome_of([&] { me.await(); }), "returned");
    EXPECT_EQ(clock.elapsed(), 1ms);
    EXPECT_EQ(me.asked_to_stop, 1);
    EXPECT_EQ(me.wanted(), outcome::interrupted);
    EXPECT_EQ(me.settled(), outcome::woken);
    EXPECT_TRUE(stop.pending());
    withdraw(self(), stop);
}

TENDRIL_HUB_TEST(waiter, one_that_cannot_leave_is_asked_when_its_limit_comes_too) {
    operation me;
    this_hub().call_later(2ms, [&] { me.wake(); });
    {
        park_limit const limit{me, deadline::after(1ms)};
        me.await();
    }
    EXPECT_EQ(clock.elapsed(), 2ms);
    EXPECT_EQ(me.asked_to_stop, 1);
    EXPECT_EQ(me.wanted(), outcome::timed_out);
}

TENDRIL_HUB_TEST(waiter, an_operation_delivers_nothing_when_it_begins) {
    wish stop{"stop"};
    operation me;
    request(self(), stop);
    this_hub().call_later(1ms, [&] { me.wake(); });
    EXPECT_EQ(outcome_of([&] { me.await(); }), "returned");
    EXPECT_TRUE(stop.pending());
    withdraw(self(), stop);
}

// Being left behind.

TENDRIL_HUB_TEST(waiter, a_stranded_one_leaves_its_queue_and_ignores_wakes) {
    intrusive_list<waiter> queue;
    lone_waiter me;
    queue.push_back(me);
    me.strand();
    EXPECT_TRUE(queue.empty());
    EXPECT_FALSE(me.wake());
    EXPECT_EQ(me.settled(), outcome::interrupted);
}

TENDRIL_HUB_TEST(waiter, one_that_is_refused_in_a_callback_leaves_its_queue) {
    intrusive_list<waiter> queue;
    this_hub().call_soon([&] {
        lone_waiter me;
        queue.push_back(me);
        EXPECT_EQ(outcome_of([&] { me.park(); }), "misuse");
    });
    yield();
    EXPECT_TRUE(queue.empty());
}

// Alternating parks with and without limits, with wakes that come in time, late, or never.
TENDRIL_HUB_TEST(waiter, no_wake_is_lost_and_none_reaches_another_park) {
    int given = 0;
    int taken = 0;
    auto const other = this_hub().spawn_raw([&] {
        for (int lap = 0; lap < 30'000; ++lap) {
            lone_waiter me;
            auto handle = this_hub().call_later(
                std::chrono::microseconds{lap % 7}, [&] { given += me.wake() ? 1 : 0; });
            bool const limited = lap % 2 == 0;
            auto const limit = deadline::after(std::chrono::microseconds{lap % 5});
            taken += me.park_until(limited ? limit : deadline::never()) ? 1 : 0;
            handle.cancel();
        }
    });
    sleep_for(1h);
    EXPECT_TRUE(other.dead());
    EXPECT_EQ(taken, given);
    EXPECT_GT(taken, 15'000);
    EXPECT_LT(taken, 30'000);
}
