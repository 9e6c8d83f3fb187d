// SPDX-License-Identifier: BSL-1.0
#pragma once

// A completion token: any asynchronous operation of any Asio library, as a call that parks.
//
//     std::size_t n = boost::asio::async_read(socket, buffer, tendril::use_greenlet);
//     timer.async_wait(tendril::use_greenlet);
//
//     the handler's signature               the call returns
//     void()                                nothing
//     void(error_code)                      nothing; throws system_error
//     void(error_code, T)                   T; throws system_error
//     void(error_code, T, U, …)             std::tuple<T, U, …>; throws system_error
//     void(exception_ptr, …)                as above; throws what the pointer holds
//     void(T, …)                            T, or a tuple
//
// The operation is started on the greenlet's own stack, and the greenlet parks until the handler
// has been called. When it is interrupted meanwhile (cancel, kill, a timeout), it emits Asio's
// terminal cancellation and waits on until the operation has ended: nothing of the frame goes while
// Asio may still use it. An operation that was done after all returns its result, and the
// interruption is delivered at the next park.
//
// The handler's executor is the hub's, so operations on other contexts complete here as well.

#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/io/abi_lock.hpp>
#include <tendril/io/error.hpp>
#include <tendril/io/operation.hpp>

#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <exception>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace tendril {

/// The type of the token.
struct use_greenlet_t {};

/// The token. The call that it is given to may park. Switches: may.
inline constexpr use_greenlet_t use_greenlet{};

namespace detail {

/// One operation that a greenlet waits for; what the handler was called with is kept here.
template <typename... Values>
class token_operation final : public io_operation {
public:
    token_operation() : io_operation{"an asynchronous operation"} {}

    /// The completion handler. It is moved about by Asio; when the last of it is destroyed without
    /// a call, the operation was given up, and the greenlet is told that it was aborted.
    class handler {
    public:
        using allocator_type = operation_allocator<void>;
        using executor_type = boost::asio::io_context::executor_type;
        using cancellation_slot_type = boost::asio::cancellation_slot;

        explicit handler(token_operation& waiting) noexcept : waiting_{&waiting} {}
        handler(handler&& other) noexcept : waiting_{std::exchange(other.waiting_, nullptr)} {}
        handler& operator=(handler&&) = delete;
        ~handler() {
            if (waiting_ != nullptr) {
                waiting_->give_up();
            }
        }

        allocator_type get_allocator() const noexcept { return allocator_type{waiting_->memory_}; }
        executor_type get_executor() const noexcept {
            return waiting_->home().context().get_executor();
        }
        cancellation_slot_type get_cancellation_slot() const noexcept {
            return waiting_->signal_.slot();
        }

        template <typename... Given>
        void operator()(Given&&... given) {
            token_operation& waiting = *std::exchange(waiting_, nullptr);
            try {
                waiting.values_.emplace(std::forward<Given>(given)...);
            } catch (...) {
                waiting.failure_ = std::current_exception();
            }
            waiting.complete();
        }

    private:
        token_operation* waiting_;
    };
    handler completion() noexcept { return handler{*this}; }

    /// What the handler was called with; empty when it was never called.
    std::optional<std::tuple<Values...>>& values() noexcept { return values_; }
    /// What was thrown when they were moved or copied here; null when nothing was.
    std::exception_ptr const& failure() const noexcept { return failure_; }

private:
    void stop() noexcept override { signal_.emit(boost::asio::cancellation_type::terminal); }

    // A context that goes on another thread destroys its handlers there.
    void give_up() noexcept {
        if (&home().thread() == &this_thread()) {
            complete();
        } else {
            boost::asio::post(home().context(), [this] { complete(); });
        }
    }

    operation_memory memory_;
    boost::asio::cancellation_signal signal_;
    std::optional<std::tuple<Values...>> values_;
    std::exception_ptr failure_;
};

inline void throw_if_failed(error_code const& error) {
    if (error.failed()) {
        throw system_error{without_place(error)};
    }
}
inline void throw_if_failed(std::exception_ptr const& error) {
    if (error != nullptr) {
        std::rethrow_exception(error);
    }
}

inline bool was_aborted(error_code const& error) {
    return error == boost::asio::error::operation_aborted;
}
inline bool was_aborted(std::exception_ptr const& error) {
    try {
        throw_if_failed(error);
    } catch (system_error const& thrown) {
        return was_aborted(thrown.code());
    } catch (...) {}
    return false;
}

template <typename T>
concept error_value = std::is_same_v<T, error_code> || std::is_same_v<T, std::exception_ptr>;

/// Turns what a handler was called with into what a call returns.
template <typename... Values>
auto returned_values(std::tuple<Values...>&& values) {
    if constexpr (sizeof...(Values) == 1) {
        return std::get<0>(std::move(values));
    } else if constexpr (sizeof...(Values) > 1) {
        return std::move(values);
    }
}
template <error_value Error, typename... Values>
auto returned_values(std::tuple<Error, Values...>&& values) {
    throw_if_failed(std::get<0>(values));
    return std::apply(
        [](Error&, Values&... rest) {
            return returned_values(std::tuple<Values...>{std::move(rest)...});
        },
        values);
}

/// Waits for a started operation and returns its result.
template <typename... Values>
auto finish_operation(token_operation<Values...>& operation) {
    operation.await();
    if (operation.failure() != nullptr) {
        std::rethrow_exception(operation.failure());
    }
    if (!operation.values()) {
        deliver_interruption();
        throw system_error{boost::asio::error::operation_aborted};
    }
    if constexpr (sizeof...(Values) > 0) {
        using first = std::tuple_element_t<0, std::tuple<Values...>>;
        if constexpr (error_value<first>) {
            if (operation.asked_to_stop() && was_aborted(std::get<0>(*operation.values()))) {
                deliver_interruption();
            }
        }
    }
    return returned_values(std::move(*operation.values()));
}

}  // namespace detail
}  // namespace tendril

template <typename... Values>
class boost::asio::async_result<tendril::use_greenlet_t, void(Values...)> {
public:
    /// Starts the operation, parks, and returns its result. Switches: may.
    template <typename Initiation, typename... Args>
    static auto initiate(Initiation&& initiation, tendril::use_greenlet_t, Args&&... args) {
        tendril::check_interruption();
        tendril::detail::token_operation<std::decay_t<Values>...> operation;
        std::forward<Initiation>(initiation)(operation.completion(), std::forward<Args>(args)...);
        return tendril::detail::finish_operation(operation);
    }
};
