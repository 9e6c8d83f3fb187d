// SPDX-License-Identifier: BSL-1.0
#pragma once

// Floor 4: ways to park and be woken.
//
// All but one header are for the greenlets of one thread, need no atomics, serve in the order of
// arrival and hand over directly. Where the standard library has the noun, ours has its interface,
// so that `std::lock_guard<tendril::mutex>` works. Between threads use shared.hpp, or `remote`.
// docs/sync.md says when to use which.

#include <tendril/sync/auto_reset_event.hpp>
#include <tendril/sync/barrier.hpp>
#include <tendril/sync/condition_variable.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/sync/latch.hpp>
#include <tendril/sync/mutex.hpp>
#include <tendril/sync/once.hpp>
#include <tendril/sync/select.hpp>
#include <tendril/sync/semaphore.hpp>
#include <tendril/sync/shared.hpp>
#include <tendril/sync/shared_core.hpp>
#include <tendril/sync/shared_mutex.hpp>
#include <tendril/sync/wait_queue.hpp>
