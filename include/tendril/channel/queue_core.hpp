// SPDX-License-Identifier: BSL-1.0
#pragma once

// What all kinds of queue share: waiting, handing over, counting and the end. Programs use
// queue.hpp, which has the table of states; this is for readers.
//
// Invariants:
// 1. While anybody waits to get or to peek, no item is stored.
// 2. While anybody waits to put, the queue is full and not shut down.
// 3. `unfinished_` is the number of items that have entered and are not done; `all_done_` is set
//    exactly while it is zero.

#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/deadline.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/sync/wait_queue.hpp>

#include <chrono>
#include <cstddef>
#include <exception>
#include <initializer_list>
#include <optional>
#include <stdexcept>
#include <utility>

namespace tendril {

/// The queue was shut down: nothing can be put any more, and nothing is left to get.
class queue_shut_down : public std::runtime_error {
public:
    queue_shut_down() : runtime_error{"the queue was shut down"} {}
};

namespace detail {

[[noreturn]] TENDRIL_COLD void throw_queue_shut_down();

template <typename T, typename Items>
class queue_core {
public:
    queue_core& operator=(queue_core const&) = delete;

    /// Adds an item, waiting for room. Throws: queue_shut_down, also when that happens while it
    /// waits; what was requested for the greenlet, and then the item is not in the queue;
    /// wrong_thread; what moving or comparing the item throws. Switches: may.
    void put(T item) { put_until(deadline::never(), std::move(item)); }

