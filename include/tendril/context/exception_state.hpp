// SPDX-License-Identifier: BSL-1.0
#pragma once

// The part of the C++ runtime that belongs to a stack but is kept per thread.
//
// While a `catch` block runs, the runtime keeps the caught exception in a chain, and while a stack
// unwinds it counts the exceptions that nobody has caught yet. Both words live in thread-local
// storage. Two stacks that take turns on one thread would therefore find each other's exceptions:
// `throw;` would rethrow the neighbour's error, and a destructor would believe that its own scope
// is unwinding. So a switch saves the two words of the stack that it leaves and puts back those of
// the stack that it continues; a new stack starts with none.
//
// Boost.Context does the same from version 1.88 on, inside `boost::context::fiber`. tendril uses
// only the bare jump below that class, which carries no exception state in any version, so the
// words are never saved twice.
//
// Read next: machine_context.hpp.

#include <cxxabi.h>

namespace tendril {

/// The two words, in the layout that the Itanium C++ ABI gives them.
struct exception_state {
    /// The chain of exceptions whose handlers are running, innermost first.
    void* caught = nullptr;
    /// How many thrown exceptions have found no handler yet.
    unsigned int uncaught = 0;

    /// Exchanges by field: `*this` takes what `live` holds, `live` takes what `next` holds.
    /// A copy of the whole structure would read back 16 bytes that were just written as 8 and 4,
    /// which stalls the processor for ten times the cost of the switch.
    void replace(exception_state& live, exception_state const& next) noexcept {
        caught = live.caught;
        uncaught = live.uncaught;
        live.caught = next.caught;
        live.uncaught = next.uncaught;
    }
};

/// Where this thread's runtime keeps its two words. The address is fixed for the life of the
/// thread, so a caller may keep it. Thread: any, but the result is for this thread only.
inline exception_state& live_exception_state() noexcept {
    return *reinterpret_cast<exception_state*>(abi::__cxa_get_globals());
}

}  // namespace tendril
