// SPDX-License-Identifier: BSL-1.0
#include <harness/hubs.hpp>
#include <tendril/time/sleep.hpp>
#include <tendril/time/timeout.hpp>

#include <malloc.h>

#include <fstream>
#include <memory>
#include <optional>
#include <stdexcept>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::lone_waiter;
using test::outcome_of;
using test::transcript;
using real_seconds = std::chrono::duration<double>;
using real_limits = std::numeric_limits<double>;

// Waits for nearly no time, but so much passes meanwhile that limits of a second come due as well.
// The greenlet is ready by then, so they are not delivered yet.
void let_time_fly(test::virtual_clock& clock) {
    this_hub().call_soon([&] { clock.advance(1s); });
    lone_waiter pause;
    EXPECT_FALSE(pause.park_until(deadline::at(now())));
}

// Sleeps for an hour under this limit; says how that ended.
template <typename Limit>
std::string hour_under(Limit const& limit) {
    return outcome_of([&] {
        timeout const active{limit};
        sleep_for(1h);
    });
}

std::size_t resident_pages() {
    std::size_t size = 0;
    std::size_t resident = 0;
    std::ifstream{"/proc/self/statm"} >> size >> resident;
    return resident;
}

}  // namespace

TENDRIL_HUB_TEST(timeout, interrupts_a_park_when_it_runs_out) {
    EXPECT_EQ(hour_under(5ms), "timed out");
    EXPECT_EQ(clock.elapsed(), 5ms);
}

TENDRIL_HUB_TEST(timeout, does_nothing_when_the_block_ends_before_it) {
    {
        timeout const limit{5ms};
        sleep_for(1ms);
    }
    EXPECT_EQ(this_hub().statistics().alarms, 0U);
    EXPECT_EQ(outcome_of([] { sleep_for(1h); }), "returned");
}

TENDRIL_HUB_TEST(timeout, interrupts_once) {
    timeout const limit{1ms};
    EXPECT_EQ(outcome_of([] { sleep_for(1h); }), "timed out");
    EXPECT_EQ(outcome_of([] { sleep_for(1h); }), "returned");
}

TENDRIL_HUB_TEST(timeout, says_whether_it_ran_out) {
    timeout const limit{1ms};
    EXPECT_FALSE(limit.expired());
    EXPECT_EQ(outcome_of([] { sleep_for(1h); }), "timed out");
    EXPECT_TRUE(limit.expired());
}

TENDRIL_HUB_TEST(timeout, limits_the_greenlet_that_made_it_and_no_other) {
    transcript seen;
    auto const other = this_hub().spawn_raw(
        [&] { seen.push_back(outcome_of([] { sleep_for(2ms); })); });
    seen.push_back(hour_under(1ms));
    sleep_for(2ms);
    EXPECT_EQ(seen, (transcript{"timed out", "returned"}));
}

TENDRIL_HUB_TEST(timeout, code_that_never_parks_is_not_interrupted) {
    EXPECT_EQ(
        outcome_of([&] {
            timeout const limit{1ms};
            clock.advance(1h);
        }),
        "returned");
}

TENDRIL_HUB_TEST(timeout, one_that_ran_out_while_its_greenlet_was_ready_interrupts_the_next_park) {
    timeout const limit{1ms};
    let_time_fly(clock);
    EXPECT_TRUE(limit.expired());
    EXPECT_EQ(outcome_of([] { sleep_for(1h); }), "timed out");
}

TENDRIL_HUB_TEST(timeout, one_that_ran_out_is_not_delivered_after_its_block) {
    {
        timeout const limit{1ms};
        let_time_fly(clock);
        EXPECT_TRUE(limit.expired());
    }
    EXPECT_EQ(outcome_of([] { sleep_for(1h); }), "returned");
}

TENDRIL_HUB_TEST(timeout, cancel_is_as_good_as_the_end_of_the_block) {
    timeout limit{1ms};
    limit.cancel();
    EXPECT_EQ(this_hub().statistics().alarms, 0U);
    EXPECT_EQ(outcome_of([] { sleep_for(1h); }), "returned");
    EXPECT_FALSE(limit.expired());
    EXPECT_NO_THROW(limit.cancel());
}

