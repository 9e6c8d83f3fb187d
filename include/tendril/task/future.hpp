// SPDX-License-Identifier: BSL-1.0
#pragma once

// A value that arrives once: whoever makes it has the promise, and all who wait have a future.
//
//     tendril::promise<int> p;
//     tendril::future<int> answer = p.get_future();
//     tendril::spawn([p] { p.set_value(ask()); });
//     answer.get();                                   // waits; as often as one likes
//
// A task is a future that brings its own producer. Take a promise where no single function makes
// the value: a callback gives it, or the first of several, or another greenlet half-way through.
// Both handles can be copied, and all copies mean the same value.
//
//                     pending                  fulfilled   failed   cancelled or broken
//     set_value       gives it                 already_settled, and nothing changes
//     try_set_value   gives it, true           false
//     get             waits                    value       throws   throws
//     wait            waits                    returns
//     try_get         null                     value       throws   throws
//     cancel          cancels it, true         false
//     last promise    breaks it: get throws    nothing
//       goes            broken_promise
//
// What is given goes to the readers in the order in which they came, and giving never switches. An
// error that nobody has asked for when the last handle goes is reported to the hub's error handler.
// A promise and its futures belong to the thread that has made the promise; what is there already
// can be read anywhere. Between threads: shared_future.hpp.
//
// Read next: fulfil.hpp, when_done.hpp for `select`, awaitable.hpp for coroutines of the language.

#include <tendril/support/assert.hpp>
#include <tendril/task/fulfil.hpp>
#include <tendril/task/future_state.hpp>
#include <tendril/task/spawn.hpp>

#include <chrono>
#include <exception>
#include <functional>
#include <type_traits>
#include <utility>

namespace tendril {

template <typename T>
class promise;

namespace detail {

// What `get` of a future returns that goes on to exist, and what one returns that may have nothing.
template <typename T>
using future_reference = std::add_lvalue_reference_t<T>;
template <typename T>
using future_pointer = std::conditional_t<std::is_void_v<T>, bool, std::remove_reference_t<T>*>;

template <typename T, typename F>
using continued = continuation_of<future_reference<T>, F>;

}  // namespace detail

/// The reading end of a promise, which can be copied.
template <typename T>
class future {
    static_assert(!std::is_reference_v<T>, "a future keeps its value: give it a pointer instead");

public:
    using value_type = T;

    /// Makes a handle to no promise. Switches: never.
    future() noexcept = default;

    /// Says whether it belongs to a promise. Switches: never.
    bool valid() const noexcept { return named_.get() != nullptr; }

    /// Waits until there is a value and returns a reference to it. From a handle that goes away at
    /// once it is a copy, or, when T cannot be copied, the value itself, which later readers find
    /// moved from.
    /// Throws: the error that was given; task_cancelled; broken_promise; what was requested for the
    /// caller; wrong_thread. Switches: may.
    detail::future_reference<T> get() const& {
        future const while_waiting{*this};
        while_waiting.named().wait_until(deadline::never());
        return while_waiting.value();
    }
    T get() && {
        named().wait_until(deadline::never());
        if constexpr (std::is_void_v<T>) {
            value();
        } else if constexpr (std::is_copy_constructible_v<T>) {
            return value();
        } else {
            return std::move(value());
        }
    }

    /// As above, but for a while, or until a moment, at most: returns a pointer to the value, null
    /// when the limit came first. Of a future without a value it is a bool. Switches: may.
    template <typename Rep, typename Period>
    detail::future_pointer<T> get_for(std::chrono::duration<Rep, Period> const& duration) const {
        return get_until(deadline::after(duration));
    }
    detail::future_pointer<T> get_until(time_point moment) const {
        return get_until(deadline::at(moment));
    }
    detail::future_pointer<T> get_until(deadline limit) const {
        future const while_waiting{*this};
        return while_waiting.named().wait_until(limit) ? while_waiting.try_get() : nothing();
    }

    /// Returns a pointer to the value if it is there, else null; of a future without a value, a
    /// bool. Throws: as `get`, when there will be no value. Switches: never.
    detail::future_pointer<T> try_get() const {
        if (!named().done()) {
            return nothing();
        }
        if constexpr (std::is_void_v<T>) {
            value();
            return true;
        } else {
            return &value();
        }
    }

    /// Waits until there is a value, or there will be none. Throws: what was requested for the
    /// caller; wrong_thread. Switches: may.
    void wait() const { wait_until(deadline::never()); }

    /// As above, but for a while, or until a moment, at most. Returns whether it is over.
    /// Switches: may.
    template <typename Rep, typename Period>
    bool wait_for(std::chrono::duration<Rep, Period> const& duration) const {
        return wait_until(deadline::after(duration));
    }
    bool wait_until(time_point moment) const { return wait_until(deadline::at(moment)); }
    bool wait_until(deadline limit) const { return named().wait_until(limit); }

    /// Says whether there is a value, or there will be none. Switches: never.
    bool done() const { return named().done(); }

    /// Says whether there is a value. Switches: never.
    bool succeeded() const { return named().how() == detail::settlement::stage::fulfilled; }

    /// Says whether it was cancelled. Switches: never.
    bool was_cancelled() const { return named().how() == detail::settlement::stage::cancelled; }

    /// The error that was given, or broken_promise; null when there is none. Counts as asking for
    /// it. Switches: never.
    std::exception_ptr exception() const { return named().collect_error(); }

