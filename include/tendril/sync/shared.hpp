// SPDX-License-Identifier: BSL-1.0
#pragma once

// The thread-safe family: an event, a semaphore and a queue between hubs and plain threads.
//
//     tendril::shared_queue<job> jobs{100};
//     std::thread worker{[&] { while (auto next = jobs.get_for(1s)) { work_on(*next); } }};
//     tendril::run([&] { jobs.put(job{1}); });        // parks this greenlet when there is no room
//
// Everything else of this floor belongs to the greenlets of one thread and costs no atomic. These
// cost a `std::mutex`, held for a few instructions, and a wake-up from another thread costs what
// `remote::post` does, without its allocation. Use them where two threads meet, and the local ones
// everywhere else.
//
// Who waits, waits in the way of its thread. A greenlet parks, and its hub goes on with the others;
// cancel, kill, exit and outer limits reach it as in any park. A thread without a hub blocks, and
// gets no hub by that. All wait in one queue, first come, first served, and what is given goes to
// the first of them directly, behind the mutex: whoever takes a waiter out of the queue has won,
// and its limit, or a cancellation that comes later, finds it gone. So a permit or an item is
// neither lost nor doubled.
//
//     kind                not there yet, or no room   try_ function       after close()
//     shared_event        wait waits                  is_set              (has none)
//     shared_semaphore    acquire waits               try_acquire         (has none)
//     shared_queue        get waits                   try_get             errc::closed when empty
//                         put waits                   try_put             errc::closed
//                         get_some, put_all: many items for one hold of the mutex
//
// A limit is measured on the clock of the caller's hub, or on the steady clock on a thread without
// one. While a greenlet waits here its hub believes that it may be woken: `would_block_forever` is
// not thrown for it. A virtual clock does not wait for other threads: a limit on it runs out as
// soon as nobody of its own hub can run.
//
// A primitive outlives all calls on it, waits included; to destroy one earlier stops the program
// with a message. After a fork the child must not use those of its parent. Read next:
// shared_core.hpp, remote.hpp.

#include <tendril/hub/deadline.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/sync/shared_core.hpp>

#include <chrono>
#include <cstddef>
#include <deque>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace tendril {

/// A flag that greenlets and threads wait for: as `event`, between threads.
class shared_event {
public:
    shared_event() noexcept : core_{"shared_event"} {}
    shared_event(shared_event const&) = delete;
    shared_event& operator=(shared_event const&) = delete;

    /// Sets the flag and wakes all who wait, in the order they came. Switches: never. Thread: any.
    void set();

    /// Takes the flag back. Switches: never. Thread: any.
    void reset();

    /// Says whether the flag is set. Switches: never. Thread: any.
    bool is_set() const;

    /// Waits until the flag is set; well too if it is reset before the caller runs.
    /// Throws: what was requested for the greenlet; misuse in a callback of a hub.
    /// Switches: may. Thread: any; one without a hub blocks.
    void wait() { wait_until(deadline::never()); }

    /// As above, but for a while, or until a moment, at most. Returns whether the flag was set.
    /// Switches: may. Thread: any; one without a hub blocks.
    template <typename Rep, typename Period>
    bool wait_for(std::chrono::duration<Rep, Period> const& duration) {
        return wait_until(deadline::after(duration));
    }
    bool wait_until(time_point moment) { return wait_until(deadline::at(moment)); }
    bool wait_until(deadline limit);

    /// How many wait at this moment, or were given something by another thread and do not know yet.
    /// Switches: never. Thread: any.
    std::size_t waiting() const { return core_.present(); }

private:
    mutable detail::shared_core core_;
    detail::shared_places waiting_;
    bool set_ = false;
};

/// Counted permits for greenlets and threads: as `counting_semaphore`, between threads.
class shared_semaphore {
public:
    /// Starts with some permits. Throws: misuse when that is negative. Switches: never.
    explicit shared_semaphore(std::ptrdiff_t permits);
    shared_semaphore(shared_semaphore const&) = delete;
    shared_semaphore& operator=(shared_semaphore const&) = delete;

    /// Gives permits back: first to those who wait, in order, then to the count.
    /// Throws: misuse when that is negative, or more than can be counted, and then nothing has
    /// changed. Switches: never. Thread: any.
    void release(std::ptrdiff_t permits = 1);

    /// Takes a permit, waiting for one. Throws: what was requested for the greenlet, and then it
    /// has none; misuse in a callback of a hub. Switches: may. Thread: any; one without a hub
    /// blocks.
    void acquire() { try_acquire_until(deadline::never()); }

