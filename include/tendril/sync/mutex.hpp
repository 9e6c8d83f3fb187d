// SPDX-License-Identifier: BSL-1.0
#pragma once

// One owner at a time, among the greenlets of one thread.
//
//     tendril::mutex m;
//     std::lock_guard const lock{m};
//
// Needed where a critical section parks in the middle; between two parks a greenlet is alone
// anyway. `unlock` hands over to the greenlet that has waited longest: nobody can barge in between.
// It is not recursive and has an owner: only the greenlet that locked it may unlock it.

#include <tendril/greenlet/thread_record.hpp>
#include <tendril/hub/cancellation.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/sync/wait_queue.hpp>

namespace tendril {

class mutex {
public:
    mutex() noexcept : waiters_{"mutex"} {}
    mutex(mutex const&) = delete;
    mutex& operator=(mutex const&) = delete;

    /// Waits until nobody owns it, and becomes its owner.
    /// Throws: misuse when the caller owns it already; what was requested for the greenlet, and
    /// then it does not own it. Switches: may.
    void lock() {
        check_interruption();
        if (!try_lock()) [[unlikely]] {
            wait_for_turn();
        }
    }

    /// Becomes the owner if nobody is. Returns whether it did. Switches: never.
    bool try_lock() {
        if (owner_ != nullptr) {
            return false;
        }
        owner_ = this_thread().current;
        return true;
    }

    /// Gives it to the one who has waited longest, or to nobody.
    /// Throws: misuse when the caller is not the owner. Switches: never.
    void unlock() {
        TENDRIL_REQUIRE(
            owner_ == this_thread().current,
            "unlock() by a greenlet that does not own the mutex: the one that locked it unlocks "
            "it; to signal another greenlet use a semaphore or an event");
        if (waiters_.empty()) [[likely]] {
            owner_ = nullptr;
        } else {
            hand_over();
        }
    }

private:
    void wait_for_turn();
    void hand_over();

    wait_queue waiters_;
    control_block* owner_ = nullptr;
};

}  // namespace tendril
