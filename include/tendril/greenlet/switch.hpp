// SPDX-License-Identifier: BSL-1.0
#pragma once

// The switch itself: the path that must be fast, and nothing else.
//
// Everything here is inline down to the jump. That is not a matter of saving a call: a return that
// follows Boost's jump is one that the processor did not expect (context/machine_context.hpp). Out
// of line, the same switch costs three times as much.
//
// Rules, in order of danger:
// 1. Between `switch_stacks` entering and leaving, this thread has run other greenlets. Nothing
//    read from the thread record before the switch is still true after it.
// 2. What a switch carries stands in the frame of the one who left. It is moved out first; only
//    then are the arrival duties done, because they may free that very stack.
// 3. The two states are written before the jump: whoever runs next sees a consistent picture.
//
// Read next: greenlet.hpp, and lib/greenlet/trampoline.cpp for what happens at both ends.

#include <tendril/context/machine_context.hpp>
#include <tendril/greenlet/control_block.hpp>
#include <tendril/greenlet/thread_record.hpp>
#include <tendril/greenlet/value.hpp>
#include <tendril/support/config.hpp>

#include <utility>

namespace tendril {

namespace detail {

void do_arrival_duties(thread_record& thread);
control_block* resolve_target(thread_record& thread, control_block* wanted);

inline sanitizer_record& sanitizer_of(control_block& block) noexcept {
    return block.memory != nullptr ? block.memory->sanitizer : block.thread->own_stack;
}

}  // namespace detail

/// Suspends the running greenlet in state `leaves_as` and continues `to`. Returns when something
/// switches back.
/// Requires: `to` is suspended, or ready, or parked with its wait over; both are of this thread.
/// Switches: may.
TENDRIL_ALWAYS_INLINE void switch_stacks(
    thread_record& thread, control_block& to, greenlet_state leaves_as,
    jump_function how = jump_in_line) {
    control_block& from = *thread.current;
    from.state.store(leaves_as, std::memory_order_relaxed);
    to.state.store(greenlet_state::running, std::memory_order_relaxed);
    thread.current = &to;
    ++thread.switches;
    jump(
        from.machine, to.machine, *thread.live_exceptions, detail::sanitizer_of(from),
        detail::sanitizer_of(to), how);
}

/// Does what the one who left could not do by itself. Throws: what was thrown into the greenlet
/// that has arrived. Switches: may, to end a greenlet that nobody refers to any more.
TENDRIL_ALWAYS_INLINE void finish_arrival(thread_record& thread) {
    if (thread.on_arrival != 0) [[unlikely]] {
        detail::do_arrival_duties(thread);
    }
}

/// Moves out what the switch carried and finishes the arrival.
/// Throws: as `finish_arrival`. Switches: may.
// DOC: receive
TENDRIL_ALWAYS_INLINE value receive(thread_record& thread) {
    value received = thread.transfer == nullptr ? value{} : value{std::move(*thread.transfer)};
    finish_arrival(thread);
    return received;
}
// DOC-END: receive

/// Switches to `wanted` by hand, or to whoever stands for it: an unstarted greenlet is started, a
/// dead one is replaced by its nearest living ancestor, and the running one gets its own value.
/// `carried` stands in the caller's frame, or is null.
/// Throws: wrong_thread, misuse, stack_exhausted, and then nothing has changed. Switches: may.
// DOC: by_hand
TENDRIL_ALWAYS_INLINE value switch_by_hand(control_block* wanted, value* carried) {
    thread_record& thread = this_thread();
    control_block* to = wanted;
    if (to == nullptr || to->thread != &thread ||
        to->state.load(std::memory_order_relaxed) != greenlet_state::suspended) [[unlikely]] {
        to = detail::resolve_target(thread, wanted);
        if (to == nullptr) {
            return carried == nullptr ? value{} : value{std::move(*carried)};
        }
    }
    thread.transfer = carried;
    switch_stacks(thread, *to, greenlet_state::suspended);
    return receive(thread);
}
// DOC-END: by_hand

}  // namespace tendril
