// SPDX-License-Identifier: BSL-1.0
#include <harness/tasks.hpp>
#include <tendril/time/timer.hpp>

#include <limits>
#include <memory>
#include <thread>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::outcome_of;
using test::transcript;

TENDRIL_HUB_TEST(timer, is_refused_to_other_threads_while_it_is_set_or_waited_for) {
    timer set{1h};
    timer waited_for;
    greenlet const waiting = this_hub().spawn_raw([&] { waited_for.wait(); });
    yield();
    for (timer* const each : {&set, &waited_for}) {
        EXPECT_EQ(test::outcome_elsewhere([&] { each->cancel(); }), "wrong thread");
        EXPECT_EQ(test::outcome_elsewhere([&] { each->expires_after(1ms); }), "wrong thread");
        EXPECT_EQ(test::outcome_elsewhere([&] { each->wait(); }), "wrong thread");
    }
    EXPECT_EQ(waited_for.cancel(), 1U);
    set.cancel();
    this_hub().join();
}

TENDRIL_TEST(timer, that_is_set_and_goes_on_another_thread_stops_the_program) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    auto const drop_elsewhere = [] {
        auto set = std::make_unique<timer>(1h);
        std::thread{[&] { set.reset(); }}.join();
    };
    EXPECT_DEATH(drop_elsewhere(), "this timer is set, or waited for, on another thread");
}

TENDRIL_HUB_TEST(timer, that_is_not_set_may_go_on_another_thread) {
    auto idle = std::make_unique<timer>();
    std::thread{[&] { idle.reset(); }}.join();
    EXPECT_EQ(idle, nullptr);
}

TENDRIL_HUB_TEST(timer, a_wait_ends_when_it_expires) {
    timer alarm{1s};
    EXPECT_TRUE(alarm.wait());
    EXPECT_EQ(clock.elapsed(), 1s);
}

TENDRIL_HUB_TEST(timer, stays_expired_until_it_is_set_again) {
    timer alarm{1s};
    alarm.wait();
    EXPECT_TRUE(alarm.expired());
    EXPECT_TRUE(alarm.wait());
    alarm.expires_after(1s);
    EXPECT_FALSE(alarm.expired());
    EXPECT_TRUE(alarm.wait());
    EXPECT_EQ(clock.elapsed(), 2s);
}

TENDRIL_HUB_TEST(timer, expires_while_nobody_waits) {
    timer alarm{1s};
    sleep_for(2s);
    EXPECT_TRUE(alarm.wait());
    EXPECT_EQ(clock.elapsed(), 2s);
}

TENDRIL_HUB_TEST(timer, setting_it_anew_ends_the_waits_that_were_under_way) {
    timer alarm{1s};
    transcript seen;
    this_hub().spawn_raw([&] { seen.push_back(alarm.wait() ? "expired" : "moved"); });
    yield();
    EXPECT_EQ(alarm.expires_after(5s), 1u);
    yield();
    EXPECT_EQ(seen, transcript{"moved"});
    EXPECT_TRUE(alarm.wait());
    EXPECT_EQ(clock.elapsed(), 5s);
}

TENDRIL_HUB_TEST(timer, cancelling_ends_the_waits_and_the_expiry) {
    timer alarm{1s};
    transcript seen;
    this_hub().spawn_raw([&] { seen.push_back(alarm.wait() ? "expired" : "cancelled"); });
    yield();
    EXPECT_EQ(alarm.cancel(), 1u);
    sleep_for(2s);
    EXPECT_EQ(seen, transcript{"cancelled"});
    EXPECT_FALSE(alarm.expired());
}

TENDRIL_HUB_TEST(timer, its_end_ends_the_waits) {
    transcript seen;
    {
        timer alarm{1s};
        this_hub().spawn_raw([&] { seen.push_back(alarm.wait() ? "expired" : "gone"); });
        yield();
    }
    yield();
    EXPECT_EQ(seen, transcript{"gone"});
}

TENDRIL_ORDERED_HUB_TEST(timer, all_who_wait_go_on_in_the_order_in_which_they_came) {
    timer alarm{1s};
    transcript seen;
    for (char const* word : {"a", "b"}) {
        this_hub().spawn_raw([&, word] {
            alarm.wait();
            seen.push_back(word);
        });
    }
    sleep_for(2s);
    EXPECT_EQ(seen, (transcript{"a", "b"}));
}

TENDRIL_HUB_TEST(timer, an_interrupted_wait_leaves_the_timer_as_it_was) {
    timer alarm{2s};
    EXPECT_EQ(
        outcome_of([&] {
            timeout const limit{1s};
            alarm.wait();
        }),
        "timed out");
    EXPECT_TRUE(alarm.wait());
    EXPECT_EQ(clock.elapsed(), 2s);
}

