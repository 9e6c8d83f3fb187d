// SPDX-License-Identifier: BSL-1.0
#pragma once

// A call whose frames lie on another stack, and which is an ordinary call otherwise.
//
// Nothing is suspended that others could continue: the caller waits below, as in any call. So the
// C++ runtime's exceptions in flight stay as they are, and the callee sees the handler that its
// caller is in.

#include <tendril/context/stack.hpp>

namespace tendril {

/// Calls `function(argument)` on `memory`, whose every byte it may use, and returns when it does.
/// `home` describes the stack of the caller. An exception that leaves the function is thrown on in
/// the caller.
/// Requires: no frame lives on `memory`. Throws: what the function throws.
void call_on_stack(stack& memory, sanitizer_record& home, void (*function)(void*), void* argument);

}  // namespace tendril
