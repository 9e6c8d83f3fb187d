// SPDX-License-Identifier: BSL-1.0
#pragma once

// The two ends of a channel apart, so that who may only send cannot receive, and the channel closes
// by itself.
//
//     auto [out, in] = tendril::open_channel<int>(16);
//     tendril::spawn([out = std::move(out)]() mutable { out.send(1); });
//     for (int number : in) { … }            // ends when the last sender is gone
//
//     what goes                    then the channel
//     a sender or a receiver       goes on
//     the last sender              closes; what is in it can still be received
//     the last receiver            closes; what is in it is destroyed, as nobody could receive it
//     the last of both             is destroyed
//
// A handle is a counted pointer for the greenlets of one thread. Copying it makes another one of
// its kind; closing it, destroying it or moving it away makes it empty.

#include <tendril/channel/channel.hpp>
#include <tendril/support/assert.hpp>

#include <chrono>
#include <cstddef>
#include <iterator>
#include <optional>
#include <utility>

namespace tendril {

namespace detail {

// What the handles of one channel share. It ends with the last of them, but not while a call on it
// is under way.
template <typename T>
struct channel_ends {
    explicit channel_ends(std::size_t capacity) : middle{capacity} {}

    void discard() noexcept { middle.buffer_.clear(); }

    void end_if_unused() noexcept {
        if (senders + receivers + uses == 0) {
            delete this;
        }
    }

    channel<T> middle;
    std::size_t senders = 0;
    std::size_t receivers = 0;
    std::size_t uses = 0;
};

// A call on the channel, or a loop over it: keeps it in memory, but not open.
template <typename T>
class channel_use {
public:
    explicit channel_use(channel_ends<T>& ends) noexcept : ends_{&ends} { ++ends.uses; }
    channel_use(channel_use const& other) noexcept : channel_use{*other.ends_} {}
    channel_use& operator=(channel_use const&) = delete;
    ~channel_use() {
        --ends_->uses;
        ends_->end_if_unused();
    }
    channel<T>* operator->() const noexcept { return &ends_->middle; }

private:
    channel_ends<T>* ends_;
};

// A handle that counts in one of the two numbers.
template <typename T, std::size_t channel_ends<T>::*Count>
class channel_handle {
public:
    channel_handle() noexcept = default;
    explicit channel_handle(channel_ends<T>& ends) noexcept : ends_{&ends} { ++(ends.*Count); }
    channel_handle(channel_handle const& other) noexcept : ends_{other.ends_} {
        if (ends_ != nullptr) {
            ++(ends_->*Count);
        }
    }
    channel_handle(channel_handle&& other) noexcept : ends_{std::exchange(other.ends_, nullptr)} {}
    channel_handle& operator=(channel_handle other) noexcept {
        std::swap(ends_, other.ends_);
        return *this;
    }

    /// Closes it. On another thread than that of those who wait the program ends. Switches: never.
    ~channel_handle() { close(); }

    /// Gives this handle up, and closes the channel if it was the last of its kind. An empty one
    /// stays empty. Throws: wrong_thread. Switches: never.
    void close() {
        if (ends_ == nullptr) {
            return;
        }
        if (ends_->*Count == 1) {
            ends_->middle.close();
        }
        channel_ends<T>& ends = *std::exchange(ends_, nullptr);
        if (ends.receivers == 1 && Count == &channel_ends<T>::receivers) {
            // Still counted, because what is destroyed here may hold a sender.
            ends.discard();
        }
        --(ends.*Count);
        ends.end_if_unused();
    }

    /// Says whether it is not empty. Switches: never.
    bool valid() const noexcept { return ends_ != nullptr; }

