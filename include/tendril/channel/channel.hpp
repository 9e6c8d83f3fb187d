// SPDX-License-Identifier: BSL-1.0
#pragma once

// Values that greenlets pass to each other, first in, first out, until one of them closes.
//
//     tendril::channel<int> numbers{16};     // room for 16 values; none is a rendezvous
//     numbers.send(1);                       // waits while it is full
//     for (int number : numbers) { … }       // ends after close(), when it is empty
//
//              empty                    between   full                       closed
//     send     to the longest waiting   stores    waits; the value enters    channel_closed
//              receiver, else stores              in order of arrival
//     receive  waits                    takes     takes, and lets the first  takes what is left,
//                                                 sender in                  then channel_closed
//     close    receivers get the end    marks     senders: channel_closed    nothing
//
// A channel of capacity 0 is empty and full at once: `send` returns when a receiver was given the
// value. A value goes to a named receiver together with its wake-up: a receiver that is interrupted
// can neither lose nor double one, and a sender that is interrupted has not sent.
//
// Where work is counted until it is done, use `queue`. Read next: channel_ends.hpp, select.hpp.

#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/deadline.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/config.hpp>
#include <tendril/support/ring_buffer.hpp>
#include <tendril/sync/select.hpp>
#include <tendril/sync/wait_queue.hpp>

#include <chrono>
#include <cstddef>
#include <exception>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <utility>

namespace tendril {

/// The channel was closed: nothing can be sent any more, and nothing is left to receive.
class channel_closed : public std::runtime_error {
public:
    channel_closed() : runtime_error{"the channel is closed"} {}
};

namespace detail {

[[noreturn]] TENDRIL_COLD void throw_channel_closed();

// One who waits to send. The item stays its own until a receiver, or the buffer, has taken it.
template <typename T>
class send_waiter final : public waiter {
public:
    explicit send_waiter(T& offered) : waiter{"room in a channel"}, item{offered} {}
    send_waiter(waiter& whole, T& offered) : waiter{whole, "room in a channel"}, item{offered} {}

    // Returns whether it was sent; not so when its limit ran out.
    bool conclude() const {
        if (error) {
            std::rethrow_exception(error);
        }
        if (!sent && settled() == outcome::woken) {
            throw_channel_closed();
        }
        return sent;
    }

    T& item;
    bool sent = false;
    std::exception_ptr error;
};

// One who waits to receive. Woken with an item, or without one by the end.
template <typename T>
class receive_waiter final : public waiter {
public:
    receive_waiter() : waiter{"a value of a channel"} {}
    explicit receive_waiter(waiter& whole) : waiter{whole, "a value of a channel"} {}

    std::optional<T> item;
};

template <typename T, typename Item, typename F>
class send_arm;
template <typename T, typename F, typename G>
class receive_arm;
template <typename T>
struct channel_ends;

}  // namespace detail

template <typename T>
class channel {
public:
    class iterator;
    /// Makes a channel with room for `capacity` values; zero is a rendezvous.
    /// Throws: std::bad_alloc. Switches: never.
    explicit channel(std::size_t capacity = 0)
        : buffer_{capacity},
          receivers_{"channel"},
          senders_{"channel"} {}
    channel(channel const&) = delete;
    channel& operator=(channel const&) = delete;

    /// Sends a value, waiting for room, or for a receiver when there is no capacity.
    /// Throws: channel_closed, also when that happens while it waits; what was requested for the
    /// greenlet, and then the value is not sent; wrong_thread; what moving the value throws.
    /// Switches: may.
    TENDRIL_ALWAYS_INLINE void send(T item) { send_until(deadline::never(), std::move(item)); }

    /// As above, but for a while, or until a moment, at most. Returns whether it was sent.
    /// Switches: may.
    template <typename Rep, typename Period>
    bool send_for(std::chrono::duration<Rep, Period> const& duration, T item) {
        return send_until(deadline::after(duration), std::move(item));
    }
    bool send_until(time_point moment, T item) {
        return send_until(deadline::at(moment), std::move(item));
    }
    TENDRIL_ALWAYS_INLINE bool send_until(deadline limit, T item) {
        check_interruption();
        if (pass(item)) [[likely]] {
            return true;
        }
        detail::send_waiter<T> me{item};
        senders_.push(me);
        me.park_until_in_line(limit);
        return me.conclude();
    }

