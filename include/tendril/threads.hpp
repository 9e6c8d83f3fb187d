// SPDX-License-Identifier: BSL-1.0
#pragma once

// Floor 5c: calls that block.
//
// `run_in_thread` makes a call in a thread of the process's pool, and parks the caller and not its
// hub. A `thread_pool` has threads of its own. Calls can be cancelled before they begin.

#include <tendril/threads/run_in_thread.hpp>
#include <tendril/threads/thread_job.hpp>
#include <tendril/threads/thread_pool.hpp>
