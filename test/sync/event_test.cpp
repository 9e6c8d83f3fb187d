// SPDX-License-Identifier: BSL-1.0
#include <harness/tasks.hpp>
#include <tendril/sync/event.hpp>

#include <memory>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::attempt;
using test::outcome_of;
using test::start;
using test::transcript;

}  // namespace

TENDRIL_TEST(event, is_set_until_it_is_reset) {
    event e;
    EXPECT_FALSE(e.is_set());
    e.set();
    EXPECT_TRUE(e.is_set());
    e.reset();
    EXPECT_FALSE(e.is_set());
}

TENDRIL_TEST(event, may_be_set_twice_and_reset_twice) {
    event e;
    e.set();
    e.set();
    EXPECT_TRUE(e.is_set());
    e.reset();
    e.reset();
    EXPECT_FALSE(e.is_set());
}

TENDRIL_HUB_TEST(event, wait_returns_at_once_when_it_is_set) {
    event e;
    e.set();
    std::uint64_t const switches = this_hub().statistics().switches;
    e.wait();
    EXPECT_TRUE(e.wait_for(0s));
    EXPECT_TRUE(e.wait_until(now() - 1h));
    EXPECT_TRUE(e.wait_until(deadline::never()));
    EXPECT_EQ(this_hub().statistics().switches, switches);
}

TENDRIL_ORDERED_HUB_TEST(event, set_wakes_all_waiters_in_the_order_they_came) {
    event e;
    transcript seen;
    for (char const* word : {"a", "b", "c"}) {
        spawn([&, word] {
            e.wait();
            seen.push_back(word);
        });
    }
    yield();
    e.set();
    EXPECT_EQ(seen, transcript{});
    yield();
    EXPECT_EQ(seen, (transcript{"a", "b", "c"}));
}

TENDRIL_HUB_TEST(event, a_wait_ends_well_though_the_flag_was_reset_before_the_waiter_ran) {
    event e;
    int well = 0;
    for (int number = 0; number < 1000; ++number) {
        spawn([&] { well += e.wait_for(1h) ? 1 : 0; });
    }
    yield();
    e.set();
    e.reset();
    yield();
    EXPECT_EQ(well, 1000);
}

TENDRIL_HUB_TEST(event, who_comes_after_the_reset_waits_for_the_next_set) {
    event e;
    attempt early;
    attempt late;
    start(early, [&] { e.wait(); });
    yield();
    e.set();
    e.reset();
    start(late, [&] { e.wait(); });
    yield();
    EXPECT_EQ(early.outcome, "returned");
    EXPECT_EQ(late.outcome, "waits");
    e.set();
    yield();
    EXPECT_EQ(late.outcome, "returned");
}

TENDRIL_HUB_TEST(event, wait_for_gives_up_at_its_limit) {
    event e;
    EXPECT_FALSE(e.wait_for(5ms));
    EXPECT_EQ(clock.elapsed(), 5ms);
    EXPECT_FALSE(e.wait_until(now() + 5ms));
    EXPECT_EQ(clock.elapsed(), 10ms);
}

TENDRIL_HUB_TEST(event, wait_for_returns_true_when_it_is_set_in_time) {
    event e;
    this_hub().call_later(1ms, [&] { e.set(); });
    EXPECT_TRUE(e.wait_for(5ms));
    EXPECT_EQ(clock.elapsed(), 1ms);
    EXPECT_EQ(this_hub().statistics().alarms, 0U);
}

TENDRIL_HUB_TEST(event, who_has_given_up_is_not_woken_by_a_later_set) {
    event e;
    EXPECT_FALSE(e.wait_for(1ms));
    e.set();
    EXPECT_EQ(this_hub().statistics().ready, 0U);
    test::lone_waiter other;
    EXPECT_FALSE(other.park_until(deadline::after(1ms)));
}

TENDRIL_HUB_TEST(event, a_wait_for_no_time_lets_others_set_it) {
    event e;
    spawn([&] { e.set(); });
    EXPECT_TRUE(e.wait_for(0s));
}

TENDRIL_HUB_TEST(event, takes_any_duration) {
    event e;
    test::expect_no_time_is_enough(clock, [&](auto limit) { return e.wait_for(limit); });
    test::expect_an_age_is_enough(
        [&](auto limit) {
            e.reset();
            return e.wait_for(limit);
        },
        [&] { e.set(); });
}

