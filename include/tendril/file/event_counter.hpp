// SPDX-License-Identifier: BSL-1.0
#pragma once

// A number in the kernel that greenlets wait for, and that any thread and any process adds to
// (eventfd).
//
//     tendril::event_counter finished;
//     library.on_finish([&] { finished.add(); });       // on whatever thread the library has
//     std::uint64_t const count = finished.wait();      // at least one; the counter is zero again
//
// As a semaphore each wait takes one, and leaves the rest for others. Between hubs of one program
// `shared_semaphore` costs less; this is for what has a descriptor only: other event loops, other
// processes, C libraries.
//
// Read next: descriptor_stream.hpp.

#include <tendril/hub/deadline.hpp>
#include <tendril/io/error.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

namespace tendril {

/// How a counter is made.
struct event_counter_options {
    /// What it begins with.
    unsigned initial = 0;
    /// Whether a wait takes one only.
    bool semaphore = false;
};

class event_counter {
public:
    /// Makes a counter. It is closed when this process executes another program.
    /// Throws: system_error. Switches: never. Thread: any.
    explicit event_counter(event_counter_options const& options = {});
    event_counter(event_counter&& other) noexcept
        : descriptor_{std::exchange(other.descriptor_, -1)} {}
    event_counter& operator=(event_counter&& other) noexcept;

    /// Closes it, and ends the waits of this thread with `errc::closed`. Requires: no other thread
    /// uses it. Switches: never.
    ~event_counter();

    /// Takes over a descriptor of this kind, which it makes non-blocking for everybody who shares
    /// it. On failure it is closed. Throws: system_error. Switches: never. Thread: any.
    static event_counter adopt(int descriptor);

    /// Adds to it, and wakes who waits. Throws: system_error, also when it would be beyond
    /// 2^64 - 2. Switches: never. Thread: any, and signal handlers, if it does not fail.
    void add(std::uint64_t number = 1);

    /// Waits until it is not zero, and takes it all, or one of it. One greenlet of a hub waits at a
    /// time, and a second one gets `errc::busy`; greenlets of other hubs may wait too.
    /// Throws: system_error; what was requested for the greenlet. Switches: may.
    std::uint64_t wait();

    /// As above, but until a moment, or for a while, at most; then returns nothing. Switches: may.
    std::optional<std::uint64_t> wait_until(deadline limit);
    template <typename Rep, typename Period>
    std::optional<std::uint64_t> wait_for(std::chrono::duration<Rep, Period> const& duration) {
        return wait_until(deadline::after(duration));
    }

    /// Takes what is there; nothing when it is zero. Throws: system_error. Switches: never.
    /// Thread: any.
    std::optional<std::uint64_t> try_wait();

    /// The descriptor, for whoever else adds to it. It stays the counter's. Switches: never.
    /// Thread: any.
    int native_handle() const noexcept { return descriptor_; }

private:
    struct adopted {
        int descriptor;
    };
    explicit event_counter(adopted taken) noexcept : descriptor_{taken.descriptor} {}

    int descriptor_;
};

}  // namespace tendril
