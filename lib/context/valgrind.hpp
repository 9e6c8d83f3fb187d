// SPDX-License-Identifier: BSL-1.0
#pragma once

// Valgrind's requests, where its header is installed; they cost a few instructions when it does not
// run, and nothing without the header.

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND 0U
#define VALGRIND_STACK_REGISTER(bottom, top) 0U
#define VALGRIND_STACK_DEREGISTER(id) static_cast<void>(id)
#endif
