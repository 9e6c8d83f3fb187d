// SPDX-License-Identifier: BSL-1.0
#include <harness/tasks.hpp>
#include <tendril/hub/deadline.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/time/sleep.hpp>

#include <cstdint>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using std::chrono::nanoseconds;
using real_seconds = std::chrono::duration<double>;
using real_limits = std::numeric_limits<double>;

static_assert(deadline::never().is_never());
static_assert(!deadline::at(time_point{}).is_never());
static_assert(deadline::at(time_point::max()).is_never());
static_assert(deadline::at(time_point{5ms}).moment() == time_point{5ms});
static_assert(deadline::never().moment() == time_point::max());
static_assert(detail::saturated(5ms) == 5'000'000ns);
static_assert(detail::saturated(nanoseconds::max()) == nanoseconds::max());
static_assert(detail::saturated(std::chrono::hours::max()) == nanoseconds::max());
static_assert(detail::saturated(std::chrono::hours::min()) == nanoseconds::min());

}  // namespace

TENDRIL_HUB_TEST(deadline, after_is_measured_from_now) {
    EXPECT_EQ(deadline::after(5ms).moment(), now() + 5ms);
    clock.advance(1s);
    EXPECT_EQ(deadline::after(5ms).moment(), now() + 5ms);
}

TENDRIL_HUB_TEST(deadline, no_duration_and_a_negative_one_are_now) {
    EXPECT_EQ(deadline::after(0ms).moment(), now());
    EXPECT_EQ(deadline::after(-1ns).moment(), now());
    EXPECT_EQ(deadline::after(-1h).moment(), now());
    EXPECT_EQ(deadline::after(std::chrono::hours::min()).moment(), now());
    EXPECT_EQ(deadline::after(nanoseconds::min()).moment(), now());
    EXPECT_EQ(deadline::after(real_seconds{-real_limits::infinity()}).moment(), now());
}

TENDRIL_HUB_TEST(deadline, a_duration_that_is_too_long_for_the_clock_is_never) {
    EXPECT_TRUE(deadline::after(std::chrono::hours{24 * 365 * 400}).is_never());
    EXPECT_TRUE(deadline::after(std::chrono::hours::max()).is_never());
    EXPECT_TRUE(deadline::after(std::chrono::minutes::max()).is_never());
    EXPECT_TRUE(deadline::after(std::chrono::seconds::max()).is_never());
    EXPECT_TRUE(deadline::after(std::chrono::milliseconds::max()).is_never());
    EXPECT_TRUE(deadline::after(nanoseconds::max()).is_never());
    EXPECT_TRUE(deadline::after(real_seconds{real_limits::infinity()}).is_never());
    EXPECT_TRUE(deadline::after(real_seconds{real_limits::max()}).is_never());
    EXPECT_TRUE(deadline::after(std::chrono::duration<float>{1e30F}).is_never());
}

TENDRIL_HUB_TEST(deadline, the_longest_duration_that_fits_is_not_never) {
    nanoseconds const room = time_point::max() - now();
    EXPECT_TRUE(deadline::after(room).is_never());
    EXPECT_EQ(deadline::after(room - 1ns).moment(), time_point::max() - 1ns);
}

TENDRIL_HUB_TEST(deadline, a_duration_that_is_not_a_number_is_refused) {
    real_seconds const nan{real_limits::quiet_NaN()};
    EXPECT_THROW(deadline::after(nan), misuse);
    EXPECT_TRUE(test::contains(test::misuse_of([&] { deadline::after(nan); }), "a number"));
}

TENDRIL_HUB_TEST(deadline, takes_durations_of_any_kind) {
    EXPECT_EQ(deadline::after(real_seconds{0.25}).moment(), now() + 250ms);
    EXPECT_EQ(deadline::after(std::chrono::duration<std::int8_t>{100}).moment(), now() + 100s);
    using fortnights = std::chrono::duration<int, std::ratio<14 * 24 * 3600>>;
    EXPECT_EQ(deadline::after(fortnights{2}).moment(), now() + 24h * 28);
}

TENDRIL_TEST(deadline, the_earlier_one_is_less_and_never_is_the_greatest) {
    deadline const early = deadline::at(time_point{1ms});
    deadline const late = deadline::at(time_point{2ms});
    EXPECT_LT(early, late);
    EXPECT_EQ(early, deadline::at(time_point{1ms}));
    EXPECT_LT(late, deadline::never());
    EXPECT_EQ(deadline::never(), deadline::at(time_point::max()));
}

// What it limits. The other calls that take a duration have tests of their own: takes_any_duration.

TENDRIL_HUB_TEST(deadline, may_be_any_moment_and_limits_a_park) {
    test::lone_waiter first;
    EXPECT_FALSE(first.park_until(deadline::at(time_point::min())));
    EXPECT_EQ(clock.elapsed(), 0s);
    for (time_point const far : {time_point::max() - 1ns, time_point::max()}) {
        test::lone_waiter second;
        this_hub().call_later(24h * 365, [&] { second.wake(); });
        EXPECT_TRUE(second.park_until(deadline::at(far)));
    }
}

TENDRIL_HUB_TEST(deadline, may_be_any_moment_and_delays_a_call) {
    int soon = 0;
    int late = 0;
    this_hub().call_at(time_point::min(), [&] { ++soon; });
    this_hub().call_at(time_point::max() - 1ns, [&] { ++late; });
    this_hub().call_at(time_point::max(), [&] { ++late; });
    sleep_for(24h * 365);
    EXPECT_EQ(soon, 1);
    EXPECT_EQ(late, 0);
}

TENDRIL_HUB_TEST(deadline, may_be_any_duration_and_limits_a_join_of_the_hub) {
    remote door = this_hub().remote();
    test::expect_no_time_is_enough(clock, [&](auto limit) { return this_hub().join_for(limit); });
    door = {};
    test::expect_an_age_is_enough([&](auto limit) { return this_hub().join_for(limit); }, [] {});
}
