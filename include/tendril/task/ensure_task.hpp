// SPDX-License-Identifier: BSL-1.0
#pragma once

// Making a task of whatever will have a result.
//
//     template <typename Work>
//     void supervise(Work work) {
//         auto t = tendril::ensure_task(std::move(work));
//         …
//     }
//
//     given           the task
//     a task          is the same one
//     a future        waits for it and ends with what it ends with
//     a function      calls it
//
// A task that stands for a future can be cancelled without harm to the future and its readers.

#include <tendril/task/future.hpp>
#include <tendril/task/spawn.hpp>
#include <tendril/task/task.hpp>

#include <type_traits>
#include <utility>

namespace tendril {

/// Returns the task that it is given. Switches: never.
template <typename T>
task<T> ensure_task(task<T> given) noexcept {
    return given;
}

/// Makes a task that waits for the future: it returns a copy of its value, or the value itself when
/// that cannot be copied, and throws its error. One whose future is cancelled has failed, with
/// task_cancelled. Throws: std::bad_alloc; misuse for an empty future. Switches: never.
/// Thread: hub.
template <typename T>
task<T> ensure_task(future<T> awaited) {
    static_cast<void>(awaited.state());
    return spawn(
        [awaited = std::move(awaited)]() mutable -> T { return std::move(awaited).get(); });
}

/// Makes a task that calls the function. Throws: std::bad_alloc. Switches: never. Thread: hub.
template <typename F>
requires std::is_invocable_v<std::decay_t<F>>
auto ensure_task(F&& function) { return spawn(std::forward<F>(function)); }

}  // namespace tendril
