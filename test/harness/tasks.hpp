// SPDX-License-Identifier: BSL-1.0
#pragma once

// Words that many tests of primitives and tasks share.

#include <harness/hubs.hpp>
#include <tendril/task/spawn.hpp>
#include <tendril/task/task.hpp>
#include <tendril/time/sleep.hpp>

#include <chrono>
#include <limits>
#include <string>
#include <utility>

namespace tendril::test {

/// A task that calls a function, and what came of it in a word.
struct attempt {
    attempt() = default;
    attempt(attempt const&) = delete;
    attempt& operator=(attempt const&) = delete;
    ~attempt() {
        if (run_by.valid() && !run_by.done()) {
            run_by.cancel();
            run_by.join();
        }
    }

    std::string outcome = "waits";
    task<void> run_by;
};

/// Spawns a task that calls a function and notes how that ended.
template <typename F>
void start(attempt& into, F function) {
    into.run_by = spawn(
        [&into, function = std::move(function)]() mutable { into.outcome = outcome_of(function); });
}

/// Says for each duration that is no ordinary one what a call with it as its limit does: the call
/// returns whether it was given in time what it waits for, which nobody gives.
/// `limited(duration)` must return false for each of these, and soon.
template <typename F>
void expect_no_time_is_enough(virtual_clock& clock, F&& limited) {
    using namespace std::chrono_literals;
    using real = std::chrono::duration<double>;
    auto const before = clock.elapsed();
    EXPECT_FALSE(limited(0s));
    EXPECT_FALSE(limited(-1ns));
    EXPECT_FALSE(limited(-1h));
    EXPECT_FALSE(limited(std::chrono::hours::min()));
    EXPECT_FALSE(limited(real{-std::numeric_limits<double>::infinity()}));
    EXPECT_EQ(clock.elapsed(), before);
    real const nan{std::numeric_limits<double>::quiet_NaN()};
    EXPECT_EQ(outcome_of([&] { limited(nan); }), "misuse");
}

/// The same for durations that never end: each call must wait until the year that `give` comes in.
template <typename F, typename Give>
void expect_an_age_is_enough(F&& limited, Give&& give) {
    using namespace std::chrono_literals;
    using real = std::chrono::duration<double>;
    auto const waits_a_year = [&](auto const& duration) {
        this_hub().call_later(24h * 365, [&] { give(); });
        return limited(duration);
    };
    EXPECT_TRUE(waits_a_year(std::chrono::hours{24 * 365 * 400}));
    EXPECT_TRUE(waits_a_year(std::chrono::hours::max()));
    EXPECT_TRUE(waits_a_year(std::chrono::seconds::max()));
    EXPECT_TRUE(waits_a_year(std::chrono::milliseconds::max()));
    EXPECT_TRUE(waits_a_year(std::chrono::nanoseconds::max()));
    EXPECT_TRUE(waits_a_year(real{std::numeric_limits<double>::infinity()}));
    EXPECT_TRUE(waits_a_year(real{std::numeric_limits<double>::max()}));
}

}  // namespace tendril::test
