// SPDX-License-Identifier: BSL-1.0
#pragma once

// A completion token: any asynchronous operation of any Asio library, as a call that parks.
//
//     std::size_t n = boost::asio::async_read(socket, buffer, tendril::use_greenlet);
//     timer.async_wait(tendril::use_greenlet);
//
//     error_code error;
//     n = boost::asio::async_read(socket, buffer, tendril::use_greenlet[error]);
//
//     auto socket = tendril::use_greenlet.as_default_on(tcp::socket{…});
//     n = socket.async_read_some(buffer);
//
//     the handler's signature               the call returns
//     void()                                nothing
//     void(error_code)                      nothing; throws system_error
//     void(error_code, T)                   T; throws system_error
//     void(error_code, T, U, …)             std::tuple<T, U, …>; throws system_error
//     void(std::error_code, …)              as above; throws std::system_error
//     void(exception_ptr, …)                as above; throws what the pointer holds
//     void(T, …)                            T, or a tuple
//
// What the handler gets by reference is copied or moved out: it need not live longer than the call.
//
// The operation is started on the greenlet's own stack, and the greenlet parks until the handler
// has been called. When it is interrupted meanwhile (cancel, kill, a timeout), it emits Asio's
// terminal cancellation and waits on until the operation has ended: nothing of the frame goes while
// Asio may still use it. An operation that was done after all returns its result, and the
// interruption is delivered at the next park. One that was stopped throws the interruption, in the
// form that hands errors back as well.
//
// The handler's executor is the hub's, so operations on other contexts complete here as well. Such
// a context must not be destroyed by another thread, and what an operation belongs to (a socket)
// must bear that it is cancelled from this one.
//
// Read next: await_coroutine.hpp.

#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/io/abi_lock.hpp>
#include <tendril/io/error.hpp>
#include <tendril/io/token_operation.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/experimental/channel_error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>

#include <concepts>
#include <exception>
#include <functional>
#include <system_error>
#include <tuple>
#include <type_traits>
#include <utility>

namespace tendril {

/// What `use_greenlet[error]` gives: the token that hands errors back.
struct use_greenlet_error_t {
    error_code* error;
};

/// The type of the token.
struct use_greenlet_t {
    /// The same token, but the call stores the operation's error in `error`, or that there was
    /// none, and returns as if there was none. An `exception_ptr` that holds something else than a
    /// `system_error` is thrown, and so is what was requested for the greenlet. Switches: never.
    constexpr use_greenlet_error_t operator[](error_code& error) const noexcept {
        return use_greenlet_error_t{&error};
    }

    /// An executor with which the token is the default one.
    template <typename Executor>
    struct executor_with_default : Executor {
        using default_completion_token_type = use_greenlet_t;

        template <typename Other>
        requires(
            !std::same_as<Other, executor_with_default> && std::convertible_to<Other, Executor>)
            executor_with_default(Other const& other)
        noexcept : Executor(other) {}
    };

    /// The type of an I/O object with which the token is the default one.
    template <typename T>
    using as_default_on_t = typename T::template rebind_executor<
        executor_with_default<typename T::executor_type>>::other;

