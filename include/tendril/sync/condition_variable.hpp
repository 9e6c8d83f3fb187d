// SPDX-License-Identifier: BSL-1.0
#pragma once

// Waiting until something that a lock guards has changed, with the interface of
// `std::condition_variable`.
//
//     std::unique_lock lock{m};
//     changed.wait(lock, [&] { return !jobs.empty(); });
//
// Needed when the condition is more than a flag or a count; for those an `event` or a semaphore
// says it in one word.
//
//     wait          gives the lock up and waits, in one step; owns the lock again when it ends
//     notify_one    wakes the longest waiting; nothing when nobody waits
//     notify_all    wakes all who wait
//
// However a wait ends, the lock is owned again: a waiter that is cancelled takes it, with nothing
// delivered meanwhile, before the exception leaves `wait`. A waiter that was notified has won: a
// cancellation or limit of the same turn is left for later, so that no notification is lost on one
// who does not look at the condition any more. There are no wake-ups without a reason, but the
// condition may have changed back until the waiter owns the lock: test it in a loop, or give it to
// `wait`. Any lock works that parks as ours do; a recursive one is given up fully, and owned as
// often as before.

#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/deadline.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/sync/mutex.hpp>
#include <tendril/sync/wait_queue.hpp>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <utility>

namespace tendril {

namespace detail {

// While it lives, a lock is given up. What ends it owns the lock again, or ends the program, as in
// the standard library: whoever unwinds believes that it owns it.
template <typename Lock>
class given_up {
public:
    explicit given_up(Lock& lock) : lock_{lock} {
        if constexpr (requires { lock.owns_lock(); }) {
            TENDRIL_REQUIRE(
                lock.owns_lock(),
                "wait() with a lock that is not locked: lock it before the condition is tested");
        }
        lock_.unlock();
    }
    given_up(given_up const&) = delete;
    given_up& operator=(given_up const&) = delete;
    ~given_up() {
        interruption_shield const nothing_is_delivered;
        lock_.lock();
    }

private:
    Lock& lock_;
};

template <>
class given_up<recursive_mutex> {
public:
    explicit given_up(recursive_mutex& owned) : owned_{owned}, count_{owned.unlock_fully()} {}
    given_up(given_up const&) = delete;
    given_up& operator=(given_up const&) = delete;
    ~given_up() { owned_.lock_fully(count_); }

private:
    recursive_mutex& owned_;
    std::size_t count_;
};

template <>
class given_up<std::unique_lock<recursive_mutex>> : given_up<recursive_mutex> {
public:
    explicit given_up(std::unique_lock<recursive_mutex>& lock)
        : given_up<recursive_mutex>{of(lock)} {}

private:
    static recursive_mutex& of(std::unique_lock<recursive_mutex>& lock) {
        TENDRIL_REQUIRE(
            lock.owns_lock(),
            "wait() with a lock that is not locked: lock it before the condition is tested");
        return *lock.mutex();
    }
};

}  // namespace detail

class condition_variable {
public:
    condition_variable() noexcept : waiters_{"condition_variable"} {}
    condition_variable(condition_variable const&) = delete;
    condition_variable& operator=(condition_variable const&) = delete;

    /// Wakes the one that has waited longest. Throws: wrong_thread. Switches: never.
    void notify_one() { waiters_.wake_one(); }

    /// Wakes all who wait now, in order. Throws: wrong_thread. Switches: never.
    void notify_all() { waiters_.wake_all(); }

    /// Gives the lock up, waits to be notified, and owns the lock again.
    /// Requires: the caller owns the lock. Throws: misuse when it does not; what was requested for
    /// the greenlet; wrong_thread. The lock is owned in any case. Switches: may.
    template <typename Lock>
    void wait(Lock& lock) {
        wait_until(lock, deadline::never());
    }

    /// As above, until the condition holds, which is tested with the lock owned. Switches: may.
    template <typename Lock, typename Condition>
    void wait(Lock& lock, Condition condition) {
        wait_until(lock, deadline::never(), std::move(condition));
    }

    /// As `wait`, but waits for a while, or until a moment, at most. Owning the lock again may take
    /// longer. Returns whether it was notified in time. Switches: may.
    template <typename Lock, typename Rep, typename Period>
    std::cv_status wait_for(Lock& lock, std::chrono::duration<Rep, Period> const& duration) {
        return wait_until(lock, deadline::after(duration));
    }
    template <typename Lock>
    std::cv_status wait_until(Lock& lock, time_point moment) {
        return wait_until(lock, deadline::at(moment));
    }
    template <typename Lock>
    std::cv_status wait_until(Lock& lock, deadline limit) {
        check_interruption();
        plain_waiter me{"condition_variable"};
        require_may_wait(me);
        detail::given_up<Lock> const until_the_end{lock};
        // A notification must not go to one that is only waiting for the lock any more.
        scope_exit const left{[&me] { me.unlink(); }};
        waiters_.push(me);
        return me.park_until(limit) ? std::cv_status::no_timeout : std::cv_status::timeout;
    }

    /// As above, until the condition holds. Returns whether it does. Switches: may.
    template <typename Lock, typename Rep, typename Period, typename Condition>
    bool wait_for(
        Lock& lock, std::chrono::duration<Rep, Period> const& duration, Condition condition) {
        return wait_until(lock, deadline::after(duration), std::move(condition));
    }
    template <typename Lock, typename Condition>
    bool wait_until(Lock& lock, time_point moment, Condition condition) {
        return wait_until(lock, deadline::at(moment), std::move(condition));
    }
    template <typename Lock, typename Condition>
    bool wait_until(Lock& lock, deadline limit, Condition condition) {
        check_interruption();
        while (!condition()) {
            if (wait_until(lock, limit) == std::cv_status::timeout) {
                return condition();
            }
        }
        return true;
    }

private:
    void require_may_wait(waiter const& me);

    wait_queue waiters_;
};

using condition_variable_any = condition_variable;

}  // namespace tendril