TENDRIL_HUB_TEST(timer, one_that_is_not_set_is_waited_for_in_vain) {
    timer alarm;
    EXPECT_EQ(outcome_of([&] { alarm.wait(); }), "would block forever");
}

TENDRIL_HUB_TEST(timer, a_duration_of_any_size_means_what_it_says) {
    EXPECT_TRUE(timer{-1s}.wait());
    EXPECT_TRUE(timer{0s}.wait());
    EXPECT_TRUE(timer{std::chrono::hours::max()}.expiry().is_never());
    EXPECT_EQ(
        outcome_of(
            [] { timer{std::chrono::duration<double>{std::numeric_limits<double>::quiet_NaN()}}; }),
        "misuse");
}

// Beats.

TENDRIL_HUB_TEST(timer, a_ticker_beats_once_each_period) {
    ticker beat{1s};
    EXPECT_EQ(beat.wait(), 1u);
    EXPECT_EQ(beat.wait(), 1u);
    EXPECT_EQ(clock.elapsed(), 2s);
}

TENDRIL_HUB_TEST(timer, a_ticker_does_not_drift_when_the_work_takes_a_while) {
    ticker beat{1s};
    for (int round = 0; round < 3; ++round) {
        beat.wait();
        sleep_for(300ms);
    }
    EXPECT_EQ(clock.elapsed(), 3300ms);
}

TENDRIL_HUB_TEST(timer, a_ticker_counts_the_beats_that_were_missed) {
    ticker beat{1s};
    sleep_for(3500ms);
    EXPECT_EQ(beat.wait(), 3u);
    EXPECT_EQ(beat.wait(), 1u);
    EXPECT_EQ(clock.elapsed(), 4s);
}

TENDRIL_TEST(timer, a_ticker_stops_the_program_when_it_is_destroyed_while_somebody_waits) {
    EXPECT_DEATH(
        run([] {
            auto beat = std::make_unique<ticker>(1s);
            spawn([&] { beat->wait(); });
            yield();
            beat.reset();
        }),
        "a ticker was destroyed while a greenlet waits for it");
}

TENDRIL_HUB_TEST(timer, a_ticker_needs_a_positive_period) {
    EXPECT_EQ(outcome_of([] { ticker{0s}; }), "misuse");
    EXPECT_EQ(outcome_of([] { ticker{-1s}; }), "misuse");
}

TENDRIL_HUB_TEST(timer, a_ticker_of_an_endless_period_never_beats) {
    ticker beat{std::chrono::hours::max()};
    EXPECT_EQ(outcome_of([&] { beat.wait(); }), "would block forever");
}

// Durations of any size.

TENDRIL_HUB_TEST(timer, takes_any_duration) {
    timer* waits = nullptr;
    auto const stays_unexpired = [&](auto duration) {
        timer one{duration};
        waits = &one;
        return !one.wait();
    };
    test::expect_no_time_is_enough(clock, stays_unexpired);
    test::expect_an_age_is_enough(stays_unexpired, [&] { waits->cancel(); });
}

TENDRIL_HUB_TEST(timer, may_be_set_to_any_duration) {
    timer one;
    auto const stays_unexpired = [&](auto duration) {
        one.expires_after(duration);
        return !one.wait();
    };
    test::expect_no_time_is_enough(clock, stays_unexpired);
    test::expect_an_age_is_enough(stays_unexpired, [&] { one.cancel(); });
}

TENDRIL_HUB_TEST(timer, a_ticker_refuses_what_is_no_period) {
    using real = std::chrono::duration<double>;
    EXPECT_EQ(outcome_of([] { ticker{std::chrono::hours::min()}; }), "misuse");
    EXPECT_EQ(outcome_of([] { ticker{real{-1e300}}; }), "misuse");
    EXPECT_EQ(outcome_of([] { ticker{real{1e-300}}; }), "misuse");
    EXPECT_EQ(outcome_of([] { ticker{real{std::numeric_limits<double>::quiet_NaN()}}; }), "misuse");
}

TENDRIL_HUB_TEST(timer, a_ticker_may_beat_once_in_two_centuries) {
    constexpr auto period = 24h * 365 * 200;
    ticker beat{period};
    EXPECT_EQ(beat.wait(), 1u);
    EXPECT_EQ(clock.elapsed(), period);
    // The clock ends before the second beat.
    EXPECT_EQ(outcome_of([&] { beat.wait(); }), "would block forever");
}

}  // namespace
