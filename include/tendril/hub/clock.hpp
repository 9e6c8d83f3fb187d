// SPDX-License-Identifier: BSL-1.0
#pragma once

// Where a hub's time comes from.
//
// Every sleep, timer and limit of a hub is measured on the hub's clock. Usually that is the steady
// clock of the system, which no change of the wall clock moves. A test gives the hub a clock of its
// own that jumps to the next deadline when everybody waits (testing/virtual_clock.hpp): an hour of
// timeouts then runs in no time.

#include <chrono>

namespace tendril {

/// A moment on a hub's clock.
using time_point = std::chrono::steady_clock::time_point;

class clock {
public:
    virtual ~clock() = default;

    /// The present. Never goes back. Switches: never.
    virtual time_point now() noexcept = 0;

    /// Is called when nothing can run before `next`. A clock that may decide about time moves
    /// itself there and returns true; a real one returns false, and the hub sleeps.
    /// Switches: never.
    virtual bool jump_to(time_point next) noexcept = 0;
};

/// The system's steady clock. Switches: never. Thread: any.
clock& steady_clock() noexcept;

/// The present on the clock of this thread's hub. Switches: never.
time_point now();

}  // namespace tendril