TENDRIL_HUB_TEST(timeout, cancel_takes_back_one_that_ran_out_and_was_not_delivered) {
    timeout limit{1ms};
    let_time_fly(clock);
    limit.cancel();
    EXPECT_TRUE(limit.expired());
    EXPECT_EQ(outcome_of([] { sleep_for(1h); }), "returned");
}

TENDRIL_HUB_TEST(timeout, a_result_of_the_same_turn_comes_first) {
    lone_waiter given;
    timeout const limit{1ms};
    this_hub().call_soon([&] {
        given.wake();
        clock.advance(1s);
    });
    EXPECT_EQ(outcome_of([&] { given.park(); }), "returned");
}

// Whose it is.

TENDRIL_HUB_TEST(timeout, the_exception_says_which_limit_ran_out) {
    timeout const outer{1h};
    try {
        timeout const inner{1ms};
        try {
            sleep_for(2h);
        } catch (timed_out const& late) {
            EXPECT_TRUE(late.by(inner));
            EXPECT_FALSE(late.by(outer));
            throw;
        }
        ADD_FAILURE();
    } catch (timed_out const& late) {
        EXPECT_FALSE(late.by(outer));
    }
}

TENDRIL_HUB_TEST(timeout, an_outer_limit_passes_through_the_inner_block) {
    timeout const outer{1ms};
    try {
        timeout const inner{1h};
        sleep_for(2h);
        ADD_FAILURE();
    } catch (timed_out const& late) {
        EXPECT_TRUE(late.by(outer));
    }
    EXPECT_EQ(this_hub().statistics().alarms, 0U);
}

TENDRIL_HUB_TEST(timeout, two_of_one_moment_interrupt_two_parks_the_first_alarm_first) {
    timeout const outer{1ms};
    timeout const inner{1ms};
    transcript seen;
    for (int park = 0; park < 2; ++park) {
        try {
            sleep_for(1h);
        } catch (timed_out const& late) {
            seen.push_back(late.by(outer) ? "outer" : late.by(inner) ? "inner" : "nobody");
        }
    }
    EXPECT_EQ(seen, (transcript{"outer", "inner"}));
    EXPECT_EQ(outcome_of([] { sleep_for(1h); }), "returned");
}

TENDRIL_HUB_TEST(timeout, of_two_that_wait_to_be_delivered_the_inner_one_comes_first) {
    timeout const outer{1ms};
    timeout const inner{2ms};
    let_time_fly(clock);
    transcript seen;
    for (int park = 0; park < 2; ++park) {
        try {
            sleep_for(1h);
        } catch (timed_out const& late) {
            seen.push_back(late.by(outer) ? "outer" : late.by(inner) ? "inner" : "nobody");
        }
    }
    EXPECT_EQ(seen, (transcript{"inner", "outer"}));
}

TENDRIL_HUB_TEST(timeout, the_end_of_the_inner_block_takes_its_own_wish_back_and_no_other) {
    timeout const outer{1ms};
    {
        timeout const inner{1ms};
        let_time_fly(clock);
    }
    try {
        sleep_for(1h);
        ADD_FAILURE();
    } catch (timed_out const& late) {
        EXPECT_TRUE(late.by(outer));
    }
}

TENDRIL_HUB_TEST(timeout, a_limit_of_a_call_does_not_answer_for_an_outer_one) {
    transcript seen;
    lone_waiter never;
    seen.push_back(outcome_of([&] {
        timeout const outer{1ms};
        seen.push_back(never.park_until(deadline::after(1s)) ? "woken" : "own limit");
    }));
    EXPECT_EQ(seen, (transcript{"timed out"}));
}

TENDRIL_TEST(timeout, says_what_happened) {
    EXPECT_STREQ(timed_out{1}.what(), "a timeout ran out");
}

// Durations.

TENDRIL_HUB_TEST(timeout, no_time_and_less_interrupt_the_first_park) {
    EXPECT_EQ(hour_under(0s), "timed out");
    EXPECT_EQ(hour_under(-1s), "timed out");
    EXPECT_EQ(hour_under(std::chrono::hours::min()), "timed out");
    EXPECT_EQ(hour_under(real_seconds{-real_limits::infinity()}), "timed out");
    EXPECT_EQ(hour_under(deadline::at(time_point::min())), "timed out");
    EXPECT_EQ(clock.elapsed(), 0ns);
}

