// SPDX-License-Identifier: BSL-1.0
#pragma once

// How deep a stack has ever been.
//
// The system hands out pages that are full of zeros, and a stack grows down through pages that
// nobody has touched. So the deepest word that is not zero marks how far frames have reached: a
// painted stack, for which nobody had to paint. What is not seen is a frame that has written
// nothing but zeros at its end; and the mark belongs to the stack, so it covers all who have used
// it since its pages were given back (`stack_pool::trim`, `stack_pool::set_fresh`).

#include <tendril/context/stack.hpp>

#include <cstddef>

namespace tendril {

/// How many bytes below its top a stack has ever reached, to the word; to the page where the words
/// cannot be read (under Valgrind). Reads only pages that exist. Thread: the stack's.
std::size_t stack_usage(stack const& measured) noexcept;

}  // namespace tendril
