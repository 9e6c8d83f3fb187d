// SPDX-License-Identifier: BSL-1.0
#pragma once

// Floor 5: results and structure.
//
// `spawn` makes a task; `task<T>` waits for it, asks for its result, cancels or kills it. Errors
// reach whoever asks for the result, or the hub's error handler when nobody does.

#include <tendril/task/cancel_scope.hpp>
#include <tendril/task/exception_group.hpp>
#include <tendril/task/spawn.hpp>
#include <tendril/task/task.hpp>
#include <tendril/task/task_group.hpp>