TENDRIL_ORDERED_HUB_TEST(event, who_comes_while_the_woken_have_not_run_yet_does_not_wait) {
    event e;
    transcript seen;
    spawn([&] {
        e.wait();
        seen.push_back("waited");
    });
    yield();
    e.set();
    e.wait();
    seen.push_back("came late");
    yield();
    EXPECT_EQ(seen, (transcript{"came late", "waited"}));
}

// Interruption.

TENDRIL_HUB_TEST(event, a_waiter_that_is_cancelled_leaves_and_the_others_stay) {
    event e;
    attempt first;
    attempt second;
    start(first, [&] { e.wait(); });
    start(second, [&] { e.wait(); });
    yield();
    first.run_by.cancel();
    yield();
    EXPECT_EQ(first.outcome, "cancelled");
    EXPECT_EQ(second.outcome, "waits");
    e.set();
    yield();
    EXPECT_EQ(second.outcome, "returned");
}

TENDRIL_HUB_TEST(event, a_waiter_cancelled_after_the_set_has_waited_well_and_all_others_wake) {
    event e;
    transcript seen;
    task<void> const first = spawn([&] {
        seen.push_back(outcome_of([&] { e.wait(); }));
        seen.push_back(outcome_of([] { yield(); }));
    });
    attempt second;
    start(second, [&] { e.wait(); });
    yield();
    e.set();
    first.cancel();
    yield();
    EXPECT_EQ(seen, (transcript{"returned", "cancelled"}));
    EXPECT_EQ(second.outcome, "returned");
}

TENDRIL_HUB_TEST(event, an_outer_limit_passes_through) {
    event e;
    timeout const outer{1ms};
    try {
        e.wait_for(1h);
        ADD_FAILURE();
    } catch (timed_out const& late) {
        EXPECT_TRUE(late.by(outer));
    }
}

TENDRIL_HUB_TEST(event, wait_looks_for_cancellation_even_if_it_is_set) {
    event e;
    e.set();
    transcript seen;
    task<void> const other = spawn([&] {
        other.cancel();
        seen.push_back(outcome_of([&] { e.wait(); }));
        other.cancel();
        seen.push_back(outcome_of([&] { e.wait_for(1s); }));
    });
    yield();
    EXPECT_EQ(seen, (transcript{"cancelled", "cancelled"}));
}

// Where it may be used.

TENDRIL_HUB_TEST(event, may_be_set_in_a_callback_and_not_waited_for) {
    event e;
    std::string outcome;
    this_hub().call_soon([&] {
        outcome = outcome_of([&] { e.wait(); });
        e.set();
    });
    e.wait();
    EXPECT_EQ(outcome, "misuse");
}

TENDRIL_HUB_TEST(event, another_thread_cannot_wait_where_this_one_does) {
    event e;
    attempt waiting;
    start(waiting, [&] { e.wait(); });
    yield();
    EXPECT_EQ(test::outcome_elsewhere([&] { e.wait(); }), "wrong thread");
    e.set();
    yield();
    EXPECT_EQ(waiting.outcome, "returned");
}

TENDRIL_HUB_TEST(event, set_on_another_thread_than_the_waiters_is_refused_and_changes_nothing) {
    event e;
    attempt waiting;
    start(waiting, [&] { e.wait(); });
    yield();
    EXPECT_EQ(test::outcome_elsewhere([&] { e.set(); }), "wrong thread");
    EXPECT_FALSE(e.is_set());
    e.set();
    yield();
    EXPECT_EQ(waiting.outcome, "returned");
}

TENDRIL_TEST(event, serves_one_hub_after_another) {
    event e;
    for (int lap = 0; lap < 3; ++lap) {
        run([&] {
            spawn([&] { e.set(); });
            e.wait();
            e.reset();
        });
    }
}

TENDRIL_HUB_TEST(event, a_waiter_that_the_close_of_its_hub_ends_leaves) {
    event e;
    attempt waiting;
    start(waiting, [&] { e.wait(); });
    yield();
    this_hub().close();
    EXPECT_EQ(waiting.outcome, "exit");
    e.set();
}

TENDRIL_TEST(event, stops_the_program_when_it_is_destroyed_while_somebody_waits) {
    EXPECT_DEATH(
        run([] {
            auto e = std::make_unique<event>();
            spawn([&] { e->wait(); });
            yield();
            e.reset();
        }),
        "an event was destroyed while a greenlet waits for it");
}
