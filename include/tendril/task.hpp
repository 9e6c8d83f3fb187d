// SPDX-License-Identifier: BSL-1.0
#pragma once

// Floor 5: results and structure.
//
// `spawn` makes a task; `task<T>` waits for it, asks for its result, cancels or kills it. Errors
// reach whoever asks for the result, or the hub's error handler when nobody does. A `promise` gives
// a value that no single function makes to all who have its `future`; a `shared_promise` does so
// between threads. `with_task_group` keeps children within a block, `cancel_scope` ends a block and
// all that is in it. `gather`, `wait_all` and their siblings wait for several tasks, `group` and
// `pool` look after many.
//
// `run_in_thread` and `thread_pool` take calls that block away from the hub; a `context_var` has a
// value that flows from a task to those it spawns.

#include <tendril/task/any_task.hpp>
#include <tendril/task/awaitable.hpp>
#include <tendril/task/cancel_scope.hpp>
#include <tendril/task/completion_watch.hpp>
#include <tendril/task/context_var.hpp>
#include <tendril/task/ensure_task.hpp>
#include <tendril/task/exception_group.hpp>
#include <tendril/task/fulfil.hpp>
#include <tendril/task/future.hpp>
#include <tendril/task/gather.hpp>
#include <tendril/task/group.hpp>
#include <tendril/task/pool.hpp>
#include <tendril/task/pool_map.hpp>
#include <tendril/task/run_in_thread.hpp>
#include <tendril/task/shared_future.hpp>
#include <tendril/task/shield.hpp>
#include <tendril/task/spawn.hpp>
#include <tendril/task/task.hpp>
#include <tendril/task/task_group.hpp>
#include <tendril/task/task_set.hpp>
#include <tendril/task/thread_pool.hpp>
#include <tendril/task/wait.hpp>
#include <tendril/task/when_done.hpp>
