// SPDX-License-Identifier: BSL-1.0
#pragma once

// One owner at a time, among the greenlets of one thread.
//
//     tendril::mutex m;
//     std::lock_guard const lock{m};
//
// Needed where a critical section parks in the middle; between two parks a greenlet is alone
// anyway. `unlock` hands over to the greenlet that has waited longest: nobody can barge in between.
// Only the greenlet that locked it may unlock it. A `recursive_mutex` may be locked again by its
// owner, and is free when it has been unlocked as often.
//
//                  free              owned by the caller            owned by another
//     lock         owns it           misuse; recursive: one more    waits
//     try_lock     owns it, true     false; recursive: one more     false
//     unlock       misuse            to the longest waiting         misuse
//
// A limit costs nothing here, so the timed ones are the same types under the names that the
// standard library has for them. Read next: shared_mutex.hpp, condition_variable.hpp.

#include <tendril/greenlet/thread_record.hpp>
#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/deadline.hpp>
#include <tendril/sync/wait_queue.hpp>

#include <chrono>
#include <cstddef>

namespace tendril {

class mutex {
public:
    mutex() noexcept : mutex{"mutex"} {}
    mutex(mutex const&) = delete;
    mutex& operator=(mutex const&) = delete;

    /// Waits until nobody owns it, and becomes its owner.
    /// Throws: misuse when the caller owns it already; what was requested for the greenlet, and
    /// then it does not own it; wrong_thread when another thread owns it. Switches: may.
    void lock() {
        // One look at everything that could make it more than a store.
        thread_record const* const thread = detail::this_thread_record;
        if (owner_ == nullptr && thread != nullptr && thread->current->pending == 0) [[likely]] {
            owner_ = thread->current;
        } else {
            lock_slowly(deadline::never());
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

    /// As `lock`, but waits for a while, or until a moment, at most. Returns whether the caller
    /// owns it. Switches: may.
    template <typename Rep, typename Period>
    bool try_lock_for(std::chrono::duration<Rep, Period> const& duration) {
        return lock_slowly(deadline::after(duration));
    }
    bool try_lock_until(time_point moment) { return lock_slowly(deadline::at(moment)); }
    bool try_lock_until(deadline limit) { return lock_slowly(limit); }

    /// Gives it to the one who has waited longest, or to nobody.
    /// Throws: misuse when the caller is not the owner. Switches: never.
    void unlock() {
        thread_record const* const thread = detail::this_thread_record;
        if (thread != nullptr && owner_ == thread->current && waiters_.empty()) [[likely]] {
            owner_ = nullptr;
        } else {
            unlock_slowly();
        }
    }

    /// Says whether the caller is the owner. Switches: never.
    bool owned_by_caller() const { return owner_ != nullptr && owner_ == this_thread().current; }

private:
    friend class recursive_mutex;

    explicit mutex(char const* what) noexcept : waiters_{what}, what_{what} {}
    [[gnu::noinline]] bool lock_slowly(deadline limit);
    bool wait_for_turn(deadline limit);
    [[gnu::noinline]] void unlock_slowly();

    wait_queue waiters_;
    control_block* owner_ = nullptr;
    char const* what_;
};

class recursive_mutex {
public:
    recursive_mutex() noexcept : inner_{"recursive_mutex"} {}
    recursive_mutex(recursive_mutex const&) = delete;
    recursive_mutex& operator=(recursive_mutex const&) = delete;

    /// Waits until nobody else owns it, and owns it once more than before.
    /// Throws: what was requested for the greenlet, and then it owns it as often as before;
    /// wrong_thread when another thread owns it. Switches: may.
    void lock() { try_lock_until(deadline::never()); }

    /// Owns it once more unless another greenlet owns it. Returns whether it does.
    /// Switches: never.
    bool try_lock() {
        if (!inner_.owned_by_caller() && !inner_.try_lock()) {
            return false;
        }
        ++count_;
        return true;
    }

    /// As `lock`, but waits for a while, or until a moment, at most. Returns whether the caller
    /// owns it once more. Switches: may.
    template <typename Rep, typename Period>
    bool try_lock_for(std::chrono::duration<Rep, Period> const& duration) {
        return try_lock_until(deadline::after(duration));
    }
    bool try_lock_until(time_point moment) { return try_lock_until(deadline::at(moment)); }
    bool try_lock_until(deadline limit) {
        check_interruption();
        return try_lock() || wait_for_turn(limit);
    }

    /// Owns it once less; the last time gives it to the one who has waited longest.
    /// Throws: misuse when the caller is not the owner, and nothing has changed. Switches: never.
    void unlock();

    /// Says whether the caller is the owner. Switches: never.
    bool owned_by_caller() const { return inner_.owned_by_caller(); }

    // For condition variables.

    /// Gives it up however often the caller owns it, and returns how often that was.
    /// Throws: misuse when the caller is not the owner. Switches: never.
    std::size_t unlock_fully();

    /// Waits until nobody owns it, and owns it `count` times. Nothing is delivered meanwhile.
    /// Requires: the caller does not own it. Switches: may.
    void lock_fully(std::size_t count);

private:
    bool wait_for_turn(deadline limit);

    // Whoever is about to run as the new owner sets the count; until then it is zero.
    mutex inner_;
    std::size_t count_ = 0;
};

using timed_mutex = mutex;
using recursive_timed_mutex = recursive_mutex;

}  // namespace tendril