    /// Takes a permit if there is one. Returns whether it did. Switches: never. Thread: any.
    bool try_acquire();

    /// As `acquire`, but for a while, or until a moment, at most. Returns whether it has one.
    /// Switches: may. Thread: any; one without a hub blocks.
    template <typename Rep, typename Period>
    bool try_acquire_for(std::chrono::duration<Rep, Period> const& duration) {
        return try_acquire_until(deadline::after(duration));
    }
    bool try_acquire_until(time_point moment) { return try_acquire_until(deadline::at(moment)); }
    bool try_acquire_until(deadline limit);

    /// How many permits could be taken at this moment. Switches: never. Thread: any.
    std::ptrdiff_t available() const;

    /// How many wait at this moment, or were given something by another thread and do not know yet.
    /// Switches: never. Thread: any.
    std::size_t waiting() const { return core_.present(); }

private:
    bool try_acquire_entered() noexcept;

    mutable detail::shared_core core_;
    detail::shared_places waiting_;
    std::ptrdiff_t permits_;
};

/// Items for greenlets and threads: as `queue`, between threads, with an end.
template <typename T>
class shared_queue {
    static_assert(
        std::is_nothrow_move_constructible_v<T>,
        "an item of a shared_queue goes from hand to hand behind a mutex, so moving it must not "
        "throw: put a std::unique_ptr to it into the queue");

public:
    /// Makes a queue for at most `capacity` items; zero means without bound. Switches: never.
    explicit shared_queue(std::size_t capacity = 0) : core_{"shared_queue"}, capacity_{capacity} {}
    shared_queue(shared_queue const&) = delete;
    shared_queue& operator=(shared_queue const&) = delete;

    /// Adds an item, waiting for room. Throws, and then the item is not in the queue: what was
    /// requested for the greenlet; std::system_error with errc::closed once the queue is closed;
    /// misuse in a callback of a hub. Switches: may. Thread: any; one without a hub blocks.
    void put(T item) { put_until(deadline::never(), std::move(item)); }

    /// Adds an item if there is room and the queue is not closed. Returns whether it did; if not,
    /// the item is unchanged. Throws: std::bad_alloc. Switches: never. Thread: any.
    bool try_put(T&& item) {
        auto const entered = core_.enter();
        return !closed_ && try_put_entered(item);
    }
    bool try_put(T const& item) { return try_put(T{item}); }

    /// As `put`, but for a while, or until a moment, at most. Returns whether the item was added.
    /// Switches: may. Thread: any; one without a hub blocks.
    template <typename Rep, typename Period>
    bool put_for(std::chrono::duration<Rep, Period> const& duration, T item) {
        return put_until(deadline::after(duration), std::move(item));
    }
    bool put_until(deadline limit, T item) {
        detail::check_shared_interruption();
        auto entered = core_.enter();
        return put_entered(entered, limit, item);
    }

    /// Takes the oldest item, waiting for one. Throws, and then no item is lost: what was requested
    /// for the greenlet; std::system_error with errc::closed once the queue is closed and empty;
    /// misuse in a callback of a hub. Switches: may. Thread: any; one without a hub blocks.
    T get() { return *get_until(deadline::never()); }

    /// Takes the oldest item if there is one. Throws: std::bad_alloc. Switches: never. Thread: any.
    std::optional<T> try_get() {
        auto const entered = core_.enter();
        return items_.empty() ? std::nullopt : std::optional<T>{take_oldest()};
    }

    /// As `get`, but for a while, or until a moment, at most; empty when that ran out.
    /// Switches: may. Thread: any; one without a hub blocks.
    template <typename Rep, typename Period>
    std::optional<T> get_for(std::chrono::duration<Rep, Period> const& duration) {
        return get_until(deadline::after(duration));
    }
    std::optional<T> get_until(deadline limit) {
        detail::check_shared_interruption();
        auto entered = core_.enter();
        if (!items_.empty()) {
            return take_oldest();
        }
        if (closed_) {
            detail::throw_shared_closed();
        }
        getter me;
        if (core_.wait(entered, getters_, me, limit) && !me.item) {
            detail::throw_shared_closed();
        }
        return std::move(me.item);
    }

    /// Takes the oldest items, as many as there are but no more than `most`, waiting for the first:
    /// one hold of the mutex for many items. Throws: as `get`; misuse for none. Switches: may.
    /// Thread: any; one without a hub blocks.
    std::vector<T> get_some(std::size_t most) { return get_some_until(deadline::never(), most); }

