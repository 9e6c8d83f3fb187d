// SPDX-License-Identifier: BSL-1.0
#include <harness/hubs.hpp>
#include <tendril/time/sleep.hpp>

#include <algorithm>
#include <functional>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::lone_waiter;
using test::outcome_of;
using test::transcript;
using test::wish;
using real_seconds = std::chrono::duration<double>;
using real_limits = std::numeric_limits<double>;

// Sleeps for so long in a greenlet of its own; says whether that ended within a year.
template <typename Duration>
bool ends_within_a_year(Duration const& duration) {
    bool ended = false;
    auto const sleeper = this_hub().spawn_raw([&] {
        sleep_for(duration);
        ended = true;
    });
    sleep_for(24h * 365);
    return ended;
}

}  // namespace

TENDRIL_HUB_TEST(sleep, takes_as_long_as_it_says) {
    sleep_for(5ms);
    EXPECT_EQ(clock.elapsed(), 5ms);
    sleep_until(now() + 7ms);
    EXPECT_EQ(clock.elapsed(), 12ms);
    sleep_until(deadline::after(1ms));
    EXPECT_EQ(clock.elapsed(), 13ms);
}

TENDRIL_HUB_TEST(sleep, is_measured_from_its_beginning) {
    clock.advance(1h);
    sleep_for(5ms);
    EXPECT_EQ(clock.elapsed(), 1h + 5ms);
}

TENDRIL_HUB_TEST(sleep, sleepers_wake_in_the_order_of_their_moments) {
    transcript seen;
    for (int const delay : {3, 1, 2}) {
        this_hub().spawn_raw([&seen, delay] {
            sleep_for(std::chrono::milliseconds{delay});
            seen.push_back(std::to_string(delay));
        });
    }
    sleep_for(5ms);
    EXPECT_EQ(seen, (transcript{"1", "2", "3"}));
}

TENDRIL_ORDERED_HUB_TEST(sleep, sleepers_of_one_moment_wake_in_the_order_they_fell_asleep) {
    transcript seen;
    for (char const* word : {"a", "b", "c"}) {
        this_hub().spawn_raw([&seen, word] {
            sleep_for(1ms);
            seen.push_back(word);
        });
    }
    sleep_for(2ms);
    EXPECT_EQ(seen, (transcript{"a", "b", "c"}));
}

TENDRIL_HUB_TEST(sleep, only_the_greenlet_sleeps) {
    int steps = 0;
    auto const busy = this_hub().spawn_raw([&] {
        for (; steps < 10; ++steps) {
            sleep_for(1ms);
        }
    });
    sleep_for(20ms);
    EXPECT_EQ(steps, 10);
}

TENDRIL_HUB_TEST(sleep, leaves_no_alarm_behind) {
    sleep_for(1ms);
    EXPECT_EQ(this_hub().statistics().alarms, 0U);
}

// Moments that are past.

TENDRIL_HUB_TEST(sleep, zero_and_less_let_those_run_once_who_are_ready) {
    auto const others_ran = [](auto sleep) {
        int steps = 0;
        auto const other = this_hub().spawn_raw([&] {
            ++steps;
            yield();
            ++steps;
        });
        sleep();
        int const before = steps;
        yield();
        return before;
    };
    EXPECT_EQ(others_ran([] { sleep_for(0s); }), 1);
    EXPECT_EQ(others_ran([] { sleep_for(-1h); }), 1);
    EXPECT_EQ(others_ran([] { sleep_for(std::chrono::hours::min()); }), 1);
    EXPECT_EQ(others_ran([] { sleep_for(real_seconds{-real_limits::infinity()}); }), 1);
    EXPECT_EQ(others_ran([] { sleep_until(time_point::min()); }), 1);
    EXPECT_EQ(others_ran([] { sleep_until(now()); }), 1);
    EXPECT_EQ(clock.elapsed(), 0ns);
}

TENDRIL_HUB_TEST(sleep, a_moment_that_is_past_arms_no_alarm) {
    std::size_t armed = 1;
    this_hub().call_soon([&] { armed = this_hub().statistics().alarms; });
    sleep_for(-1s);
    EXPECT_EQ(armed, 0U);
}

// Moments that never come.

