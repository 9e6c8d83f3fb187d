// SPDX-License-Identifier: BSL-1.0
#pragma once

// Floor 0: words with no fibers in them.
//
// Checks and errors, intrusive containers, a move-only callable, and the seams that tests replace:
// the table of system calls and the source of random numbers. Nothing here knows what a greenlet
// is; all of it could be used by any program.
//
// Begin with assert.hpp, which says how this library treats bugs.

#include <tendril/support/assert.hpp>
#include <tendril/support/cache_line.hpp>
#include <tendril/support/config.hpp>
#include <tendril/support/error.hpp>
#include <tendril/support/intrusive_heap.hpp>
#include <tendril/support/intrusive_list.hpp>
#include <tendril/support/random.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/support/system_calls.hpp>
#include <tendril/support/unique_function.hpp>
