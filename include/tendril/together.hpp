// SPDX-License-Identifier: BSL-1.0
#pragma once

// Floor 5b: many tasks.
//
// `gather` and `wait_all` with their siblings wait for several tasks, `as_completed` walks over
// them as they end, `shield` waits for one that goes on whatever happens to the one who waits. A
// `group` looks after many tasks, a `pool` lets so many run at a time.

#include <tendril/together/any_task.hpp>
#include <tendril/together/completion_watch.hpp>
#include <tendril/together/gather.hpp>
#include <tendril/together/group.hpp>
#include <tendril/together/pool.hpp>
#include <tendril/together/pool_map.hpp>
#include <tendril/together/shield.hpp>
#include <tendril/together/task_set.hpp>
#include <tendril/together/wait.hpp>