TENDRIL_HUB_TEST(sleep, an_age_does_not_end_at_once) {
    EXPECT_FALSE(ends_within_a_year(std::chrono::hours{24 * 365 * 400}));
    EXPECT_FALSE(ends_within_a_year(std::chrono::hours::max()));
    EXPECT_FALSE(ends_within_a_year(std::chrono::seconds::max()));
    EXPECT_FALSE(ends_within_a_year(std::chrono::milliseconds::max()));
    EXPECT_FALSE(ends_within_a_year(std::chrono::nanoseconds::max()));
    EXPECT_FALSE(ends_within_a_year(real_seconds{real_limits::infinity()}));
    EXPECT_FALSE(ends_within_a_year(real_seconds{real_limits::max()}));
}

TENDRIL_HUB_TEST(sleep, never_lasts_until_somebody_interrupts) {
    wish stop{"stop"};
    std::string outcome;
    auto const sleeper = this_hub().spawn_raw(
        [&] { outcome = outcome_of([] { sleep_until(deadline::never()); }); });
    sleep_for(24h * 365);
    EXPECT_EQ(outcome, "");
    request(*sleeper.block(), stop);
    yield();
    EXPECT_EQ(outcome, "stop");
}

TENDRIL_HUB_TEST(sleep, a_duration_that_is_not_a_number_is_refused) {
    EXPECT_THROW(sleep_for(real_seconds{real_limits::quiet_NaN()}), misuse);
}

// Interruption.

TENDRIL_HUB_TEST(sleep, one_that_is_interrupted_leaves_no_alarm_behind) {
    wish stop{"stop"};
    auto const sleeper = this_hub().spawn_raw(
        [] { EXPECT_EQ(outcome_of([] { sleep_for(1h); }), "stop"); });
    yield();
    EXPECT_EQ(this_hub().statistics().alarms, 1U);
    request(*sleeper.block(), stop);
    yield();
    EXPECT_EQ(this_hub().statistics().alarms, 0U);
}

TENDRIL_HUB_TEST(sleep, one_that_has_ended_in_the_same_turn_is_not_interrupted) {
    wish stop{"stop"};
    transcript seen;
    auto const sleeper = this_hub().spawn_raw([&] {
        seen.push_back(outcome_of([] { sleep_for(1ms); }));
        seen.push_back(outcome_of([] { sleep_for(1ms); }));
    });
    yield();
    // It comes due behind the sleep, in the same turn.
    this_hub().call_later(1ms, [&] { request(*sleeper.block(), stop); });
    clock.advance(1ms);
    sleep_for(5ms);
    EXPECT_EQ(seen, (transcript{"returned", "stop"}));
}

// Idling.

TENDRIL_HUB_TEST(sleep, idle_returns_when_all_others_wait) {
    int steps = 0;
    auto const busy = this_hub().spawn_raw([&] {
        for (; steps < 100; ++steps) {
            yield();
        }
        sleep_for(1h);
    });
    idle();
    EXPECT_EQ(steps, 100);
    EXPECT_EQ(clock.elapsed(), 0ns);
}

TENDRIL_HUB_TEST(sleep, idle_comes_behind_callbacks_posts_and_handlers) {
    transcript seen;
    remote const door = this_hub().remote();
    std::function<void(int)> const chain = [&](int left) {
        seen.push_back(std::to_string(left));
        if (left > 0) {
            this_hub().call_soon([&, left] { door.post([&, left] { chain(left - 1); }); });
        }
    };
    chain(3);
    idle();
    EXPECT_EQ(seen, (transcript{"3", "2", "1", "0"}));
}

TENDRIL_HUB_TEST(sleep, idle_comes_behind_an_alarm_that_is_due_and_before_one_that_is_not) {
    transcript seen;
    this_hub().call_later(1ms, [&] { seen.push_back("due"); });
    auto later = this_hub().call_later(1h, [&] { seen.push_back("later"); });
    clock.advance(1ms);
    idle();
    EXPECT_EQ(seen, transcript{"due"});
    later.cancel();
}

