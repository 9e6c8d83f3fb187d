// SPDX-License-Identifier: BSL-1.0
#pragma once

// Giving a promise what something else ends with: a function, a task, or another future.
//
//     tendril::fulfil(p, [&] { return parse(text); });     // its value, or what it throws
//     tendril::forward_result(tendril::spawn(work), p);    // the same of a task, when it has ended
//
//     ended with                        the promise
//     a value                           gives it
//     an error                          gives the error
//     cancelled, greenlet_exit          cancels its future: readers get task_cancelled
//
// What was given before stays, so several may be forwarded to one promise: the first one decides.
// Both kinds of promise are served (future.hpp, shared_future.hpp).

#include <tendril/greenlet/greenlet_exit.hpp>
#include <tendril/hub/cancellation.hpp>
#include <tendril/task/spawn.hpp>

#include <cxxabi.h>

#include <exception>
#include <functional>
#include <type_traits>
#include <utility>

namespace tendril {

/// Calls `function` and gives the promise what it returns or throws. What ends the calling greenlet
/// goes on from here. Throws: cancelled, greenlet_exit; wrong_thread. Switches: as the function.
template <typename Promise, typename F>
void fulfil(Promise const& to, F&& function) {
    try {
        if constexpr (std::is_void_v<typename Promise::value_type>) {
            std::forward<F>(function)();
            to.try_set_value();
        } else {
            to.try_set_value(std::forward<F>(function)());
        }
    } catch (abi::__forced_unwind const&) {
        throw;
    } catch (greenlet_exit const&) {
        to.try_cancel();
        throw;
    } catch (cancelled const&) {
        to.try_cancel();
        throw;
    } catch (...) {
        to.try_set_exception(std::current_exception());
    }
}

namespace detail {

// Tells a promise that there will be no value, if that is so of what has ended.
template <typename Source, typename Promise>
bool passes_failure_on(Source const& ended, Promise const& to) {
    if (ended.was_cancelled()) {
        to.try_cancel();
        return true;
    }
    if (std::exception_ptr const error = ended.exception()) {
        to.try_set_exception(error);
        return true;
    }
    return false;
}

// What a function returns that is given what a future has: a reference, or nothing.
template <typename Reference, typename F>
struct continuation_of : std::invoke_result<F, Reference> {};
template <typename F>
struct continuation_of<void, F> : std::invoke_result<F> {};
template <typename F>
struct continuation_of<void const, F> : std::invoke_result<F> {};

// Starts the task of a `then`, when `source` has ended.
template <typename Source, typename Promise, typename F>
void start_continuation(Source source, Promise next, F function) {
    if (passes_failure_on(source, next) || next.settled()) {
        return;
    }
    spawn([source = std::move(source), next = std::move(next), f = std::move(function)]() mutable {
        fulfil(next, [&]() -> typename Promise::value_type {
            if constexpr (std::is_void_v<typename Source::value_type>) {
                return std::invoke(std::move(f));
            } else {
                return std::invoke(std::move(f), *source.try_get());
            }
        });
    });
}

}  // namespace detail

/// Gives the promise, soon after `source` has ended, what that has ended with: a task or a future,
/// which is copied from; one that goes away in the call is moved from. This counts as asking for
/// its error. Throws: misuse for an empty handle; wrong_thread. Switches: never. Thread: hub.
template <typename Source, typename Promise>
void forward_result(Source&& source, Promise to) {
    using handle = std::remove_cvref_t<Source>;
    handle const watched{source};
    watched.on_done([from = handle{std::forward<Source>(source)}, to = std::move(to)]() mutable {
        if (detail::passes_failure_on(from, to)) {
            return;
        }
        if constexpr (std::is_void_v<typename Promise::value_type>) {
            to.try_set_value();
        } else if constexpr (std::is_lvalue_reference_v<Source>) {
            to.try_set_value(from.get());
        } else {
            to.try_set_value(std::move(from).get());
        }
    });
}

}  // namespace tendril
