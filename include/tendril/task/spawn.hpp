// SPDX-License-Identifier: BSL-1.0
#pragma once

// Starting a task.
//
//     auto t = tendril::spawn(fetch, url);
//     auto u = tendril::spawn({.name = "worker", .stack_size = 64 * 1024}, work);
//
// The function and its arguments are copied or moved into the task. It begins in its turn, after
// the caller has parked: when `spawn` returns, nothing of it has run. Tasks begin in the order in
// which they were spawned. The stack is taken when it begins, so a stack that a finished task has
// just left is used again while it is warm.

#include <tendril/task/task.hpp>
#include <tendril/task/task_state.hpp>

#include <functional>
#include <type_traits>
#include <utility>

namespace tendril {

/// Makes a task that calls `function(arguments...)`.
/// Throws: std::bad_alloc; misuse for a stack above 1 GiB.
/// Switches: never. Thread: hub.
template <typename F, typename... Args>
requires std::is_invocable_v<std::decay_t<F>, std::decay_t<Args>...>
auto spawn(spawn_options options, F&& function, Args&&... arguments) {
    using result = std::invoke_result_t<std::decay_t<F>, std::decay_t<Args>...>;
    static_assert(
        !std::is_reference_v<result>,
        "a task keeps its result, so its function must return a value and not a reference");
    using state = detail::task_function<result, std::decay_t<F>, std::decay_t<Args>...>;
    task<result> handle{*new state{std::forward<F>(function), std::forward<Args>(arguments)...}};
    handle.state().start(std::move(options));
    return handle;
}
template <typename F, typename... Args>
requires std::is_invocable_v<std::decay_t<F>, std::decay_t<Args>...>
auto spawn(F&& function, Args&&... arguments) {
    // Only options that stand at the place of the call know where that is.
    return spawn(
        spawn_options{.where = {}}, std::forward<F>(function), std::forward<Args>(arguments)...);
}

}  // namespace tendril
