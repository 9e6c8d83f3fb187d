// SPDX-License-Identifier: BSL-1.0
#pragma once

// A flag that greenlets wait for: it stays set until it is reset, and wakes all.
//
//     tendril::event ready;
//     tendril::spawn([&] { prepare(); ready.set(); });
//     ready.wait();
//
//                 not set                        set
//     set         wakes all who wait             nothing
//     reset       nothing                        the next wait waits again
//     wait        waits                          returns at once
//
// A wait ends well when the flag was set at any time during it, even if it was reset again before
// the greenlet ran.

#include <tendril/hub/deadline.hpp>
#include <tendril/sync/select.hpp>
#include <tendril/sync/wait_queue.hpp>

#include <chrono>
#include <utility>

namespace tendril {

namespace detail {
template <typename F>
class event_arm;
}

class event {
public:
    event() noexcept : waiters_{"event"} {}
    event(event const&) = delete;
    event& operator=(event const&) = delete;

    /// Sets the flag and wakes all who wait, in the order they came.
    /// Throws: wrong_thread. Switches: never. Thread: the waiters'.
    void set() {
        // First, because it refuses another thread.
        waiters_.wake_all();
        set_ = true;
    }

    /// Takes the flag back. Switches: never.
    void reset() noexcept { set_ = false; }

    /// Says whether the flag is set. Switches: never.
    bool is_set() const noexcept { return set_; }

    /// Waits until the flag is set. Throws: what was requested for the greenlet. Switches: may.
    void wait() { wait_until(deadline::never()); }

    /// As above, but for a while, or until a moment, at most. Returns whether the flag was set.
    /// Switches: may.
    template <typename Rep, typename Period>
    bool wait_for(std::chrono::duration<Rep, Period> const& duration) {
        return wait_until(deadline::after(duration));
    }
    bool wait_until(time_point moment) { return wait_until(deadline::at(moment)); }
    bool wait_until(deadline limit);

    /// The arm of a `select` that completes when the flag is set. Switches: never.
    template <typename F>
    detail::event_arm<F> on_set(F handler) {
        return {*this, std::move(handler)};
    }

private:
    template <typename F>
    friend class detail::event_arm;

    wait_queue waiters_;
    bool set_ = false;
};

namespace detail {

template <typename F>
class event_arm final : public arm_in_queue<plain_part> {
public:
    event_arm(event& awaited, F handler) : event_{awaited}, handler_{std::move(handler)} {}

    bool ready() override { return event_.is_set(); }
    void complete() override {}
    void enlist(waiter& whole) override {
        event_.waiters_.push(this->part_.emplace(whole, "event"));
    }
    void finish() override { handler_(); }

private:
    event& event_;
    F handler_;
};

}  // namespace detail

}  // namespace tendril
