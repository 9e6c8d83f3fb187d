// SPDX-License-Identifier: BSL-1.0
#pragma once

// A place where greenlets wait for each other, again and again, with the interface of
// `std::barrier`.
//
//     tendril::barrier step{3, []() noexcept { draw(); }};
//     while (true) {
//         compute();
//         step.arrive_and_wait();              // all three go on together
//     }
//
// When as many have arrived as are expected, the phase is complete: the last one calls the
// completion function, wakes all who wait, and the next phase begins. Whoever arrives then belongs
// to that one, also while the woken have not run yet.
//
//                          in order                       broken
//     arrive               counts; the last completes     throws broken_barrier
//     arrive_and_wait      counts and waits               throws broken_barrier
//     arrive_and_drop      as arrive; one less from now   throws broken_barrier
//     abort                breaks it                      nothing
//     reset                breaks this phase only         in order again
//
// Breaking wakes all who wait with `broken_barrier`: for when one of them will never come. A
// greenlet that gives up in `arrive_and_wait`, because it is cancelled or its limit runs out, takes
// its arrival back in the same step, so that the others do not go on without it.

#include <tendril/hub/deadline.hpp>
#include <tendril/sync/wait_queue.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace tendril {

/// The phase that the caller has waited for, or wants to arrive in, was given up with `abort` or
/// `reset`.
class broken_barrier : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

namespace detail {

// The barrier itself; the template below adds the completion function.
class barrier_core {
public:
    /// Who has arrived in which phase.
    class arrival_token {
    public:
        arrival_token(arrival_token&&) noexcept = default;
        arrival_token& operator=(arrival_token&&) noexcept = default;
        ~arrival_token() = default;

    private:
        friend class barrier_core;
        explicit arrival_token(std::uint64_t phase) noexcept : phase_{phase} {}
        std::uint64_t phase_;
    };

    barrier_core(barrier_core const&) = delete;
    barrier_core& operator=(barrier_core const&) = delete;

    /// The largest number that can be expected. Switches: never.
    static constexpr std::ptrdiff_t max() noexcept {
        return std::numeric_limits<std::ptrdiff_t>::max();
    }

    /// Counts as many arrivals. Whoever completes the phase calls the completion function.
    /// Throws: misuse for none, for more than are still expected, and in the completion function;
    /// broken_barrier; wrong_thread. Nothing has changed then. Switches: never.
    [[nodiscard]] arrival_token arrive(std::ptrdiff_t number = 1);

    /// Arrives, and is not expected any more from the next phase on. Throws: as `arrive`.
    /// Switches: never.
    void arrive_and_drop();

    /// Waits until the phase of the arrival is complete.
    /// Throws: broken_barrier; what was requested for the greenlet, and the arrival stays counted.
    /// Switches: may.
    void wait(arrival_token&& arrival) { wait_until(arrival, deadline::never()); }

    /// Says whether the phase of the arrival is complete. Throws: broken_barrier. Switches: never.
    bool try_wait(arrival_token const& arrival) const;

    /// As `wait`, but for a while, or until a moment, at most. Returns whether the phase is
    /// complete; if not, the token can be used again. Switches: may.
    template <typename Rep, typename Period>
    bool wait_for(
        arrival_token const& arrival, std::chrono::duration<Rep, Period> const& duration) {
        return wait_until(arrival, deadline::after(duration));
    }
    bool wait_until(arrival_token const& arrival, time_point moment) {
        return wait_until(arrival, deadline::at(moment));
    }
    bool wait_until(arrival_token const& arrival, deadline limit);

    /// Arrives and waits until the phase is complete. Throws: as `arrive`; what was requested for
    /// the greenlet, and then its arrival is taken back. Switches: may.
    void arrive_and_wait() { arrive_and_wait_until(deadline::never()); }

    /// As above, but for a while, or until a moment, at most. Returns whether the phase is
    /// complete; if not, the arrival is taken back. Switches: may.
    template <typename Rep, typename Period>
    bool arrive_and_wait_for(std::chrono::duration<Rep, Period> const& duration) {
        return arrive_and_wait_until(deadline::after(duration));
    }
    bool arrive_and_wait_until(time_point moment) {
        return arrive_and_wait_until(deadline::at(moment));
    }
    bool arrive_and_wait_until(deadline limit);

    /// Breaks the barrier: who waits, and who comes before the next `reset`, gets broken_barrier.
    /// The completion function may do it, when there is no sense in going on.
    /// Throws: wrong_thread. Switches: never.
    void abort();

    /// Gives the phase up, broken or not, and begins the next one. Who waits gets broken_barrier.
    /// Throws: wrong_thread; misuse in the completion function. Switches: never.
    void reset();

    /// Says whether it is broken. Switches: never.
    bool broken() const noexcept { return broken_; }

    /// How many arrivals complete the phase. Switches: never.
    std::ptrdiff_t still_expected() const noexcept { return missing_; }

protected:
    explicit barrier_core(std::ptrdiff_t expected);
    ~barrier_core() = default;

private:
    class place;

    virtual void complete() noexcept = 0;

    void require_expected(std::ptrdiff_t number);
    void count(std::ptrdiff_t number);
    bool wait_in_line(place& me, deadline limit);
    void break_those_who_wait();

    wait_queue waiters_;
    std::ptrdiff_t expected_;
    std::ptrdiff_t missing_;
    std::uint64_t phase_ = 0;
    // The last phase that was given up and is not the present one.
    std::uint64_t given_up_ = std::numeric_limits<std::uint64_t>::max();
    bool completing_ = false;
    bool broken_ = false;
};

struct no_completion {
    void operator()() const noexcept {}
};

}  // namespace detail

template <typename CompletionFunction = detail::no_completion>
class barrier final : public detail::barrier_core {
public:
    static_assert(
        std::is_nothrow_invocable_v<CompletionFunction&>,
        "the completion function of a barrier is noexcept: there is nobody to throw to");

    /// Expects so many arrivals in each phase, and calls `completion` at the end of each, in the
    /// greenlet that arrives last. It must not wait. Throws: misuse when the number is negative.
    /// Switches: never.
    explicit barrier(std::ptrdiff_t expected, CompletionFunction completion = CompletionFunction())
        : barrier_core{expected},
          completion_{std::move(completion)} {}

private:
    void complete() noexcept override { completion_(); }

    CompletionFunction completion_;
};

}  // namespace tendril
