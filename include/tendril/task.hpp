// SPDX-License-Identifier: BSL-1.0
#pragma once

// Floor 5: results and structure.
//
// `spawn` makes a task; `task<T>` waits for it, asks for its result, cancels or kills it. Errors
// reach whoever asks for the result, or the hub's error handler when nobody does.
//
// `run_in_thread` and `thread_pool` take calls that block away from the hub; a `context_var` has a
// value that flows from a task to those it spawns.

#include <tendril/task/context_var.hpp>
#include <tendril/task/run_in_thread.hpp>
#include <tendril/task/spawn.hpp>
#include <tendril/task/task.hpp>
#include <tendril/task/thread_pool.hpp>
