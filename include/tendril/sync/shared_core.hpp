// SPDX-License-Identifier: BSL-1.0
#pragma once

// How greenlets and threads wait behind one mutex: what all shared primitives have in common.
//
// Who waits has a place in a queue, in its own frame. Whoever takes the place out, behind the
// mutex, has won: a giver, which tells the one who waits, or the one who waits itself, whose limit
// has come or who was interrupted. How that is done for greenlets and for blocked threads stands in
// lib/sync/shared.cpp. Read next: shared.hpp.

#include <tendril/hub/deadline.hpp>
#include <tendril/support/intrusive_list.hpp>

#include <cstddef>
#include <mutex>

namespace tendril {

namespace detail {

class shared_sleeper;

// A place in the queue of a shared primitive, in the frame of the one who waits.
class shared_place : public list_hook<> {
private:
    friend class shared_core;
    friend class shared_sleeper;
    shared_sleeper* whose_ = nullptr;
};

using shared_places = intrusive_list<shared_place>;

// What all shared primitives have: the mutex, and the way to wait behind it. See shared.cpp.
class shared_core {
public:
    using lock = std::unique_lock<std::mutex>;

    /// `what` names the primitive in messages: a literal. Switches: never.
    explicit shared_core(char const* what) noexcept : what_{what} {}
    shared_core(shared_core const&) = delete;
    shared_core& operator=(shared_core const&) = delete;
    /// Stops the program when somebody still waits. Switches: never.
    ~shared_core();

    /// Gives whoever calls the mutex, for a few instructions. Switches: never. Thread: any.
    lock enter() { return lock{mutex_}; }

    /// How many wait, or were given something and do not know yet. Switches: never. Thread: any.
    std::size_t present() const {
        lock const entered{mutex_};
        return present_;
    }

    /// Queues the caller, leaves the mutex, and waits until its place is taken out of the queue or
    /// `limit` has come. Returns whether it was taken out. Requires: the mutex.
    /// Throws: what was requested for the greenlet, and then it was not taken out; misuse in a
    /// callback of a hub; std::bad_alloc. Switches: may. Thread: any.
    bool wait(lock& entered, shared_places& queue, shared_place& mine, deadline limit);

    /// Takes the first place out of the queue and lets whoever waits there go on, as soon as the
    /// caller has left the mutex. Null when nobody waits who can be woken. Requires: the mutex.
    /// Switches: never. Thread: any.
    shared_place* take_first(shared_places& queue) noexcept;

private:
    friend class shared_sleeper;

    mutable std::mutex mutex_;
    char const* what_;
    // Who waits, or was given something by another thread and does not know yet.
    std::size_t present_ = 0;
};

/// Looks for what was requested for the calling greenlet, on a thread that has a hub.
void check_shared_interruption();

[[noreturn]] void throw_shared_closed();

}  // namespace detail

}  // namespace tendril
