// SPDX-License-Identifier: BSL-1.0
#pragma once

// A door that opens once, when it has been counted down, with the interface of `std::latch`.
//
//     tendril::latch ready{3};
//     ready.count_down();                      // three greenlets do
//     ready.wait();                            // goes on when all three have
//
//                  count above zero                    count zero
//     count_down   less; at zero wakes all who wait    misuse, unless by nothing
//     wait         waits                               returns at once
//
// For something that happens again and again use a `barrier`.

#include <tendril/hub/deadline.hpp>
#include <tendril/sync/wait_queue.hpp>

#include <chrono>
#include <cstddef>
#include <limits>

namespace tendril {

class latch {
public:
    /// Opens when counted down by `expected`. Throws: misuse when that is negative.
    /// Switches: never.
    explicit latch(std::ptrdiff_t expected);
    latch(latch const&) = delete;
    latch& operator=(latch const&) = delete;

    /// The largest count. Switches: never.
    static constexpr std::ptrdiff_t max() noexcept {
        return std::numeric_limits<std::ptrdiff_t>::max();
    }

    /// Counts down, and at zero wakes all who wait, in the order they came.
    /// Throws: misuse when `by` is negative or more than is left, and nothing has changed;
    /// wrong_thread. Switches: never.
    void count_down(std::ptrdiff_t by = 1);

    /// Says whether the count is zero. Switches: never.
    bool try_wait() const noexcept { return count_ == 0; }

    /// Waits until the count is zero. Throws: what was requested for the greenlet. Switches: may.
    void wait() const { wait_until(deadline::never()); }

    /// As above, but for a while, or until a moment, at most. Returns whether the count is zero.
    /// Switches: may.
    template <typename Rep, typename Period>
    bool wait_for(std::chrono::duration<Rep, Period> const& duration) const {
        return wait_until(deadline::after(duration));
    }
    bool wait_until(time_point moment) const { return wait_until(deadline::at(moment)); }
    bool wait_until(deadline limit) const;

    /// Counts down and waits until the count is zero. Throws: as `count_down` and `wait`; what was
    /// requested before is thrown before anything is counted. Switches: may.
    void arrive_and_wait(std::ptrdiff_t by = 1);

private:
    mutable wait_queue waiters_;
    std::ptrdiff_t count_;
};

}  // namespace tendril