TENDRIL_HUB_TEST(timeout, no_time_does_not_interrupt_before_the_first_turn) {
    timeout const limit{0s};
    EXPECT_NO_THROW(check_interruption());
    EXPECT_FALSE(limit.expired());
}

TENDRIL_HUB_TEST(timeout, an_age_does_not_run_out_at_once) {
    EXPECT_EQ(hour_under(std::chrono::hours{24 * 365 * 400}), "returned");
    EXPECT_EQ(hour_under(std::chrono::hours::max()), "returned");
    EXPECT_EQ(hour_under(std::chrono::seconds::max()), "returned");
    EXPECT_EQ(hour_under(std::chrono::milliseconds::max()), "returned");
    EXPECT_EQ(hour_under(real_seconds{real_limits::infinity()}), "returned");
}

TENDRIL_HUB_TEST(timeout, no_limit_costs_no_alarm) {
    timeout const limit{deadline::never()};
    timeout const other{std::chrono::hours::max()};
    EXPECT_EQ(this_hub().statistics().alarms, 0U);
    EXPECT_EQ(outcome_of([] { sleep_for(1h); }), "returned");
}

TENDRIL_HUB_TEST(timeout, a_duration_that_is_not_a_number_is_refused) {
    EXPECT_THROW(timeout{real_seconds{real_limits::quiet_NaN()}}, misuse);
    EXPECT_THROW(with_timeout(real_seconds{real_limits::quiet_NaN()}, [] {}), misuse);
}

TENDRIL_HUB_TEST(timeout, a_million_that_never_run_out_leave_nothing_behind) {
    if (TENDRIL_ASAN || TENDRIL_TSAN) {
        GTEST_SKIP() << "sanitizers keep memory that was freed";
    }
    auto const set_and_cancel = [](int count) {
        for (int lap = 0; lap < count; ++lap) {
            timeout const limit{1s};
            this_hub().call_later(1h, [] {}).cancel();
        }
    };
    set_and_cancel(1000);
    std::size_t const heap = mallinfo2().uordblks;
    std::size_t const memory = resident_pages();
    set_and_cancel(1'000'000);
    EXPECT_EQ(this_hub().statistics().alarms, 0U);
    EXPECT_LT(mallinfo2().uordblks, heap + 4096);
    EXPECT_LT(resident_pages(), memory + 256);
}

// Cleanup.

TENDRIL_HUB_TEST(timeout, does_not_interrupt_cleanup) {
    transcript seen;
    seen.push_back(outcome_of([&] {
        timeout const outer{1ms};
        test::yields_when_destroyed const cleanup{seen, "cleanup"};
        timeout const inner{500us};
        sleep_for(1h);
    }));
    EXPECT_EQ(seen, (transcript{"cleanup", "timed out"}));
}

// with_timeout.

TENDRIL_HUB_TEST(timeout, with_timeout_returns_what_the_function_returns) {
    EXPECT_EQ(with_timeout(1s, [] { return 7; }), 7);
    EXPECT_EQ(*with_timeout(1s, [] { return std::make_unique<int>(7); }), 7);
    int number = 0;
    EXPECT_EQ(&with_timeout(1s, [&]() -> int& { return number; }), &number);
    EXPECT_NO_THROW(with_timeout(1s, [] {}));
    EXPECT_EQ(this_hub().statistics().alarms, 0U);
}

TENDRIL_HUB_TEST(timeout, with_timeout_throws_when_the_limit_ran_out) {
    EXPECT_EQ(outcome_of([] { with_timeout(1ms, [] { sleep_for(1h); }); }), "timed out");
    EXPECT_EQ(clock.elapsed(), 1ms);
}

TENDRIL_HUB_TEST(timeout, with_timeout_lets_other_errors_through) {
    EXPECT_THROW(with_timeout(1ms, [] { throw std::runtime_error{"broken"}; }), std::runtime_error);
    timeout const outer{1ms};
    try {
        with_timeout(1h, [] { sleep_for(2h); });
        ADD_FAILURE();
    } catch (timed_out const& late) {
        EXPECT_TRUE(late.by(outer));
    }
}

TENDRIL_TEST(timeout, a_limit_may_outlive_the_hub_that_it_has_made) {
    std::thread{[] {
        timeout const limit{1h};
        run([] {});
    }}.join();
}
