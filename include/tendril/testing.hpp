// SPDX-License-Identifier: BSL-1.0
#pragma once

// A tower beside the floors: time, order and failures in the hands of a test.
//
//     time       virtual_clock jumps when everybody waits; settle waits for that and lets no time
//                pass
//     order      seeded_order takes another legal order for each seed; sequencer puts pieces of
//                several greenlets into one order
//     peers      memory_stream is a connection without a network
//     failures   failing_allocations and failing_system_calls, and for_each_failure for all of them
//     looking    transcript compares what happened; leak_check what is held before and after
//
// They are public because authors of servers need them as much as this library does. The seams that
// they use are public as well: `clock`, `ready_order` (floor hub), `random_source` and
// `replaced_system_calls` (floor support).
//
// Read next: docs/testing.md, with an example of each.

#include <tendril/testing/failing_allocations.hpp>
#include <tendril/testing/failing_system_calls.hpp>
#include <tendril/testing/failures.hpp>
#include <tendril/testing/leak_check.hpp>
#include <tendril/testing/memory_stream.hpp>
#include <tendril/testing/seeded_order.hpp>
#include <tendril/testing/sequencer.hpp>
#include <tendril/testing/settle.hpp>
#include <tendril/testing/transcript.hpp>
#include <tendril/testing/virtual_clock.hpp>
