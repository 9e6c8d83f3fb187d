// SPDX-License-Identifier: BSL-1.0
#pragma once

// A queue of greenlets that wait for the same thing, first come, first served.
//
// Every primitive of this floor is one or two of these and a few words of state. A waiter that
// gives up (its limit ran out, it was interrupted) leaves the queue in the same step, so whoever
// stands in the queue can be woken, and a wake never goes to nobody.
//
// Read next: event.hpp, mutex.hpp.

#include <tendril/greenlet/thread_record.hpp>
#include <tendril/hub/errors.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/hub/waiter.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/intrusive_list.hpp>

namespace tendril {

class wait_queue {
public:
    /// Makes an empty queue. `what` names the primitive in messages: a literal. Switches: never.
    explicit wait_queue(char const* what) noexcept : what_{what} {}

    /// Stops the program when somebody still waits: that greenlet could never be woken.
    /// Switches: never.
    ~wait_queue() {
        if (!empty()) {
            detail::destroyed_while_in_use(what_);
        }
    }

    /// Says whether nobody waits. Switches: never.
    bool empty() const noexcept { return waiters_.empty(); }

    /// Adds a waiter at the end. Throws: wrong_thread when those of another thread wait here.
    /// Switches: never.
    void push(waiter& added) {
        check_thread();
        waiters_.push_back(added);
    }

    /// The one that has waited longest. Requires: not empty. Throws: wrong_thread when it waits on
    /// another thread: wake-ups between threads go through `remote`. Switches: never.
    waiter& front() {
        check_thread();
        return waiters_.front();
    }

    /// Does nothing if the caller may wake those who wait here. Who changes something before it
    /// wakes asks first. Throws: wrong_thread when they belong to another thread. Switches: never.
    void check_thread() {
        TENDRIL_REQUIRE_AS(
            wrong_thread, empty() || &waiters_.front().home().thread() == &this_thread(),
            "the greenlet that waits here belongs to another thread: post to its hub and wake it "
            "from there");
    }

    /// Takes the longest waiting out of the queue and wakes it; does nothing when nobody waits.
    /// Throws: wrong_thread. Switches: never.
    void wake_one() {
        if (!empty()) {
            wake(front());
        }
    }

    /// Wakes all who wait now, in order. Throws: wrong_thread. Switches: never.
    void wake_all() {
        while (!empty()) {
            wake(front());
        }
    }

    /// Takes a waiter out of the queue and wakes it. Switches: never.
    static void wake(waiter& woken) noexcept {
        woken.unlink();
        woken.wake();
    }

private:
    intrusive_list<waiter> waiters_;
    char const* what_;
};

/// A waiter that is handed nothing but the wake itself.
class plain_waiter final : public waiter {
public:
    using waiter::waiter;
};

}  // namespace tendril
