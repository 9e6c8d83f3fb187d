// SPDX-License-Identifier: BSL-1.0
#pragma once

// Whether Valgrind runs the test: it is slow, puts its own allocator in the place of ours, and
// leaves out parts of the processor.

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND 0
#endif

namespace tendril::test {

inline bool runs_under_valgrind() { return RUNNING_ON_VALGRIND != 0; }

}  // namespace tendril::test