    /// As above, but waits for a while, or until a moment, at most; empty when that ran out.
    /// Switches: may. Thread: any; one without a hub blocks.
    template <typename Rep, typename Period>
    std::vector<T> get_some_for(
        std::chrono::duration<Rep, Period> const& duration, std::size_t most) {
        return get_some_until(deadline::after(duration), most);
    }
    std::vector<T> get_some_until(deadline limit, std::size_t most) {
        TENDRIL_REQUIRE(most > 0, "get_some() of no items would wait for one and not take it");
        std::vector<T> taken;
        // Memory first: what was taken must have a place.
        taken.reserve(most);
        if (std::optional<T> first = get_until(limit)) {
            taken.push_back(*std::move(first));
            take_more(taken, most);
        }
        return taken;
    }

    /// Adds all items in their order, waiting for room: one hold of the mutex for as many as there
    /// is room for. When it throws, those that were not added are left in `items`. Others may add
    /// items in between. Throws: as `put`. Switches: may. Thread: any; one without a hub blocks.
    void put_all(std::vector<T>& items) {
        auto next = items.begin();
        scope_exit const take_out{[&] { items.erase(items.begin(), next); }};
        for (; next != items.end(); ++next) {
            detail::check_shared_interruption();
            auto entered = core_.enter();
            while (!closed_ && next != items.end() && try_put_entered(*next)) {
                ++next;
            }
            if (next == items.end()) {
                return;
            }
            put_entered(entered, deadline::never(), *next);
        }
    }

    /// Takes no more items from now on. Who waits for room, or for an item, is told; what is in it
    /// can still be taken. A second call does nothing. Switches: never. Thread: any.
    void close() {
        auto const entered = core_.enter();
        closed_ = true;
        while (core_.take_first(getters_) != nullptr) {}
        while (core_.take_first(putters_) != nullptr) {}
    }

    /// Says whether it was closed. Switches: never. Thread: any.
    bool closed() const {
        auto const entered = core_.enter();
        return closed_;
    }

    /// How many items are in it at this moment. Switches: never. Thread: any.
    std::size_t size() const {
        auto const entered = core_.enter();
        return items_.size();
    }
    bool empty() const { return size() == 0; }

    /// How many may be in it; zero means without bound. Switches: never. Thread: any.
    std::size_t capacity() const noexcept { return capacity_; }

    /// How many wait at this moment, or were given something by another thread and do not know yet.
    /// Switches: never. Thread: any.
    std::size_t waiting() const { return core_.present(); }

private:
    struct getter final : detail::shared_place {
        std::optional<T> item;
    };
    struct putter final : detail::shared_place {
        explicit putter(T& offered) : item{offered} {}
        bool stored_or_closed() const {
            if (!stored) {
                detail::throw_shared_closed();
            }
            return true;
        }
        T& item;
        bool stored = false;
    };

    bool full() const noexcept { return capacity_ != 0 && items_.size() >= capacity_; }

    bool put_entered(detail::shared_core::lock& entered, deadline limit, T& item) {
        if (closed_) {
            detail::throw_shared_closed();
        }
        if (try_put_entered(item)) {
            return true;
        }
        putter me{item};
        return core_.wait(entered, putters_, me, limit) && me.stored_or_closed();
    }

    bool try_put_entered(T& item) {
        if (auto* const first = static_cast<getter*>(core_.take_first(getters_))) {
            first->item.emplace(std::move(item));
            return true;
        }
        if (full()) {
            return false;
        }
        items_.emplace_back(std::move(item));
        return true;
    }

    T take_oldest() {
        if (!putters_.empty()) {
            let_putter_in();
        }
        T taken{*std::move(items_.front())};
        items_.pop_front();
        return taken;
    }

    // What was taken before memory failed is the caller's all the same.
    void take_more(std::vector<T>& taken, std::size_t most) noexcept {
        auto const entered = core_.enter();
        try {
            while (taken.size() < most && !items_.empty()) {
                taken.push_back(take_oldest());
            }
        } catch (std::bad_alloc const&) {}
    }

    // Before the item leaves that makes room: if there is no memory, nothing has happened.
    void let_putter_in() {
        items_.emplace_back();
        if (auto* const first = static_cast<putter*>(core_.take_first(putters_))) {
            items_.back().emplace(std::move(first->item));
            first->stored = true;
        } else {
            items_.pop_back();
        }
    }

    mutable detail::shared_core core_;
    std::size_t const capacity_;
    // None of them is empty, but for a moment behind the mutex.
    std::deque<std::optional<T>> items_;
    detail::shared_places getters_;
    detail::shared_places putters_;
    bool closed_ = false;
};

}  // namespace tendril
