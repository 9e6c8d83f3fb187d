// SPDX-License-Identifier: BSL-1.0
#pragma once

// Tasks as operations of Asio: whoever speaks Asio waits for a greenlet's result, above all a
// coroutine.
//
//     boost::asio::awaitable<void> session(tcp::socket peer) {
//         tendril::task<int> const answer = tendril::spawn(compute);
//         int const a = co_await tendril::as_awaitable(answer);
//         int const b = co_await tendril::async_spawn(sequential_code, boost::asio::use_awaitable);
//     }
//
//     what is waited for                       with                    when the wait is cancelled
//     the result of a task or future           as_awaitable            the wait ends, it goes on
//     the same, with any token                 async_get               the wait ends, it goes on
//     the end of it, however it ends           async_join              the wait ends, it goes on
//     a function in a task of its own          async_spawn             the task is cancelled, and
//                                                                      waited for
//
// The signatures are void(exception_ptr) and void(exception_ptr, T). A wait that was cancelled gets
// `system_error` with `operation_aborted`. The handler is posted to its executor, the hub's context
// unless it has another one. Everything is called, and cancelled, on the thread of the hub.
//
// Give options a name of their own: g++ 12 destroys what is braced inside a `co_await` twice.
// Boost 1.81 takes a null pointer for an exception in `asio::spawn`, which crashes there; and
// `co_await` of an operation with `deferred`, or with no token, does not compile for these
// signatures. `use_awaitable` does.

#include <tendril/greenlet/thread_record.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/io/error.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/error.hpp>
#include <tendril/task/awaitable.hpp>
#include <tendril/task/spawn.hpp>

#include <boost/asio/append.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace tendril {

namespace detail {

template <typename T>
struct get_signature {
    using type = void(std::exception_ptr, T);
};
template <>
struct get_signature<void> {
    using type = void(std::exception_ptr);
};

inline std::exception_ptr aborted_wait() {
    return std::make_exception_ptr(system_error{boost::asio::error::operation_aborted});
}

inline void require_a_hub() {
    TENDRIL_REQUIRE_AS(
        wrong_thread, this_thread().loop != nullptr,
        "a task is waited for on a thread without a hub: let the coroutine run on the context of "
        "the task's hub");
}

// A handler of Asio's that waits for the end of a task. It is called once.
template <typename Handler>
class end_listener {
public:
    explicit end_listener(Handler handler)
        : handler_{std::in_place, std::move(handler)},
          work_{boost::asio::get_associated_executor(
              *handler_, this_hub().context().get_executor())} {}

    bool waits() const noexcept { return handler_.has_value(); }

    template <typename... Result>
    void complete(Result... result) {
        if (handler_) {
            Handler handler = std::move(*handler_);
            handler_.reset();
            boost::asio::post(
                work_.get_executor(),
                boost::asio::append(std::move(handler), std::move(result)...));
            work_.reset();
        }
    }

    // The result of an ended task, or its error. A handle that passes gives the value away.
    template <bool passing, typename Handle>
    void complete_with(Handle const& ended) {
        using value = typename Handle::value_type;
        if constexpr (std::is_void_v<value>) {
            complete(error_of([&] { ended_with(ended); }));
        } else {
            std::optional<value> result;
            std::exception_ptr const error = error_of([&] {
                if constexpr (passing) {
                    result.emplace(std::move(ended_with(ended)));
                } else {
                    result.emplace(ended_with(ended));
                }
            });
            complete(error, error == nullptr ? std::move(*result) : value());
        }
    }
    template <typename T>
    void complete_in_vain(std::exception_ptr error) {
        if constexpr (std::is_void_v<T>) {
            complete(std::move(error));
        } else {
            complete(std::move(error), T());
        }
    }

private:
    template <typename F>
    static std::exception_ptr error_of(F&& take) {
        try {
            take();
        } catch (...) {
            return std::current_exception();
        }
        return nullptr;
    }

    using executor = typename boost::asio::associated_executor<
        Handler, boost::asio::io_context::executor_type>::type;
    std::optional<Handler> handler_;
    boost::asio::executor_work_guard<executor> work_;
};

// Calls `stop` when the one who waits is cancelled, unless it waits no more.
template <typename Slot, typename Listener, typename F>
void listen_to(Slot slot, std::shared_ptr<Listener> const& listener, F stop) {
    if (slot.is_connected()) {
        slot.assign([weak = std::weak_ptr{listener},
                     stop = std::move(stop)](boost::asio::cancellation_type_t type) mutable {
            auto const still = weak.lock();
            if (still && still->waits() && type != boost::asio::cancellation_type::none) {
                stop(*still);
            }
        });
    }
}

// What waits for a handle: `T` is the type of what its handler gets, `finish` gives it.
template <typename T, typename Handle, typename Handler, typename F>
void start_listening(Handle const& awaited, Handler&& handler, F finish) {
    using listener = end_listener<std::decay_t<Handler>>;
    auto const slot = boost::asio::get_associated_cancellation_slot(handler);
    auto const waiting = std::make_shared<listener>(std::forward<Handler>(handler));
    try {
        listen_to(slot, waiting, [](listener& aborted) {
            aborted.template complete_in_vain<T>(aborted_wait());
        });
        awaited.on_done([waiting, awaited, finish] { finish(*waiting, awaited); });
    } catch (...) {
        waiting->template complete_in_vain<T>(std::current_exception());
    }
}

// A task of its own, and the handler that waits for it.
template <typename Handler, typename T>
class spawned_listener : public end_listener<Handler> {
public:
    using end_listener<Handler>::end_listener;

