// SPDX-License-Identifier: BSL-1.0
#pragma once

// A point in time that may be "never".
//
//     deadline::never()          no limit
//     deadline::after(10ms)      from now on
//     deadline::at(moment)
//
// Any duration means what it says: what is too long for the clock is never, what is negative is
// now, and what is not a number is refused. (Adding a huge duration to a clock's present wraps
// around and would be in the past; Boost.Asio's timers fire at once then.)
//
// Switches: never.

#include <tendril/hub/clock.hpp>
#include <tendril/support/assert.hpp>

#include <chrono>
#include <compare>
#include <ratio>

namespace tendril {

namespace detail {

/// Converts to nanoseconds and stops at the largest and smallest that there are.
template <typename Rep, typename Period>
constexpr std::chrono::nanoseconds saturated(std::chrono::duration<Rep, Period> const& given) {
    using std::chrono::nanoseconds;
    using wide = std::chrono::duration<long double, std::nano>;
    wide const exact{given};
    TENDRIL_REQUIRE(exact == exact, "a duration must be a number, and this one is not");
    if (exact >= wide{nanoseconds::max()}) {
        return nanoseconds::max();
    }
    if (exact <= wide{nanoseconds::min()}) {
        return nanoseconds::min();
    }
    return std::chrono::duration_cast<nanoseconds>(given);
}

}  // namespace detail

class deadline {
public:
    /// No limit.
    static constexpr deadline never() noexcept { return deadline{time_point::max()}; }

    /// A moment on the hub's clock; the last moment that there is means never.
    static constexpr deadline at(time_point moment) noexcept { return deadline{moment}; }

    /// A duration from now on. Throws: misuse when it is not a number. Switches: never.
    template <typename Rep, typename Period>
    static deadline after(std::chrono::duration<Rep, Period> const& duration) {
        return after_nanoseconds(detail::saturated(duration));
    }

    /// Says whether there is no limit.
    constexpr bool is_never() const noexcept { return moment_ == time_point::max(); }

    /// The moment; the last one that there is when it is never.
    constexpr time_point moment() const noexcept { return moment_; }

    constexpr auto operator<=>(deadline const&) const noexcept = default;

private:
    explicit constexpr deadline(time_point moment) noexcept : moment_{moment} {}
    static deadline after_nanoseconds(std::chrono::nanoseconds duration);

    time_point moment_;
};

}  // namespace tendril
