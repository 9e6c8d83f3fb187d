// SPDX-License-Identifier: BSL-1.0
#pragma once

// Counted permits, with the interface of `std::counting_semaphore`.
//
//     tendril::counting_semaphore<> connections{100};
//     connections.acquire();
//     …
//     connections.release();
//
// A released permit goes to the greenlet that has waited longest, directly. It has no owner: any
// greenlet may release.
//
//                  permits left    none left
//     acquire      takes one       waits
//     try_acquire  takes one       false
//     release      one more        to the longest waiting, else one more
//
// More than there may be are refused: for a `counting_semaphore` that is a number of its type, for
// a `bounded_semaphore` the number that it has started with, so that a release too many is noticed.

#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/deadline.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/sync/wait_queue.hpp>

#include <chrono>
#include <cstddef>
#include <limits>

namespace tendril {

namespace detail {

// The semaphore itself; the template above it only says how many permits there may be.
class semaphore_core {
public:
    semaphore_core(std::ptrdiff_t permits, std::ptrdiff_t limit);
    semaphore_core(semaphore_core const&) = delete;
    semaphore_core& operator=(semaphore_core const&) = delete;

    /// Gives permits back: first to those who wait, in order, then to the count.
    /// Throws: misuse when that is negative or more than there may be, and then nothing has
    /// changed; wrong_thread. Switches: never.
    void release(std::ptrdiff_t permits = 1);

    /// Takes a permit, waiting for one. Throws: what was requested for the greenlet, and then it
    /// has none. Switches: may.
    void acquire() { try_acquire_until(deadline::never()); }

    /// Takes a permit if there is one. Returns whether it did. Switches: never.
    bool try_acquire() noexcept {
        if (permits_ == 0) {
            return false;
        }
        --permits_;
        return true;
    }

    /// As `acquire`, but for a while, or until a moment, at most. Returns whether it has one.
    /// Switches: may.
    template <typename Rep, typename Period>
    bool try_acquire_for(std::chrono::duration<Rep, Period> const& duration) {
        return try_acquire_until(deadline::after(duration));
    }
    bool try_acquire_until(time_point moment) { return try_acquire_until(deadline::at(moment)); }
    bool try_acquire_until(deadline limit) {
        check_interruption();
        return try_acquire() || wait_for_permit(limit);
    }

    /// How many permits could be taken now. Switches: never.
    std::ptrdiff_t available() const noexcept { return permits_; }

private:
    bool wait_for_permit(deadline limit);

    wait_queue waiters_;
    std::ptrdiff_t permits_;
    std::ptrdiff_t limit_;
};

}  // namespace detail

template <std::ptrdiff_t LeastMaxValue = std::numeric_limits<std::ptrdiff_t>::max()>
class counting_semaphore : public detail::semaphore_core {
public:
    /// Starts with some permits. Throws: misuse when that is negative or more than there may be.
    /// Switches: never.
    explicit counting_semaphore(std::ptrdiff_t permits) : semaphore_core{permits, LeastMaxValue} {}

    /// How many permits there may be. Switches: never.
    static constexpr std::ptrdiff_t max() noexcept { return LeastMaxValue; }
};

using binary_semaphore = counting_semaphore<1>;

class bounded_semaphore : public detail::semaphore_core {
public:
    /// Starts with some permits, and may never have more. Throws: misuse when that is negative.
    /// Switches: never.
    explicit bounded_semaphore(std::ptrdiff_t permits)
        : semaphore_core{permits, permits},
          max_{permits} {}

    /// How many permits there may be. Switches: never.
    std::ptrdiff_t max() const noexcept { return max_; }

private:
    std::ptrdiff_t max_;
};

}  // namespace tendril