    /// Gives up for all readers: they get `task_cancelled`, and the promise sees it. Returns false
    /// when it is over already; nobody is told then of an error that is there.
    /// Throws: wrong_thread. Switches: never. Thread: the promise's.
    bool cancel() const { return named().cancel(); }

    /// Calls `link` in the hub, soon after it is over, or soon if it is. Links are called in the
    /// order they were added; an error in one is reported and does not keep the others from being
    /// called. One whose hub closes before is dropped.
    /// Throws: wrong_thread. Switches: never. Thread: the promise's.
    void on_done(unique_function<void()> link) const { named().on_done(std::move(link)); }

    /// Calls `function` with the value, by reference, in a task of its own, soon after it has
    /// arrived, and returns a future of what it returns. The function may wait. When there will be
    /// no value it is not called, and the returned future gets the error, or is cancelled. When
    /// that future is cancelled first, it is not called either.
    /// Throws: wrong_thread. Switches: never. Thread: the promise's.
    template <typename F>
    auto then(F function) const -> future<typename detail::continued<T, F>::type>;

    /// What stands behind the handle, for the library. Throws: misuse when there is nothing.
    /// Switches: never.
    detail::future_state<T>& state() const { return named(); }

    /// Says whether both belong to the same promise.
    bool operator==(future const&) const noexcept = default;

private:
    friend class promise<T>;
    explicit future(detail::future_state<T>& named) noexcept : named_{named} {}

    detail::future_state<T>& named() const {
        TENDRIL_REQUIRE(
            valid(), "an empty future was used: it belongs to no promise, or was moved from");
        return *named_.get();
    }
    static detail::future_pointer<T> nothing() noexcept { return {}; }
    detail::future_reference<T> value() const {
        named_.get()->rethrow_failure();
        if constexpr (!std::is_void_v<T>) {
            return named_.get()->value();
        }
    }

    detail::reading_handle<detail::future_state<T>> named_;
};

/// The giving end, which can be copied: the first of the copies that gives something decides.
template <typename T>
class promise {
    static_assert(!std::is_reference_v<T>, "a promise keeps its value: give it a pointer instead");

public:
    using value_type = T;

    /// Makes a promise. `what` names it in dumps and messages: a literal.
    /// Throws: std::bad_alloc. Switches: never.
    explicit promise(char const* what = "a future") : named_{*new detail::future_state<T>{what}} {}

    /// A future for its value; as many as one likes. Throws: misuse when it was moved from.
    /// Switches: never.
    future<T> get_future() const { return future<T>{named()}; }

    /// Gives the value, which is made of the argument, and wakes all who wait. Without T there is
    /// no argument. Throws, and then nothing has changed: already_settled; wrong_thread; what
    /// making the value throws. Switches: never. Thread: its own.
    template <typename U = T>
    requires(!std::is_void_v<T> && std::is_constructible_v<T, U>) void set_value(U&& value) const {
        named().require_pending();
        named().try_fulfil(std::forward<U>(value));
    }
    void set_value() const requires std::is_void_v<T> {
        named().require_pending();
        named().try_fulfil();
    }

    /// As above, but returns false when something was given before. Switches: never.
    template <typename U = T>
    requires(!std::is_void_v<T> && std::is_constructible_v<T, U>) bool try_set_value(
        U&& value) const {
        return named().try_fulfil(std::forward<U>(value));
    }
    bool try_set_value() const requires std::is_void_v<T> { return named().try_fulfil(); }

    /// Gives an error in place of a value. `cancelled` and `greenlet_exit` are kept as a
    /// cancellation: who asks has not been cancelled, and gets task_cancelled.
    /// Throws: already_settled; wrong_thread; misuse for a null pointer. Switches: never.
    /// Thread: its own.
    void set_exception(std::exception_ptr error) const {
        named().require_pending();
        named().try_fail(std::move(error));
    }
    template <typename Error>
    requires(!std::is_convertible_v<Error, std::exception_ptr>) void set_exception(
        Error error) const {
        set_exception(std::make_exception_ptr(std::move(error)));
    }

    /// As above, but returns false when something was given before. Switches: never.
    bool try_set_exception(std::exception_ptr error) const {
        return named().try_fail(std::move(error));
    }
    template <typename Error>
    requires(!std::is_convertible_v<Error, std::exception_ptr>) bool try_set_exception(
        Error error) const {
        return try_set_exception(std::make_exception_ptr(std::move(error)));
    }

    /// Cancels its futures, as their `cancel` does. Switches: never. Thread: its own.
    bool try_cancel() const { return named().cancel(); }

    /// Says whether something was given, or the future was cancelled. Switches: never.
    bool settled() const { return named().done(); }

    /// Says whether its future was cancelled: nobody wants the value any more. Switches: never.
    bool was_cancelled() const { return named().how() == detail::settlement::stage::cancelled; }

    /// Says whether both give to the same futures.
    bool operator==(promise const&) const noexcept = default;

private:
    detail::future_state<T>& named() const {
        TENDRIL_REQUIRE(named_.get() != nullptr, "a promise was used that was moved from");
        return *named_.get();
    }

    detail::giving_handle<detail::future_state<T>> named_;
};

template <typename T>
template <typename F>
auto future<T>::then(F function) const -> future<typename detail::continued<T, F>::type> {
    promise<typename detail::continued<T, F>::type> next{"a continuation"};
    auto made = next.get_future();
    on_done([source = *this, next = std::move(next), f = std::move(function)]() mutable {
        detail::start_continuation(std::move(source), std::move(next), std::move(f));
    });
    return made;
}

}  // namespace tendril
