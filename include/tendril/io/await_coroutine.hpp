// SPDX-License-Identifier: BSL-1.0
#pragma once

// A greenlet waits for a coroutine of Asio.
//
//     boost::asio::awaitable<std::string> fetch(tcp::endpoint from);
//
//     std::string const page = tendril::await(fetch(server));
//
// The greenlet parks until the coroutine has ended, and gets what it returns or throws. The
// coroutine runs in handlers of the hub's context, between greenlets: it must not park, but may
// wait for a task with `co_await` (async_task.hpp).
//
//     the greenlet is interrupted      the coroutine sees Asio's terminal cancellation: what it
//                                      waits for is aborted, and unless it says otherwise it throws
//                                      at its next `co_await`. The greenlet waits for its end, and
//                                      then unwinds
//     the coroutine returns or fails   that is the result, and the interruption comes at the next
//       otherwise after all            park
//
// `co_spawn(executor, coroutine, use_greenlet)` is the same, but the result must have a default
// constructor then, which is not needed here. While a coroutine exists, Asio counts it as work: a
// hub that waits for it never finds that nothing can happen any more.
//
// Read next: async_task.hpp.

#include <tendril/hub/hub.hpp>
#include <tendril/io/use_greenlet.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <optional>
#include <type_traits>
#include <utility>

namespace tendril {

namespace detail {

// g++ warns of a coroutine of a template whose result is of a type without linkage.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsubobject-linkage"
#endif

// The place for the result is in the frame of the greenlet, which outlives the coroutine.
template <typename T, typename Executor>
boost::asio::awaitable<void, Executor> keep_result(
    boost::asio::awaitable<T, Executor> coroutine, std::optional<T>& result) {
    result.emplace(co_await std::move(coroutine));
}

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

}  // namespace detail

/// Runs a coroutine on `executor` and waits for its end. The executor must run one function at a
/// time: an `io_context` of one thread, or a strand.
/// Throws: what the coroutine throws; what was requested for the greenlet; misuse where nobody may
/// wait; system_error when the context of the executor is destroyed meanwhile. Switches: may.
template <typename Where, typename T, typename Executor>
T await(Where const& executor, boost::asio::awaitable<T, Executor> coroutine) {
    if constexpr (std::is_void_v<T>) {
        boost::asio::co_spawn(executor, std::move(coroutine), use_greenlet);
    } else {
        std::optional<T> result;
        boost::asio::co_spawn(
            executor, detail::keep_result(std::move(coroutine), result), use_greenlet);
        return std::move(*result);
    }
}

/// As above, on the hub's own context. Switches: may.
template <typename T, typename Executor>
T await(boost::asio::awaitable<T, Executor> coroutine) {
    return await(this_hub().context().get_executor(), std::move(coroutine));
}

}  // namespace tendril