    /// Says whether the channel was closed. Throws: misuse when the handle is empty.
    /// Switches: never.
    bool closed() const { return middle()->closed(); }

protected:
    channel_use<T> middle() const {
        TENDRIL_REQUIRE(
            ends_ != nullptr,
            "this end of a channel is empty: it was closed, or moved away; copy it before that "
            "where it is still needed");
        return channel_use<T>{*ends_};
    }

private:
    channel_ends<T>* ends_ = nullptr;
};

}  // namespace detail

namespace detail {

template <typename T>
class receiver_iterator {
public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = T;
    using difference_type = std::ptrdiff_t;

    explicit receiver_iterator(channel_use<T> const& from) : from_{from}, at_{from->begin()} {}
    T&& operator*() noexcept { return *at_; }
    receiver_iterator& operator++() {
        ++at_;
        return *this;
    }
    void operator++(int) { ++at_; }
    bool operator==(std::default_sentinel_t end) const noexcept { return at_ == end; }

private:
    channel_use<T> from_;
    typename channel<T>::iterator at_;
};

}  // namespace detail

/// Sends into a channel, as the function of `channel` with the same name does; an empty handle
/// throws misuse. Switches: may.
template <typename T>
class sender : public detail::channel_handle<T, &detail::channel_ends<T>::senders> {
public:
    using detail::channel_handle<T, &detail::channel_ends<T>::senders>::channel_handle;

    void send(T item) { this->middle()->send(std::move(item)); }
    template <typename Rep, typename Period>
    bool send_for(std::chrono::duration<Rep, Period> const& duration, T item) {
        return send_until(deadline::after(duration), std::move(item));
    }
    bool send_until(time_point moment, T item) {
        return send_until(deadline::at(moment), std::move(item));
    }
    bool send_until(deadline limit, T item) {
        return this->middle()->send_until(limit, std::move(item));
    }
    /// Switches: never.
    bool try_send(T&& item) { return this->middle()->try_send(std::move(item)); }
    bool try_send(T const& item) { return this->middle()->try_send(item); }

    /// Makes the arm of a `select`, which must not outlive the channel. Switches: never.
    template <typename F>
    auto on_send(T&& item, F handler) {
        return this->middle()->on_send(std::move(item), std::move(handler));
    }
    template <typename F>
    auto on_send(T const& item, F handler) {
        return this->middle()->on_send(item, std::move(handler));
    }
};

/// Receives from a channel, as the function of `channel` with the same name does; an empty handle
/// throws misuse. Switches: may.
template <typename T>
class receiver : public detail::channel_handle<T, &detail::channel_ends<T>::receivers> {
public:
    using detail::channel_handle<T, &detail::channel_ends<T>::receivers>::channel_handle;

    T receive() { return this->middle()->receive(); }
    template <typename Rep, typename Period>
    std::optional<T> receive_for(std::chrono::duration<Rep, Period> const& duration) {
        return this->middle()->receive_for(duration);
    }
    std::optional<T> receive_until(time_point moment) {
        return this->middle()->receive_until(moment);
    }
    std::optional<T> receive_until(deadline limit) { return this->middle()->receive_until(limit); }
    std::optional<T> next() { return this->middle()->next(); }
    detail::receiver_iterator<T> begin() { return detail::receiver_iterator<T>{this->middle()}; }
    std::default_sentinel_t end() noexcept { return {}; }
    /// Switches: never.
    std::optional<T> try_receive() { return this->middle()->try_receive(); }

    /// Makes the arm of a `select`, which must not outlive the channel. Switches: never.
    template <typename F>
    auto on_receive(F handler) {
        return this->middle()->on_receive(std::move(handler));
    }
    template <typename F, typename G>
    auto on_receive(F handler, G at_end) {
        return this->middle()->on_receive(std::move(handler), std::move(at_end));
    }
};

/// Makes a channel with room for `capacity` values and gives its two ends.
/// Throws: std::bad_alloc. Switches: never.
template <typename T>
std::pair<sender<T>, receiver<T>> open_channel(std::size_t capacity = 0) {
    auto* const ends = new detail::channel_ends<T>{capacity};
    return {sender<T>{*ends}, receiver<T>{*ends}};
}

}  // namespace tendril
