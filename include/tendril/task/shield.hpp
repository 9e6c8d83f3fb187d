// SPDX-License-Identifier: BSL-1.0
#pragma once

// Waiting for a result in such a way that ending the wait does not end the work.
//
//     task<void> saver = tendril::spawn([] {
//         tendril::shield([] { write_to_disk(); });        // runs to its end, whoever is cancelled
//     });
//     saver.cancel();
//
// The work is a task of its own. Whoever waits can be cancelled, killed or timed out, and leaves at
// once; the task goes on. Its result is then for whoever else has a handle, and an error that
// nobody asks for is reported when the last handle goes, as for any task. To keep interruptions
// from the waiter itself, see `interruption_shield`.

#include <tendril/hub/cancellation.hpp>
#include <tendril/task/spawn.hpp>
#include <tendril/task/task.hpp>

#include <functional>
#include <type_traits>
#include <utility>

namespace tendril {

/// Waits for the result of a task, which goes on when the wait is ended: by reference from a handle
/// that goes on to exist, moved out of one that does not.
/// Throws: what the task threw; task_cancelled when that was cancelled; what was requested for the
/// caller; as `task::get`. Switches: may.
template <typename T>
std::add_lvalue_reference_t<T> shield(task<T>& awaited) {
    return awaited.get();
}
template <typename T>
T shield(task<T>&& awaited) {
    return std::move(awaited).get();
}

/// As above, for a function that it spawns. When something was requested for the caller before,
/// that is thrown and the function never begins. Switches: may.
template <typename F>
requires std::is_invocable_v<std::decay_t<F>> std::invoke_result_t<std::decay_t<F>> shield(
    F&& function) {
    check_interruption();
    return spawn(std::forward<F>(function)).get();
}

}  // namespace tendril
