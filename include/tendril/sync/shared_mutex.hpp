// SPDX-License-Identifier: BSL-1.0
#pragma once

// One who writes, or many who read, with the interface of `std::shared_timed_mutex`.
//
//     tendril::shared_mutex m;
//     std::shared_lock const reading{m};       // others may read meanwhile
//     std::unique_lock const writing{m};       // nobody else may
//
//                      free           some read                        one writes
//     lock             owns it        waits                            waits
//     lock_shared      reads          reads, unless somebody waits     waits
//     unlock           misuse         misuse                           lets the next in
//     unlock_shared    misuse         the last one lets the next in    misuse
//
// All wait in one line, so that neither readers nor writers can starve: "the next" is the writer at
// its head, or all readers up to the first writer. It follows that a greenlet which reads must not
// ask to read again: with a writer in between it would wait for itself, and nobody would notice
// before the hub finds that everybody waits.

#include <tendril/greenlet/thread_record.hpp>
#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/deadline.hpp>
#include <tendril/sync/wait_queue.hpp>

#include <chrono>
#include <cstddef>

namespace tendril {

class shared_mutex {
public:
    shared_mutex() noexcept : waiters_{"shared_mutex"} {}
    shared_mutex(shared_mutex const&) = delete;
    shared_mutex& operator=(shared_mutex const&) = delete;

    // For the one who writes.

    /// Waits until nobody reads or writes, and becomes its owner.
    /// Throws: misuse when the caller owns it already; what was requested for the greenlet, and
    /// then it does not own it; wrong_thread when another thread owns it. Switches: may.
    void lock() { try_lock_until(deadline::never()); }

    /// Becomes the owner if nobody reads, writes or waits. Returns whether it did.
    /// Switches: never.
    bool try_lock() {
        if (owner_ != nullptr || readers_ != 0) {
            return false;
        }
        owner_ = this_thread().current;
        return true;
    }

    /// As `lock`, but waits for a while, or until a moment, at most. Returns whether the caller
    /// owns it. Switches: may.
    template <typename Rep, typename Period>
    bool try_lock_for(std::chrono::duration<Rep, Period> const& duration) {
        return try_lock_until(deadline::after(duration));
    }
    bool try_lock_until(time_point moment) { return try_lock_until(deadline::at(moment)); }
    bool try_lock_until(deadline limit) {
        check_interruption();
        return try_lock() || wait_for_turn(limit, wants::to_write);
    }

    /// Lets the next in. Throws: misuse when the caller is not the owner. Switches: never.
    void unlock();

    // For those who read.

    /// Waits until nobody writes and nobody has waited longer, and reads.
    /// Throws: misuse when the caller owns it as a writer; what was requested for the greenlet, and
    /// then it does not read; wrong_thread when another thread owns it. Switches: may.
    void lock_shared() { try_lock_shared_until(deadline::never()); }

    /// Reads if nobody writes or waits. Returns whether it does. Switches: never.
    bool try_lock_shared() noexcept {
        if (owner_ != nullptr || !waiters_.empty()) {
            return false;
        }
        ++readers_;
        return true;
    }

    /// As `lock_shared`, but waits for a while, or until a moment, at most. Returns whether the
    /// caller reads. Switches: may.
    template <typename Rep, typename Period>
    bool try_lock_shared_for(std::chrono::duration<Rep, Period> const& duration) {
        return try_lock_shared_until(deadline::after(duration));
    }
    bool try_lock_shared_until(time_point moment) {
        return try_lock_shared_until(deadline::at(moment));
    }
    bool try_lock_shared_until(deadline limit) {
        check_interruption();
        return try_lock_shared() || wait_for_turn(limit, wants::to_read);
    }

    /// Reads no more; the last one lets the next in.
    /// Throws: misuse when nobody reads; wrong_thread. Switches: never.
    void unlock_shared();

    /// How many read now. Switches: never.
    std::size_t readers() const noexcept { return readers_; }

private:
    enum class wants : bool { to_read, to_write };
    class turn;

    bool wait_for_turn(deadline limit, wants what);
    void let_in();

    wait_queue waiters_;
    control_block* owner_ = nullptr;
    std::size_t readers_ = 0;
};

using shared_timed_mutex = shared_mutex;

}  // namespace tendril
