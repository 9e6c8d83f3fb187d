// SPDX-License-Identifier: BSL-1.0
#pragma once

// Floor 5: results.
//
// `spawn` makes a task; `task<T>` waits for it, asks for its result, cancels or kills it. Errors
// reach whoever asks for the result, or the hub's error handler when nobody does. A `promise` gives
// a value that no single function makes to all who have its `future`; a `shared_promise` does so
// between threads. A `context_var` has a value that flows from a task to those it spawns.

#include <tendril/task/awaitable.hpp>
#include <tendril/task/context_var.hpp>
#include <tendril/task/ensure_task.hpp>
#include <tendril/task/fulfil.hpp>
#include <tendril/task/future.hpp>
#include <tendril/task/future_state.hpp>
#include <tendril/task/shared_future.hpp>
#include <tendril/task/spawn.hpp>
#include <tendril/task/task.hpp>
#include <tendril/task/task_state.hpp>
#include <tendril/task/when_done.hpp>