    /// Sends a value if that needs no wait. Returns whether it did; if not, the value is unchanged.
    /// Throws: channel_closed; wrong_thread; what moving the value throws. Switches: never.
    bool try_send(T&& item) { return pass(item); }
    bool try_send(T const& item) { return try_send(T{item}); }

    /// Receives the oldest value, waiting for one.
    /// Throws: channel_closed when it is closed and nothing is left; what was requested for the
    /// greenlet, and then no value is lost; wrong_thread; what moving the value throws.
    /// Switches: may.
    TENDRIL_ALWAYS_INLINE T receive() {
        check_interruption();
        if (can_take()) [[likely]] {
            return take();
        }
        detail::receive_waiter<T> me;
        require_open();
        receivers_.push(me);
        me.park_until_in_line(deadline::never());
        if (!me.item) [[unlikely]] {
            detail::throw_channel_closed();
        }
        return std::move(*me.item);
    }

    /// As above, but for a while, or until a moment, at most; empty when that ran out.
    /// Switches: may.
    template <typename Rep, typename Period>
    std::optional<T> receive_for(std::chrono::duration<Rep, Period> const& duration) {
        return receive_until(deadline::after(duration));
    }
    std::optional<T> receive_until(time_point when) { return receive_until(deadline::at(when)); }
    std::optional<T> receive_until(deadline limit) {
        check_interruption();
        if (can_take()) {
            return take();
        }
        detail::receive_waiter<T> me;
        require_open();
        receivers_.push(me);
        me.park_until(limit);
        if (!me.item && me.settled() == waiter::outcome::woken) {
            detail::throw_channel_closed();
        }
        return std::move(me.item);
    }

    /// As `receive`, but empty, and no error, when it is closed and nothing is left.
    /// Switches: may.
    std::optional<T> next() {
        check_interruption();
        if (can_take()) {
            return take();
        }
        detail::receive_waiter<T> me;
        if (!closed_) {
            require_open();
            receivers_.push(me);
            me.park_until_in_line(deadline::never());
        }
        return std::move(me.item);
    }

    /// Receives the oldest value if that needs no wait. Throws: as `receive`, but for requests.
    /// Switches: never.
    std::optional<T> try_receive() {
        if (can_take()) {
            return take();
        }
        require_open();
        return std::nullopt;
    }

    /// Receives one value after another until the end: each step is a `next`. Switches: may.
    iterator begin() { return iterator{*this}; }
    std::default_sentinel_t end() noexcept { return {}; }

    /// Lets nothing be sent any more. Who waits to send gets channel_closed, who waits to receive
    /// the end. A second call does nothing. Throws: wrong_thread. Switches: never.
    void close() {
        senders_.wake_all();  // first, because it refuses another thread
        receivers_.wake_all();
        closed_ = true;
    }

    /// Says whether it was closed; values may be left. Switches: never.
    bool closed() const noexcept { return closed_; }
    /// How many values are in it, and how many may be. Switches: never.
    std::size_t size() const noexcept { return buffer_.size(); }
    std::size_t capacity() const noexcept { return buffer_.capacity(); }

    /// The arm of a `select` that sends a value, once, then calls `handler()`. An rvalue outlives
    /// the arm, which moves from it. Closed: `select` throws channel_closed. Switches: never.
    template <typename F>
    detail::send_arm<T, T&, F> on_send(T&& item, F handler) {
        return {*this, item, std::move(handler)};
    }
    template <typename F>
    detail::send_arm<T, T, F> on_send(T const& item, F handler) {
        return {*this, item, std::move(handler)};
    }

    /// The arm of a `select` that receives a value and calls `handler(value)`. At the end of the
    /// channel it calls `at_end()`, or throws channel_closed without one. Switches: never.
    template <typename F, typename G = void (*)()>
    detail::receive_arm<T, F, G> on_receive(F handler, G at_end = &detail::throw_channel_closed) {
        return {*this, std::move(handler), std::move(at_end)};
    }

private:
    template <typename U, typename Item, typename F>
    friend class detail::send_arm;
    template <typename U, typename F, typename G>
    friend class detail::receive_arm;
    friend struct detail::channel_ends<T>;

