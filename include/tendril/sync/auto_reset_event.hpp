// SPDX-License-Identifier: BSL-1.0
#pragma once

// A signal that wakes one greenlet, and is used up by it.
//
//     tendril::auto_reset_event news;
//     news.set();                              // wakes one who waits; if nobody does, the next
//     news.wait();
//
//                 nobody waits, not set    nobody waits, set      somebody waits
//     set         is set                   nothing                wakes the longest waiting
//     reset       nothing                  is not set             nothing
//     wait        waits                    returns, not set now   waits behind them
//
// Signals do not add up: two `set` before a `wait` are one. To count them use a semaphore; to let
// everybody through use an `event`. While somebody waits it is not set.

#include <tendril/hub/deadline.hpp>
#include <tendril/sync/wait_queue.hpp>

#include <chrono>
#include <utility>

namespace tendril {

class auto_reset_event {
public:
    auto_reset_event() noexcept : waiters_{"auto_reset_event"} {}
    auto_reset_event(auto_reset_event const&) = delete;
    auto_reset_event& operator=(auto_reset_event const&) = delete;

    /// Gives the signal to the one who has waited longest, or keeps it for the next.
    /// Throws: wrong_thread. Switches: never. Thread: the waiters'.
    void set() {
        if (waiters_.empty()) {
            set_ = true;
        } else {
            waiters_.wake_one();
        }
    }

    /// Takes a signal back that nobody has used. Switches: never.
    void reset() noexcept { set_ = false; }

    /// Says whether the next `wait` would return at once. Switches: never.
    bool is_set() const noexcept { return set_; }

    /// Waits for a signal and uses it up. Throws: what was requested for the greenlet, and then it
    /// has used none. Switches: may.
    void wait() { wait_until(deadline::never()); }

    /// Uses the signal up if there is one. Returns whether there was. Switches: never.
    bool try_wait() noexcept { return std::exchange(set_, false); }

    /// As `wait`, but for a while, or until a moment, at most. Returns whether it had a signal.
    /// Switches: may.
    template <typename Rep, typename Period>
    bool wait_for(std::chrono::duration<Rep, Period> const& duration) {
        return wait_until(deadline::after(duration));
    }
    bool wait_until(time_point moment) { return wait_until(deadline::at(moment)); }
    bool wait_until(deadline limit);

private:
    wait_queue waiters_;
    bool set_ = false;
};

}  // namespace tendril
