// SPDX-License-Identifier: BSL-1.0
#pragma once

// A function that is told of every switch of the calling thread.
//
//     auto previous = tendril::set_trace(
//         [](tendril::trace_event, tendril::greenlet const& from, tendril::greenlet const& to) {
//             std::cout << from << " -> " << to << '\n';
//         });
//     …
//     tendril::set_trace(previous);
//
// It is called behind the switch, in the greenlet that has arrived, before that one goes on; a
// first entry is told before the greenlet's function runs. It may look at anything and may even
// switch: what the traced switch carries is safe, and what happens inside the function is not
// traced.
//
// A switch costs nothing more while no function is set. Recorders are built on top of this.

#include <tendril/greenlet/greenlet.hpp>

#include <cstdint>
#include <functional>

namespace tendril {

/// What has happened. More events may come with later versions: ignore those you do not know.
enum class trace_event : std::uint8_t {
    /// A switch that delivers a value, or nothing; also the death by returning.
    switched,
    /// A switch that delivers an exception; also the death by an exception.
    thrown,
};

/// What is told: the event, who left (it may be dead by now), and who has arrived.
using trace_function = std::function<void(trace_event, greenlet const& from, greenlet const& to)>;

/// Sets the function that is told of the calling thread's switches from now on, or none, and
/// returns the previous one. What the function throws ends tracing and is reported as an error
/// that nobody can receive: the greenlet that has arrived gets its value all the same.
/// Throws: std::bad_alloc. Switches: never.
trace_function set_trace(trace_function function);

/// The function in force on the calling thread, or an empty one. Switches: never.
trace_function get_trace();

}  // namespace tendril