    void require_open() const {
        if (closed_) [[unlikely]] {
            detail::throw_channel_closed();
        }
    }

    // Moves the item on, if that needs no wait.
    TENDRIL_ALWAYS_INLINE bool pass(T& item) {
        require_open();
        if (!receivers_.empty()) {
            auto& receiver = static_cast<detail::receive_waiter<T>&>(receivers_.front());
            receiver.item.emplace(std::move(item));
            wait_queue::wake(receiver);
            return true;
        }
        if (buffer_.full()) {
            return false;
        }
        buffer_.push(std::move(item));
        return true;
    }

    bool can_take() const noexcept { return !buffer_.empty() || !senders_.empty(); }

    TENDRIL_ALWAYS_INLINE T take() {
        if (senders_.empty()) [[likely]] {
            T taken{std::move(buffer_.front())};
            buffer_.pop();
            return taken;
        }
        return take_with_senders();
    }
    T take_with_senders() {
        auto& sender = static_cast<detail::send_waiter<T>&>(senders_.front());
        if (buffer_.empty()) {
            T taken{std::move(sender.item)};
            sender.sent = true;
            wait_queue::wake(sender);
            return taken;
        }
        T taken{std::move(buffer_.front())};
        buffer_.pop();
        let_senders_in();
        return taken;
    }

    // One gets in, and every one before it whose item cannot be moved; that is its own error.
    void let_senders_in() {
        while (!buffer_.full() && !senders_.empty()) {
            auto& sender = static_cast<detail::send_waiter<T>&>(senders_.front());
            try {
                buffer_.push(std::move(sender.item));
                sender.sent = true;
            } catch (...) {
                sender.error = std::current_exception();
            }
            wait_queue::wake(sender);
        }
    }

    ring_buffer<T> buffer_;
    wait_queue receivers_;
    wait_queue senders_;
    bool closed_ = false;
};

template <typename T>
class channel<T>::iterator {
public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = T;
    using difference_type = std::ptrdiff_t;

    explicit iterator(channel& from) : from_{&from}, item_{from.next()} {}
    T&& operator*() noexcept { return std::move(*item_); }
    iterator& operator++() {
        item_.reset();
        if (std::optional<T> next = from_->next()) {
            item_.emplace(std::move(*next));
        }
        return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const noexcept { return !item_; }

private:
    channel* from_;
    std::optional<T> item_;
};

namespace detail {

template <typename T, typename Item, typename F>
class send_arm final : public arm_in_queue<send_waiter<T>> {
public:
    send_arm(channel<T>& to, Item item, F handler)
        : to_{to},
          item_{static_cast<Item&&>(item)},
          handler_{std::move(handler)} {}

    bool ready() override { return !to_.receivers_.empty() || !to_.buffer_.full() || to_.closed_; }
    void complete() override {
        this->part_.reset();
        to_.pass(item_);
    }
    void enlist(waiter& whole) override { to_.senders_.push(this->part_.emplace(whole, item_)); }
    void finish() override {
        if (this->part_) {
            this->part_->conclude();
        }
        handler_();
    }

private:
    channel<T>& to_;
    Item item_;
    F handler_;
};

template <typename T, typename F, typename G>
class receive_arm final : public arm_in_queue<receive_waiter<T>> {
public:
    receive_arm(channel<T>& from, F handler, G at_end)
        : from_{from},
          handler_{std::move(handler)},
          at_end_{std::move(at_end)} {}

    bool ready() override { return from_.can_take() || from_.closed(); }
    void complete() override {
        this->part_.reset();
        item_.reset();
        if (from_.can_take()) {
            item_.emplace(from_.take());
        }
    }
    void enlist(waiter& whole) override { from_.receivers_.push(this->part_.emplace(whole)); }
    void finish() override {
        std::optional<T>& received = this->part_ ? this->part_->item : item_;
        if (received) {
            handler_(std::move(*received));
        } else {
            at_end_();
        }
    }

private:
    channel<T>& from_;
    F handler_;
    G at_end_;
    std::optional<T> item_;
};

}  // namespace detail
}  // namespace tendril
