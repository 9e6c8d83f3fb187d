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
//
//     auto v = tendril::spawn_eager(parse, text);
//
// An eager task begins inside the call, on the caller's turn, and the caller goes on when it waits
// for the first time or has ended. One that never waits is never queued. Many small tasks that
// spawn others need little memory so, and work on what is still in the cache; but what they do
// comes before whatever was ready, so it is not the usual way.
//
//     auto w = tendril::spawn_after(10s, remind, user);

#include <tendril/hub/clock.hpp>
#include <tendril/hub/deadline.hpp>
#include <tendril/task/task.hpp>
#include <tendril/task/task_state.hpp>

#include <chrono>
#include <functional>
#include <type_traits>
#include <utility>

namespace tendril {

namespace detail {

/// Makes a task that has no greenlet yet.
template <typename F, typename... Args>
auto make_task(F&& function, Args&&... arguments) {
    using result = std::invoke_result_t<std::decay_t<F>, std::decay_t<Args>...>;
    static_assert(
        !std::is_reference_v<result>,
        "a task keeps its result, so its function must return a value and not a reference");
    using state = task_function<result, std::decay_t<F>, std::decay_t<Args>...>;
    return task<result>{
        *new state{std::forward<F>(function), std::forward<Args>(arguments)...}, counted_t{}};
}

}  // namespace detail

/// Makes a task that calls `function(arguments...)`.
/// Throws: std::bad_alloc; misuse for a stack above 1 GiB.
/// Switches: never. Thread: hub.
template <typename F, typename... Args>
requires std::is_invocable_v<std::decay_t<F>, std::decay_t<Args>...>
auto spawn(spawn_options options, F&& function, Args&&... arguments) {
    auto made = detail::make_task(std::forward<F>(function), std::forward<Args>(arguments)...);
    made.state().start(std::move(options));
    return made;
}
template <typename F, typename... Args>
requires std::is_invocable_v<std::decay_t<F>, std::decay_t<Args>...>
auto spawn(F&& function, Args&&... arguments) {
    // Only options that stand at the place of the call know where that is.
    auto made = detail::make_task(std::forward<F>(function), std::forward<Args>(arguments)...);
    made.state().start();
    return made;
}

/// As `spawn`, but the task begins after a while, or at a moment; a kill or a cancel before that
/// ends it at once, and destroys what it has captured. Until then it has no stack.
/// Throws: as `spawn`; misuse when the duration is not a number. Switches: never. Thread: hub.
template <typename F, typename... Args>
requires std::is_invocable_v<std::decay_t<F>, std::decay_t<Args>...>
auto spawn_at(time_point when, spawn_options options, F&& function, Args&&... arguments) {
    auto made = detail::make_task(std::forward<F>(function), std::forward<Args>(arguments)...);
    made.state().start_at(std::move(options), when);
    return made;
}
template <typename F, typename... Args>
requires std::is_invocable_v<std::decay_t<F>, std::decay_t<Args>...>
auto spawn_at(time_point when, F&& function, Args&&... arguments) {
    return spawn_at(
        when, spawn_options{.where = {}}, std::forward<F>(function),
        std::forward<Args>(arguments)...);
}
template <typename Rep, typename Period, typename F, typename... Args>
requires std::is_invocable_v<std::decay_t<F>, std::decay_t<Args>...>
auto spawn_after(
    std::chrono::duration<Rep, Period> const& delay, spawn_options options, F&& function,
    Args&&... arguments) {
    return spawn_at(
        deadline::after(delay).moment(), std::move(options), std::forward<F>(function),
        std::forward<Args>(arguments)...);
}
template <typename Rep, typename Period, typename F, typename... Args>
requires std::is_invocable_v<std::decay_t<F>, std::decay_t<Args>...>
auto spawn_after(
    std::chrono::duration<Rep, Period> const& delay, F&& function, Args&&... arguments) {
    return spawn_at(
        deadline::after(delay).moment(), std::forward<F>(function),
        std::forward<Args>(arguments)...);
}

/// As `spawn`, but runs the task until it waits for the first time, or ends; then the caller goes
/// on, before everybody else. What is requested for the caller meanwhile is delivered at its next
/// wait. Throws: as `spawn`; what was requested for the caller before; misuse in a callback of the
/// hub and in the scope of a `no_switch`. Switches: may. Thread: hub.
template <typename F, typename... Args>
requires std::is_invocable_v<std::decay_t<F>, std::decay_t<Args>...>
auto spawn_eager(spawn_options options, F&& function, Args&&... arguments) {
    detail::task_core::check_first_step();
    auto made = detail::make_task(std::forward<F>(function), std::forward<Args>(arguments)...);
    made.state().start_eagerly(std::move(options));
    return made;
}
template <typename F, typename... Args>
requires std::is_invocable_v<std::decay_t<F>, std::decay_t<Args>...>
auto spawn_eager(F&& function, Args&&... arguments) {
    detail::task_core::check_first_step();
    auto made = detail::make_task(std::forward<F>(function), std::forward<Args>(arguments)...);
    made.state().start_eagerly();
    return made;
}

}  // namespace tendril