    task<T> made;
    bool stopped = false;
};

template <typename Handler, typename F>
void start_spawned(spawn_options options, Handler&& handler, F&& function) {
    using value = std::invoke_result_t<std::decay_t<F>>;
    using listener = spawned_listener<std::decay_t<Handler>, value>;
    auto const slot = boost::asio::get_associated_cancellation_slot(handler);
    auto const waiting = std::make_shared<listener>(std::forward<Handler>(handler));
    try {
        listen_to(slot, waiting, [](listener& asked) {
            asked.stopped = true;
            asked.made.cancel();
        });
        waiting->made = spawn(std::move(options), std::forward<F>(function));
        waiting->made.on_done([waiting] {
            task<value> const ended = std::move(waiting->made);
            if (waiting->stopped && ended.was_cancelled()) {
                waiting->template complete_in_vain<value>(aborted_wait());
            } else {
                waiting->template complete_with<true>(ended);
            }
        });
    } catch (...) {
        waiting->template complete_in_vain<value>(std::current_exception());
    }
}

// What comes from Asio's macro in Asio itself: the token's own idea of what the call returns.
template <typename Signature, typename Token, typename Initiation, typename... Args>
auto initiate_as(Initiation&& initiation, Token&& token, Args&&... args) {
    return boost::asio::async_initiate<Token, Signature>(
        std::forward<Initiation>(initiation), token, std::forward<Args>(args)...);
}

}  // namespace detail

/// Waits until a task or future is over, however it ends. Signature: void(exception_ptr).
/// Throws: wrong_thread on a thread without a hub. Switches: never, but with a token that parks.
/// Thread: hub.
template <typename Handle, typename Token>
auto async_join(Handle awaited, Token&& token) {
    detail::require_a_hub();
    return detail::initiate_as<void(std::exception_ptr)>(
        [](auto&& handler, Handle const& handle) {
            detail::start_listening<void>(
                handle, std::forward<decltype(handler)>(handler),
                [](auto& waiting, Handle const&) { waiting.complete(std::exception_ptr{}); });
        },
        std::forward<Token>(token), std::move(awaited));
}

/// Waits for the result of a task or future: a copy, or the value itself when the handle is handed
/// over. Signature: void(exception_ptr, T), or void(exception_ptr); `T` has a default constructor.
/// Throws: as above. Switches: as above. Thread: hub.
template <typename Handle, typename Token>
auto async_get(Handle&& awaited, Token&& token) {
    using handle_type = std::decay_t<Handle>;
    using result = typename handle_type::value_type;
    detail::require_a_hub();
    return detail::initiate_as<typename detail::get_signature<result>::type>(
        [](auto&& handler, handle_type const& handle) {
            detail::start_listening<result>(
                handle, std::forward<decltype(handler)>(handler),
                [](auto& waiting, handle_type const& ended) {
                    constexpr bool passing = !std::is_lvalue_reference_v<Handle>;
                    waiting.template complete_with<passing>(ended);
                });
        },
        std::forward<Token>(token), std::forward<Handle>(awaited));
}

/// Calls `function` in a task of its own and waits for what it returns. The wait is the task's
/// owner: when it is cancelled the task is, and the handler is called when that has ended.
/// Signature: as of `async_get`. Throws: as above. Switches: as above. Thread: hub.
template <typename F, typename Token>
requires std::is_invocable_v<std::decay_t<F>>
auto async_spawn(spawn_options options, F&& function, Token&& token) {
    using result = std::invoke_result_t<std::decay_t<F>>;
    detail::require_a_hub();
    return detail::initiate_as<typename detail::get_signature<result>::type>(
        [options = std::move(options)](auto&& handler, auto&& body) {
            detail::start_spawned(
                options, std::forward<decltype(handler)>(handler),
                std::forward<decltype(body)>(body));
        },
        std::forward<Token>(token), std::forward<F>(function));
}
template <typename F, typename Token>
requires std::is_invocable_v<std::decay_t<F>>
auto async_spawn(F&& function, Token&& token) {
    return async_spawn(
        spawn_options{.where = {}}, std::forward<F>(function), std::forward<Token>(token));
}

namespace detail {

// g++ warns of a coroutine of a template whose result is of a type without linkage.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsubobject-linkage"
#endif

template <bool passing, typename Executor, typename Handle>
boost::asio::awaitable<typename Handle::value_type, Executor> result_in_coroutine(Handle awaited) {
    co_await async_join(awaited, boost::asio::use_awaitable_t<Executor>{});
    if constexpr (std::is_void_v<typename Handle::value_type>) {
        ended_with(awaited);
    } else if constexpr (passing) {
        co_return std::move(ended_with(awaited));
    } else {
        co_return ended_with(awaited);
    }
}

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

}  // namespace detail

/// A coroutine that waits for the result of a task or future, for `co_await` in another one: a
/// copy, or the value itself when the handle is handed over. No default constructor is needed.
/// Throws, in `co_await`: what the task threw; task_cancelled; system_error with operation_aborted
/// when the coroutine was cancelled; wrong_thread. Switches: never. Thread: hub.
template <typename Executor = boost::asio::any_io_executor, typename Handle>
boost::asio::awaitable<typename std::decay_t<Handle>::value_type, Executor> as_awaitable(
    Handle&& awaited) {
    return detail::result_in_coroutine<!std::is_lvalue_reference_v<Handle>, Executor>(
        std::decay_t<Handle>{std::forward<Handle>(awaited)});
}

}  // namespace tendril
