// SPDX-License-Identifier: BSL-1.0
#pragma once

// Floor 5: results and structure.
//
// `spawn` makes a task; `task<T>` waits for it, asks for its result, cancels or kills it. Errors
// reach whoever asks for the result, or the hub's error handler when nobody does. `gather`,
// `wait_all` and their siblings wait for several tasks, `group` and `pool` look after many.

#include <tendril/task/any_task.hpp>
#include <tendril/task/completion_watch.hpp>
#include <tendril/task/gather.hpp>
#include <tendril/task/group.hpp>
#include <tendril/task/pool.hpp>
#include <tendril/task/pool_map.hpp>
#include <tendril/task/shield.hpp>
#include <tendril/task/spawn.hpp>
#include <tendril/task/task.hpp>
#include <tendril/task/task_set.hpp>
#include <tendril/task/wait.hpp>
