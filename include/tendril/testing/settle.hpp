// SPDX-License-Identifier: BSL-1.0
#pragma once

// Waits until everybody else waits.
//
//     auto getter = tendril::spawn([&] { queue.get(); });
//     tendril::testing::settle();                 // now the getter stands in its queue
//
// A test that says `yield` as often as it takes breaks when somebody yields once more. A test that
// sleeps lets time pass, and with it every limit. `settle` does neither: it returns when no other
// greenlet is ready, no callback or post is queued, no alarm is due and the reactor has been found
// empty twice; a virtual clock does not move.
//
// What runs in other threads or processes is not waited for: a greenlet that waits for such a job
// waits. Read next: virtual_clock.hpp, sequencer.hpp.

#include <tendril/time/sleep.hpp>

namespace tendril::testing {

/// Lets everybody else run until all of them wait. Of several who settle at once, one goes on at a
/// time, in the order they came. Throws: what was requested for the greenlet. Switches: may.
inline void settle() { idle(); }

}  // namespace tendril::testing
