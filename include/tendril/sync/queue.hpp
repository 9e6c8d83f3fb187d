// SPDX-License-Identifier: BSL-1.0
#pragma once

// Items that greenlets pass to each other, first in, first out, with a bound on how many may wait.
//
//     tendril::queue<job> jobs{16};
//     jobs.put(job{1});                      // waits while 16 items are in it
//     job next = jobs.get();                 // waits while it is empty
//     jobs.task_done();                      // and jobs.join() waits until every item is done
//
//              empty                     between        full
//     put      to the longest waiting    stores         waits; the item enters in order of arrival
//              getter, else stores
//     get      waits                     takes          takes, and lets the first waiting putter in
//
// An item goes to a named getter together with its wake-up: a getter that is cancelled can neither
// lose nor double one, and a putter that is cancelled keeps its item.

#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/deadline.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/sync/wait_queue.hpp>

#include <chrono>
#include <cstddef>
#include <deque>
#include <exception>
#include <optional>
#include <utility>

namespace tendril {

template <typename T>
class queue {
public:
    /// Makes a queue for at most `capacity` items; zero means without bound. Switches: never.
    explicit queue(std::size_t capacity = 0)
        : capacity_{capacity},
          getters_{"queue"},
          putters_{"queue"} {
        all_done_.set();
    }
    queue(queue const&) = delete;
    queue& operator=(queue const&) = delete;

    /// Adds an item, waiting for room. Throws: what was requested for the greenlet, and then the
    /// item is not in the queue; wrong_thread; what moving the item throws. Switches: may.
    void put(T item) { put_until(deadline::never(), std::move(item)); }

    /// Adds an item if there is room. Returns whether it did; if not, the item is unchanged.
    /// Switches: never.
    bool try_put(T&& item) {
        if (!getters_.empty()) {
            auto& getter = static_cast<get_waiter&>(getters_.front());
            getter.item.emplace(std::move(item));
            wait_queue::wake(getter);
        } else if (full()) {
            return false;
        } else {
            items_.push_back(std::move(item));
        }
        count_put();
        return true;
    }
    bool try_put(T const& item) { return try_put(T{item}); }

    /// As `put`, but for a while, or until a moment, at most. Returns whether the item was added.
    /// Switches: may.
    template <typename Rep, typename Period>
    bool put_for(std::chrono::duration<Rep, Period> const& duration, T item) {
        return put_until(deadline::after(duration), std::move(item));
    }
    bool put_until(deadline limit, T item) {
        check_interruption();
        if (try_put(std::move(item))) {
            return true;
        }
        put_waiter me{item};
        putters_.push(me);
        bool const stored = me.park_until(limit);
        if (me.error) {
            std::rethrow_exception(me.error);
        }
        return stored;
    }

    /// Takes the oldest item, waiting for one. Throws: what was requested for the greenlet, and
    /// then no item is lost; wrong_thread; what moving the item throws. Switches: may.
    T get() { return *get_until(deadline::never()); }

    /// Takes the oldest item if there is one. Switches: never.
    std::optional<T> try_get() {
        if (items_.empty()) {
            return std::nullopt;
        }
        if (!putters_.empty()) {
            // Refuses another thread before anything has been taken.
            static_cast<void>(putters_.front());
        }
        std::optional<T> taken{std::move(items_.front())};
        items_.pop_front();
        let_putters_in();
        return taken;
    }

    /// As `get`, but for a while, or until a moment, at most; empty when that ran out.
    /// Switches: may.
    template <typename Rep, typename Period>
    std::optional<T> get_for(std::chrono::duration<Rep, Period> const& duration) {
        return get_until(deadline::after(duration));
    }
    std::optional<T> get_until(deadline limit) {
        check_interruption();
        if (std::optional<T> taken = try_get()) {
            return taken;
        }
        get_waiter me;
        getters_.push(me);
        me.park_until(limit);
        return std::move(me.item);
    }

    /// Says that an item which was taken has been worked off.
    /// Throws: misuse when more are done than were put. Switches: never.
    void task_done() {
        TENDRIL_REQUIRE(
            unfinished_ > 0,
            "task_done() was called more often than items were put into the queue");
        if (--unfinished_ == 0) {
            all_done_.set();
        }
    }

    /// Waits until every item that was put is done. Throws: what was requested for the greenlet.
    /// Switches: may.
    void join() { all_done_.wait(); }

    /// As above, but for a while at most. Returns whether everything is done. Switches: may.
    template <typename Rep, typename Period>
    bool join_for(std::chrono::duration<Rep, Period> const& duration) {
        return all_done_.wait_for(duration);
    }

    /// How many items are in it. Switches: never.
    std::size_t size() const noexcept { return items_.size(); }
    bool empty() const noexcept { return items_.empty(); }
    /// Says whether a `put` would wait. Switches: never.
    bool full() const noexcept { return capacity_ != 0 && items_.size() >= capacity_; }
    /// How many may be in it; zero means without bound. Switches: never.
    std::size_t capacity() const noexcept { return capacity_; }

private:
    struct get_waiter final : waiter {
        get_waiter() : waiter{"an item of a queue"} {}
        std::optional<T> item;
    };
    struct put_waiter final : waiter {
        explicit put_waiter(T& offered) : waiter{"room in a queue"}, item{offered} {}
        T& item;
        std::exception_ptr error;
    };

    // One gets in, and every one before it whose item cannot be moved.
    void let_putters_in() {
        while (!full() && !putters_.empty()) {
            auto& putter = static_cast<put_waiter&>(putters_.front());
            try {
                items_.push_back(std::move(putter.item));
                count_put();
            } catch (...) {
                // The error belongs to the one whose item it is, not to the one who made room.
                putter.error = std::current_exception();
            }
            wait_queue::wake(putter);
        }
    }
    void count_put() noexcept {
        ++unfinished_;
        all_done_.reset();
    }

    std::size_t capacity_;
    std::deque<T> items_;
    std::size_t unfinished_ = 0;
    event all_done_;
    wait_queue getters_;
    wait_queue putters_;
};

}  // namespace tendril