    /// Adds an item if there is room. Returns whether it did; if not, the item is unchanged.
    /// Throws: as above, but for requests. Switches: never.
    bool try_put(T&& item) {
        require_open();
        if (!peekers_.empty() || !getters_.empty()) {
            hand_over(item);
        } else if (full()) {
            return false;
        } else {
            items_.push(std::move(item));
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
    bool put_until(time_point moment, T item) {
        return put_until(deadline::at(moment), std::move(item));
    }
    bool put_until(deadline limit, T item) {
        check_interruption();
        if (try_put(std::move(item))) {
            return true;
        }
        put_waiter me{item};
        putters_.push(me);
        bool const woken = me.park_until(limit);
        if (me.error) {
            std::rethrow_exception(me.error);
        }
        if (woken && !me.stored) {
            throw_queue_shut_down();
        }
        return me.stored;
    }

    /// Takes the next item, waiting for one. Throws: queue_shut_down when it was shut down and
    /// nothing is left; what was requested for the greenlet, and then no item is lost;
    /// wrong_thread; what moving the item throws, and then it is lost. Switches: may.
    T get() { return *get_until(deadline::never()); }

    /// Takes the next item if there is one. Throws: as above, but for requests. Switches: never.
    std::optional<T> try_get() {
        if (empty()) {
            require_open();
            return std::nullopt;
        }
        if (!putters_.empty()) {
            // Refuses another thread before anything has been taken.
            static_cast<void>(putters_.front());
        }
        std::optional<T> taken{std::move(items_.top())};
        items_.pop();
        let_putters_in();
        return taken;
    }

    /// As `get`, but for a while, or until a moment, at most; empty when that ran out.
    /// Switches: may.
    template <typename Rep, typename Period>
    std::optional<T> get_for(std::chrono::duration<Rep, Period> const& duration) {
        return get_until(deadline::after(duration));
    }
    std::optional<T> get_until(time_point moment) { return get_until(deadline::at(moment)); }
    std::optional<T> get_until(deadline limit) {
        check_interruption();
        if (std::optional<T> taken = try_get()) {
            return taken;
        }
        return wait_in(getters_, limit);
    }

    /// Copies the item that `get` would take, waiting for one, and leaves it where it is. Who waits
    /// here is shown the next item that is put, even if a getter waits for it as well.
    /// Throws: as `get`; what copying the item throws. Switches: may.
    T peek() { return *peek_until(deadline::never()); }

    /// As above, but only if there is one. Switches: never.
    std::optional<T> try_peek() {
        if (empty()) {
            require_open();
            return std::nullopt;
        }
        return std::optional<T>{std::as_const(items_.top())};
    }

    /// As `peek`, but for a while, or until a moment, at most; empty when that ran out.
    /// Switches: may.
    template <typename Rep, typename Period>
    std::optional<T> peek_for(std::chrono::duration<Rep, Period> const& duration) {
        return peek_until(deadline::after(duration));
    }
    std::optional<T> peek_until(time_point moment) { return peek_until(deadline::at(moment)); }
    std::optional<T> peek_until(deadline limit) {
        check_interruption();
        if (std::optional<T> shown = try_peek()) {
            return shown;
        }
        show_ = [](get_waiter& to, T const& item) { to.item.emplace(item); };
        return wait_in(peekers_, limit);
    }

    /// Says that an item which was taken has been worked off.
    /// Throws: misuse when more are done than were put; wrong_thread. Switches: never.
    void task_done() {
        TENDRIL_REQUIRE(
            unfinished_ > 0,
            "task_done() was called more often than items were put into the queue");
        count_done(1);
    }

    /// Waits until every item that was put is done. Throws: what was requested for the greenlet.
    /// Switches: may.
    void join() { all_done_.wait(); }

    /// As above, but for a while, or until a moment, at most. Returns whether everything is done.
    /// Switches: may.
    template <typename Rep, typename Period>
    bool join_for(std::chrono::duration<Rep, Period> const& duration) {
        return all_done_.wait_for(duration);
    }
    bool join_until(time_point moment) { return all_done_.wait_until(moment); }
    bool join_until(deadline limit) { return all_done_.wait_until(limit); }

    /// Lets nothing be put any more; what is in it can still be taken. Who waits to put, or for an
    /// item, gets queue_shut_down. Throws: wrong_thread. Switches: never.
    void shutdown() {
        // First, because it refuses another thread.
        putters_.wake_all();
        peekers_.wake_all();
        getters_.wake_all();
        shut_down_ = true;
    }

    /// As above, and destroys what is in it, which counts as done. Switches: never.
    void shutdown_now() {
        shutdown();
        std::size_t const dropped = size();
        while (!empty()) {
            items_.pop();
        }
        // Some may have been reported as done without having been taken.
        count_done(dropped < unfinished_ ? dropped : unfinished_);
    }

    /// Says whether it was shut down; items may be left. Switches: never.
    bool is_shut_down() const noexcept { return shut_down_; }

    /// Sets how many may be in it; zero means without bound. Who waits for room enters when there
    /// is some; with less than before, what is in it stays. Throws: wrong_thread. Switches: never.
    void set_capacity(std::size_t capacity) {
        if (!putters_.empty()) {
            static_cast<void>(putters_.front());
        }
        capacity_ = capacity;
        let_putters_in();
    }

    /// How many may be in it; zero means without bound. Switches: never.
    std::size_t capacity() const noexcept { return capacity_; }
    /// How many items are in it. Switches: never.
    std::size_t size() const noexcept { return items_.size(); }
    bool empty() const noexcept { return items_.size() == 0; }
    /// Says whether a `put` would wait. Switches: never.
    bool full() const noexcept { return capacity_ != 0 && items_.size() >= capacity_; }
    /// How many items were put and are not done. Switches: never.
    std::size_t unfinished() const noexcept { return unfinished_; }

protected:
    queue_core(std::size_t capacity, Items items) : capacity_{capacity}, items_{std::move(items)} {
        all_done_.set();
    }
    queue_core(queue_core const& other)
        : capacity_{other.capacity_},
          items_{other.items_},
          unfinished_{other.unfinished_},
          shut_down_{other.shut_down_} {
        if (unfinished_ == 0) {
            all_done_.set();
        }
    }
    ~queue_core() = default;

    void begin_with(std::initializer_list<T> items) {
        TENDRIL_REQUIRE(
            capacity_ == 0 || items.size() <= capacity_,
            "a queue begins with no more items than it has room for");
        for (T const& item : items) {
            try_put(item);
        }
    }

private:
    // Also one who peeks.
    struct get_waiter final : waiter {
        get_waiter() : waiter{"an item of a queue"} {}
        std::optional<T> item;
        std::exception_ptr error;
    };
    struct put_waiter final : waiter {
        explicit put_waiter(T& offered) : waiter{"room in a queue"}, item{offered} {}
        T& item;
        bool stored = false;
        std::exception_ptr error;
    };

    void require_open() const {
        if (shut_down_) [[unlikely]] {
            throw_queue_shut_down();
        }
    }

    std::optional<T> wait_in(wait_queue& queue, deadline limit) {
        get_waiter me;
        queue.push(me);
        bool const woken = me.park_until(limit);
        if (me.error) {
            std::rethrow_exception(me.error);
        }
        if (woken && !me.item) {
            throw_queue_shut_down();
        }
        return std::move(me.item);
    }

    // Moves the item to where it belongs, which may fail, before it is shown to anybody.
    void hand_over(T& item) {
        if (!peekers_.empty()) {
            // Refuses another thread.
            static_cast<void>(peekers_.front());
        }
        if (getters_.empty()) {
            items_.push(std::move(item));
            show_to_peekers(items_.top());
            return;
        }
        auto& getter = static_cast<get_waiter&>(getters_.front());
        getter.item.emplace(std::move(item));
        show_to_peekers(*getter.item);
        wait_queue::wake(getter);
    }
    void show_to_peekers(T const& item) noexcept {
        while (!peekers_.empty()) {
            auto& peeker = static_cast<get_waiter&>(peekers_.front());
            try {
                show_(peeker, item);
            } catch (...) {
                peeker.error = std::current_exception();
            }
            wait_queue::wake(peeker);
        }
    }

    // So many as there is room for get in, and every one before them whose item cannot.
    void let_putters_in() {
        while (!full() && !putters_.empty()) {
            auto& putter = static_cast<put_waiter&>(putters_.front());
            try {
                items_.push(std::move(putter.item));
                putter.stored = true;
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
    void count_done(std::size_t items) {
        if (unfinished_ == items) {
            all_done_.set();
        }
        unfinished_ -= items;
    }

    std::size_t capacity_;
    Items items_;
    std::size_t unfinished_ = 0;
    bool shut_down_ = false;
    // How an item is copied. Only who peeks sets it, so that items need not be copyable.
    void (*show_)(get_waiter& to, T const& item) = nullptr;
    event all_done_;
    wait_queue getters_{"queue"};
    wait_queue peekers_{"queue"};
    wait_queue putters_{"queue"};
};

}  // namespace detail
}  // namespace tendril
