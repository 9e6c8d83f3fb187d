// SPDX-License-Identifier: BSL-1.0
#pragma once

// A moment that greenlets wait for, and that can be moved; and a beat that comes again and again.
//
//     tendril::timer until_idle{30s};
//     …                                          // elsewhere, whenever something happens:
//     until_idle.expires_after(30s);
//     …
//     if (until_idle.wait()) close_connection();
//
//     tendril::ticker beat{1s};
//     while (true) {
//         std::uint64_t const beats = beat.wait();    // 1, or more when the loop was late
//         …
//     }
//
// A timer that has expired stays so until it is set again: every `wait` returns at once. Beats fall
// on the start plus whole periods, however long the work between two waits takes, so they do not
// drift; those that were missed are counted and not made up for.
//
// To call a function at a moment use `hub::call_at`; to limit a block of code use `timeout`.

#include <tendril/hub/alarm.hpp>
#include <tendril/hub/deadline.hpp>
#include <tendril/hub/errors.hpp>
#include <tendril/hub/waiter.hpp>
#include <tendril/support/intrusive_list.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace tendril {

class timer final : private alarm {
public:
    /// Makes one that never expires, until it is set.
    timer() noexcept = default;

    /// Makes one that expires after a while, or at a moment.
    /// Throws: std::bad_alloc; misuse when the duration is not a number. Switches: never.
    template <typename Rep, typename Period>
    explicit timer(std::chrono::duration<Rep, Period> const& duration)
        : timer{deadline::after(duration)} {}
    explicit timer(deadline moment) { expires_at(moment); }

    /// Ends every wait as `cancel` does. When it is set, or waited for, on another thread, it stops
    /// the program with the text of the `wrong_thread` that `cancel` throws. Switches: never.
    /// Thread: hub.
    ~timer();

    /// Sets when it expires. Those who wait now return false: what they waited for will not come.
    /// Returns how many they were. Throws: std::bad_alloc; misuse when the duration is not a
    /// number; wrong_thread when it is set, or waited for, on another one. Switches: never.
    /// Thread: hub.
    std::size_t expires_at(deadline moment);
    std::size_t expires_at(time_point moment) { return expires_at(deadline::at(moment)); }
    template <typename Rep, typename Period>
    std::size_t expires_after(std::chrono::duration<Rep, Period> const& duration) {
        return expires_at(deadline::after(duration));
    }

    /// When it expires, or has expired. Switches: never.
    deadline expiry() const noexcept { return expiry_; }

    /// Says whether it has expired and has not been set since. Switches: never.
    bool expired() const noexcept { return expired_; }

    /// Waits until it expires. Returns false when it was set anew, cancelled or destroyed
    /// meanwhile.
    /// Throws: what was requested for the greenlet; would_block_forever, in main, when it is not
    /// set; wrong_thread. Switches: may.
    bool wait();

    /// Makes it never expire, and ends every wait; `expired` stays what it is. Returns how many
    /// waits there were. Throws: wrong_thread. Switches: never. Thread: hub.
    std::size_t cancel();

private:
    void expire() noexcept override;
    void require_own_thread();
    std::size_t stop() noexcept;
    std::size_t end_waits(bool well) noexcept;

    struct wait_record;
    intrusive_list<waiter> waiting_;
    deadline expiry_ = deadline::never();
    bool expired_ = false;
};

class ticker {
public:
    /// Begins to beat: for the first time one period from now.
    /// Throws: misuse when the period is not positive, or not a number. Switches: never.
    template <typename Rep, typename Period>
    explicit ticker(std::chrono::duration<Rep, Period> const& period)
        : ticker{detail::saturated(period)} {}
    explicit ticker(std::chrono::nanoseconds period);
    ticker(ticker const&) = delete;
    ticker& operator=(ticker const&) = delete;

    /// Stops the program when somebody still waits. Switches: never.
    ~ticker() {
        if (waiting_ > 0) {
            detail::destroyed_while_in_use("ticker");
        }
    }

    /// Waits for the next beat, or returns at once when there was one since the last call. Returns
    /// how many there were: more than one when the caller was late.
    /// Throws: what was requested for the greenlet, and then no beat is lost. Switches: may.
    std::uint64_t wait();

    /// The time from beat to beat. Switches: never.
    std::chrono::nanoseconds period() const noexcept { return period_; }

private:
    std::chrono::nanoseconds period_;
    time_point next_;
    int waiting_ = 0;
};

}  // namespace tendril
