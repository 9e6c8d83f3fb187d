// SPDX-License-Identifier: BSL-1.0
#pragma once

// What a thread that is traced keeps.

#include <tendril/greenlet/thread_record.hpp>
#include <tendril/greenlet/trace_hook.hpp>

namespace tendril::detail {

struct tracer {
    trace_function function;
    /// Who arrived last, and so who leaves next.
    control_block* latest;
    /// The function is running: switches that it makes are not told.
    bool telling = false;
};

/// Tells of an arrival of the running greenlet. Switches: may, if the function does.
void tell_tracer(thread_record& thread, control_block& from, bool thrown) noexcept;

/// Ends tracing. Switches: never.
void stop_tracing(thread_record& thread) noexcept;

}  // namespace tendril::detail