    /// Makes such an object of another one. Throws: what moving it throws. Switches: never.
    template <typename T>
    static as_default_on_t<std::decay_t<T>> as_default_on(T&& object) {
        return as_default_on_t<std::decay_t<T>>(std::forward<T>(object));
    }
};

/// The token. The call that it is given to may park. Switches: may.
inline constexpr use_greenlet_t use_greenlet{};

namespace detail {

template <typename T>
concept error_value = std::same_as<T, error_code> || std::same_as<T, std::error_code> ||
    std::same_as<T, std::exception_ptr>;

inline void throw_if_failed(error_code const& error) {
    if (error.failed()) {
        throw system_error{without_place(error)};
    }
}
inline void throw_if_failed(std::error_code const& error) {
    if (error) {
        throw std::system_error{error};
    }
}
inline void throw_if_failed(std::exception_ptr const& error) {
    if (error != nullptr) {
        std::rethrow_exception(error);
    }
}

// Puts an error where the caller wants it.
inline void hand_back(error_code const& error, error_code& place) { place = without_place(error); }
inline void hand_back(std::error_code const& error, error_code& place) { place = error; }
inline void hand_back(std::exception_ptr const& error, error_code& place) {
    place.clear();
    try {
        throw_if_failed(error);
    } catch (system_error const& thrown) {
        place = without_place(thrown.code());
    } catch (std::system_error const& thrown) {
        place = thrown.code();
    }
}

// How operations say that they were stopped.
inline bool was_aborted(error_code const& error) {
    return error == boost::asio::error::operation_aborted ||
        error == boost::asio::experimental::error::channel_cancelled;
}
inline bool was_aborted(std::error_code const& error) {
    return error == std::errc::operation_canceled;
}
inline bool was_aborted(std::exception_ptr const& error) {
    try {
        throw_if_failed(error);
    } catch (system_error const& thrown) {
        return was_aborted(thrown.code());
    } catch (std::system_error const& thrown) {
        return was_aborted(thrown.code());
    } catch (...) {}
    return false;
}
// `as_tuple` has put all of it into one value.
template <error_value Error, typename... Values>
bool was_aborted(std::tuple<Error, Values...> const& values) {
    return was_aborted(std::get<0>(values));
}
template <typename T>
concept tells_of_abort = requires(T const& value) {
    was_aborted(value);
};

/// Turns what a handler was called with into what a call returns. With a place for the error, that
/// is stored there; else it is thrown.
template <typename... Values>
auto returned_values(std::tuple<Values...>&& values, error_code* place) {
    if (place != nullptr) {
        place->clear();
    }
    if constexpr (sizeof...(Values) == 1) {
        return std::get<0>(std::move(values));
    } else if constexpr (sizeof...(Values) > 1) {
        return std::move(values);
    }
}
template <error_value Error, typename... Values>
auto returned_values(std::tuple<Error, Values...>&& values, error_code* place) {
    if (place != nullptr) {
        hand_back(std::get<0>(values), *place);
    } else {
        throw_if_failed(std::get<0>(values));
    }
    return std::apply(
        [](Error&, Values&... rest) {
            return returned_values(std::tuple<Values...>{std::move(rest)...}, nullptr);
        },
        values);
}

template <typename... Values>
using returned_by = decltype(returned_values(
    std::declval<std::tuple<Values...>>(), static_cast<error_code*>(nullptr)));

// The values of an operation that was given up, when there can be any.
template <typename Returned>
Returned no_values(error_code* place) {
    if constexpr (std::is_void_v<Returned> || std::is_default_constructible_v<Returned>) {
        if (place != nullptr) {
            *place = boost::asio::error::operation_aborted;
            return Returned();
        }
    }
    throw system_error{boost::asio::error::operation_aborted};
}

/// Waits for a started operation and returns its result.
template <typename... Values>
returned_by<Values...> finish_operation(token_operation<Values...>& operation, error_code* place) {
    operation.await_end();
    operation.rethrow_failure();
    if (!operation.values()) {
        deliver_interruption();
        return no_values<returned_by<Values...>>(place);
    }
    if constexpr (sizeof...(Values) > 0) {
        if constexpr (tells_of_abort<std::tuple_element_t<0, std::tuple<Values...>>>) {
            if (operation.asked_to_stop() && was_aborted(std::get<0>(*operation.values()))) {
                deliver_interruption();
            }
        }
    }
    return returned_values(std::move(*operation.values()), place);
}

/// Starts an operation, parks, and returns its result. Switches: may.
template <typename... Values, typename Initiation, typename... Args>
returned_by<Values...> run_operation(error_code* place, Initiation&& initiation, Args&&... args) {
    check_interruption();
    token_operation<Values...> operation;
    operation.start([&] {
        // What others convert on the way is no affair of who includes this header.
        std::invoke(
            std::forward<Initiation>(initiation), operation.completion(),
            std::forward<Args>(args)...);
    });
    return finish_operation(operation, place);
}

/// As above, and lets another slot stop the operation as well. Switches: may.
template <typename... Values, typename Slot, typename Initiation, typename... Args>
returned_by<Values...> run_bound_operation(
    Slot other, error_code* place, Initiation&& initiation, Args&&... args) {
    check_interruption();
    token_operation<Values...> operation;
    struct bound {
        Slot slot;
        ~bound() {
            if (slot.is_connected()) {
                slot.clear();
            }
        }
    } const until_end{other};
    if (other.is_connected()) {
        other.assign(
            [&operation](boost::asio::cancellation_type_t type) { operation.signal().emit(type); });
    }
    operation.start([&] {
        std::forward<Initiation>(initiation)(operation.completion(), std::forward<Args>(args)...);
    });
    return finish_operation(operation, place);
}

/// As above, for a handler that runs on another executor: the hub may be woken meanwhile, and would
/// not know. Switches: may.
template <typename... Values, typename Executor, typename Initiation, typename... Args>
returned_by<Values...> run_operation_on(
    Executor const& executor, error_code* place, Initiation&& initiation, Args&&... args) {
    check_interruption();
    token_operation<Values...> operation;
    auto const work = boost::asio::make_work_guard(this_hub().context());
    operation.start([&] {
        std::forward<Initiation>(initiation)(
            boost::asio::bind_executor(executor, operation.completion()),
            std::forward<Args>(args)...);
    });
    return finish_operation(operation, place);
}

// Where a token wants the error.
inline error_code* place_of(use_greenlet_t const&) noexcept { return nullptr; }
inline error_code* place_of(use_greenlet_error_t const& token) noexcept { return token.error; }
template <typename T>
concept greenlet_token = requires(T const& token) {
    place_of(token);
};

}  // namespace detail
}  // namespace tendril

