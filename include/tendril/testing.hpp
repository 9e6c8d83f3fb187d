// SPDX-License-Identifier: BSL-1.0
#pragma once

// A tower beside the floors: time and order in the hands of a test.
//
// `virtual_clock` jumps when everybody waits, `leak_check` compares what is held before and after.
// They are public because authors of servers need them as much as this library does. The other
// seams are `ready_order` (hub/ready_queue.hpp), `random_source` and `replaced_system_calls` (floor
// support).

#include <tendril/testing/leak_check.hpp>
#include <tendril/testing/virtual_clock.hpp>
