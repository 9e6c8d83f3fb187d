// SPDX-License-Identifier: BSL-1.0
#pragma once

// A call that the hub makes when a moment has come: what every sleep and every limit is built on.
//
// An alarm lives in the frame of whoever waits, or in an object, and is linked into the hub's heap
// while it is armed. Arming and disarming allocate nothing after the first lap of the heap, and
// setting one up and taking it away again, which is what nearly every limit does, costs a few
// nanoseconds.
//
//     struct bell : tendril::alarm {
//         void expire() noexcept override { … }        // in the hub: must not park
//     };
//
// Read next: waiter.hpp.

#include <tendril/hub/clock.hpp>
#include <tendril/support/intrusive_heap.hpp>

namespace tendril {

class hub;

/// Whether something that waits for a moment is reason enough for its hub to go on. When only
/// unreferenced alarms are left, nothing is left to wait for.
enum class reference : bool { unreferenced, referenced };

class alarm : public heap_hook {
public:
    alarm() noexcept = default;
    alarm(alarm const&) = delete;
    alarm& operator=(alarm const&) = delete;

    /// Says whether it is armed. Switches: never.
    bool armed() const noexcept { return in_heap(); }

    /// Says whether its hub goes on for its sake. Switches: never.
    bool referenced() const noexcept { return reference_ == reference::referenced; }

    /// Sets that, armed or not. Switches: never. Thread: the hub's.
    void set_reference(reference kind) noexcept;

protected:
    /// Disarms it.
    ~alarm() { disarm(); }

    /// Makes `owner` call `expire` once, at `moment` or soon after; later than everything else that
    /// became ready in the same turn. Requires: not armed. Throws: std::bad_alloc.
    /// Switches: never.
    void arm(hub& owner, time_point moment);

    /// Takes that back; does nothing when it is not armed. Switches: never.
    void disarm() noexcept;

    /// The hub that it is armed in, or was armed in last. Switches: never.
    hub* owner() const noexcept { return owner_; }

private:
    friend class hub;
    virtual void expire() noexcept = 0;

    hub* owner_ = nullptr;
    reference reference_ = reference::referenced;
};

}  // namespace tendril