namespace boost::asio {

template <tendril::detail::greenlet_token Token, typename R, typename... Values>
class async_result<Token, R(Values...)> {
public:
    /// What the call returns.
    using return_type = tendril::detail::returned_by<std::decay_t<Values>...>;

    /// Starts the operation, parks, and returns its result. Switches: may.
    template <typename Initiation, typename... Args>
    static return_type initiate(Initiation&& initiation, Token const& token, Args&&... args) {
        return tendril::detail::run_operation<std::decay_t<Values>...>(
            tendril::detail::place_of(token), std::forward<Initiation>(initiation),
            std::forward<Args>(args)...);
    }
};

// Asio's own adapter would put its slot in place of the greenlet's, which could not be interrupted.
template <tendril::detail::greenlet_token Token, typename Slot, typename R, typename... Values>
class async_result<cancellation_slot_binder<Token, Slot>, R(Values...)> {
public:
    using return_type = tendril::detail::returned_by<std::decay_t<Values>...>;

    /// As above; the bound slot stops it as well. Switches: may.
    template <typename Initiation, typename... Args>
    static return_type initiate(
        Initiation&& initiation, cancellation_slot_binder<Token, Slot> const& token,
        Args&&... args) {
        return tendril::detail::run_bound_operation<std::decay_t<Values>...>(
            token.get_cancellation_slot(), tendril::detail::place_of(token.get()),
            std::forward<Initiation>(initiation), std::forward<Args>(args)...);
    }
};

// With Asio's own adapter the hub would not know that somebody elsewhere may wake it.
template <tendril::detail::greenlet_token Token, typename Executor, typename R, typename... Values>
class async_result<executor_binder<Token, Executor>, R(Values...)> {
public:
    using return_type = tendril::detail::returned_by<std::decay_t<Values>...>;

    /// As above; the handler runs on the bound executor, the greenlet on its own. Switches: may.
    template <typename Initiation, typename... Args>
    static return_type initiate(
        Initiation&& initiation, executor_binder<Token, Executor> const& token, Args&&... args) {
        return tendril::detail::run_operation_on<std::decay_t<Values>...>(
            token.get_executor(), tendril::detail::place_of(token.get()),
            std::forward<Initiation>(initiation), std::forward<Args>(args)...);
    }
};

// Asio's own adapter would keep from the greenlet that it was the interruption that has ended it.
template <typename R, typename... Values>
struct async_result<
    redirect_error_t<tendril::use_greenlet_t>, R(boost::system::error_code, Values...)>
    : async_result<tendril::use_greenlet_error_t, R(boost::system::error_code, Values...)> {
    /// As with `use_greenlet[error]`. Switches: may.
    template <typename Initiation, typename... Args>
    static tendril::detail::returned_by<boost::system::error_code, std::decay_t<Values>...>
    initiate(
        Initiation&& initiation, redirect_error_t<tendril::use_greenlet_t> const& token,
        Args&&... args) {
        return async_result<
            tendril::use_greenlet_error_t, R(boost::system::error_code, Values...)>::
            initiate(
                std::forward<Initiation>(initiation), tendril::use_greenlet[token.ec_],
                std::forward<Args>(args)...);
    }
};

}  // namespace boost::asio
