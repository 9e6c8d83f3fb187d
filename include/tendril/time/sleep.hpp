// SPDX-License-Identifier: BSL-1.0
#pragma once

// Letting time pass, or others run.
//
//     tendril::sleep_for(10ms);
//     tendril::yield();             // those who are ready now run once
//     tendril::idle();              // everybody else runs until all of them wait
//
// Only the greenlet sleeps; its thread runs whoever is ready meanwhile.

#include <tendril/hub/alarm.hpp>
#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/deadline.hpp>
#include <tendril/hub/hub.hpp>

#include <chrono>

namespace tendril {

/// Waits until a moment; a moment that is past lets others run once. Never means until somebody
/// interrupts. An unreferenced sleep is no reason for the hub to go on: when only such ones are
/// left, main is told that it waits in vain, or `hub::join` returns.
/// Throws: what was requested for the greenlet. Switches: may.
void sleep_until(deadline moment, reference kind = reference::referenced);
inline void sleep_until(time_point moment, reference kind = reference::referenced) {
    sleep_until(deadline::at(moment), kind);
}

/// Waits for a while, measured from now. Zero and less let others run once.
/// Throws: as above, and misuse when the duration is not a number. Switches: may.
template <typename Rep, typename Period>
void sleep_for(
    std::chrono::duration<Rep, Period> const& duration, reference kind = reference::referenced) {
    sleep_until(deadline::after(duration), kind);
}

/// Lets every greenlet that is ready now run before this one goes on.
/// Throws: what was requested for the greenlet. Switches: may.
TENDRIL_ALWAYS_INLINE void yield() {
    hub& here = this_hub();
    here.require_not_forked();
    here.require_may_park();
    deliver_interruption(here.thread());
    here.leave_ready(jump_in_line);
}

/// Lets everybody else run until all of them wait: for work that may be done at any time. The hub
/// then has no ready greenlet, callback, post or alarm that is due, and its reactor has been found
/// empty twice. Of several who wait here one goes on at a time, in the order they came. It does not
/// wait for time to pass: a greenlet that calls this in a loop keeps the hub from sleeping, and a
/// clock of a test from jumping. Throws: what was requested for the greenlet. Switches: may.
void idle();

}  // namespace tendril
