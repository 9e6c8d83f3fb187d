// SPDX-License-Identifier: BSL-1.0
#pragma once

// Names for addresses. There are two sources for this header: with Boost.Stacktrace, which reads
// debug information, and without, which knows what the dynamic linker knows.

#include <string>

namespace tendril::detail {

/// What is known about the code that a return address points behind.
struct symbol {
    /// The function, readable; empty when it is not known.
    std::string function;
    /// `file:line`, or `module+offset`.
    std::string place;
};

/// Throws: std::bad_alloc. Thread: any.
symbol find_symbol(void* return_address);

}  // namespace tendril::detail
