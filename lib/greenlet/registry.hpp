// SPDX-License-Identifier: BSL-1.0
#pragma once

// All thread records of the process, for the one moment when they must be found: a fork.

#include <tendril/greenlet/thread_record.hpp>

namespace tendril::detail {

/// Adds a record. Throws: std::bad_alloc when the process cannot be told of forks. Thread: any.
void enter_registry(thread_record& record);

/// Takes a record out. Thread: any.
void leave_registry(thread_record& record) noexcept;

}  // namespace tendril::detail