TENDRIL_HUB_TEST(sleep, those_who_idle_go_on_one_at_a_time_in_the_order_they_came) {
    transcript seen;
    for (char const* word : {"a", "b"}) {
        this_hub().spawn_raw([&seen, word] {
            idle();
            seen.push_back(word);
            yield();
            seen.push_back(word);
        });
        yield();
    }
    idle();
    EXPECT_EQ(seen, (transcript{"a", "a", "b", "b"}));
}

TENDRIL_HUB_TEST(sleep, idle_can_be_interrupted) {
    wish stop{"stop"};
    std::string outcome;
    auto const idler = this_hub().spawn_raw([&] { outcome = outcome_of([] { idle(); }); });
    yield();
    this_hub().call_soon([&] { request(*idler.block(), stop); });
    idle();
    EXPECT_EQ(outcome, "stop");
}

TENDRIL_HUB_TEST(sleep, idle_looks_for_interruption_first) {
    wish stop{"stop"};
    request(test::self(), stop);
    EXPECT_EQ(outcome_of([] { idle(); }), "stop");
}

TENDRIL_HUB_TEST(sleep, idle_in_a_callback_is_refused) {
    std::string outcome;
    this_hub().call_soon([&] { outcome = outcome_of([] { idle(); }); });
    yield();
    EXPECT_EQ(outcome, "misuse");
}

TENDRIL_TEST(sleep, idle_returns_at_once_on_the_steady_clock_too) {
    run([] {
        auto const sleeper = this_hub().spawn_raw([] { sleep_for(1h); });
        auto const before = std::chrono::steady_clock::now();
        idle();
        EXPECT_LT(std::chrono::steady_clock::now() - before, 10s);
        EXPECT_EQ(this_hub().statistics().alarms, 1U);
    });
}

TENDRIL_HUB_TEST(sleep, idle_ends_with_its_hub) {
    std::string outcome;
    test::run_on_new_thread([&] {
        // It comes back to its place again and again, so it stands there when the hub closes.
        this_hub().spawn_raw([&] {
            outcome = outcome_of([] {
                while (true) {
                    idle();
                }
            });
        });
        idle();
    });
    EXPECT_EQ(outcome, "exit");
}

// Yielding.

TENDRIL_ORDERED_HUB_TEST(sleep, yield_lets_everybody_run_once_who_is_ready) {
    transcript seen;
    for (char const* word : {"a", "b"}) {
        this_hub().spawn_raw([&seen, word] {
            seen.push_back(word);
            yield();
            seen.push_back(word);
        });
    }
    yield();
    seen.push_back("main");
    yield();
    EXPECT_EQ(seen, (transcript{"a", "b", "main", "a", "b"}));
}

TENDRIL_HUB_TEST(sleep, yield_returns_at_once_when_nobody_is_ready) {
    std::uint64_t const switches = this_hub().statistics().switches;
    yield();
    EXPECT_EQ(this_hub().statistics().switches, switches);
}

TENDRIL_HUB_TEST(sleep, yield_lets_callbacks_run_that_are_queued) {
    bool called = false;
    this_hub().call_soon([&] { called = true; });
    yield();
    EXPECT_TRUE(called);
}

TENDRIL_HUB_TEST(sleep, less_than_a_nanosecond_lets_others_run_once) {
    bool others_ran = false;
    auto const other = this_hub().spawn_raw([&] { others_ran = true; });
    sleep_for(real_seconds{real_limits::denorm_min()});
    EXPECT_TRUE(others_ran);
    EXPECT_EQ(clock.elapsed(), 0ns);
}

TENDRIL_HUB_TEST(sleep, the_shortest_that_the_clock_knows_takes_time) {
    sleep_for(1ns);
    EXPECT_EQ(clock.elapsed(), 1ns);
}

// A clock that has made a leap: the process was stopped, or the machine asleep.

TENDRIL_ORDERED_HUB_TEST(
    sleep, a_thousand_sleepers_wake_in_the_order_of_their_moments_after_a_leap) {
    std::vector<int> seen;
    for (int number = 0; number < 1000; ++number) {
        int const moment = number * 7919 % 1000;
        this_hub().spawn_raw([&seen, moment] {
            sleep_for(std::chrono::minutes{1 + moment});
            seen.push_back(moment);
        });
    }
    yield();
    clock.advance(24h * 365 * 10);
    sleep_for(1ns);
    EXPECT_EQ(seen.size(), 1000U);
    EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
}
