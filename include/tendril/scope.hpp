// SPDX-License-Identifier: BSL-1.0
#pragma once

// Floor 5a: blocks that end together.
//
// `with_task_group` keeps tasks within a block: none outlives it, and their errors leave it as one
// `exception_group`. A `cancel_scope` ends a block and all that is in it, by a deadline or a call;
// `move_on_after` goes on then, `fail_after` throws; a shield holds back what comes from outside.

#include <tendril/scope/cancel_node.hpp>
#include <tendril/scope/cancel_scope.hpp>
#include <tendril/scope/exception_group.hpp>
#include <tendril/scope/task_group.hpp>
