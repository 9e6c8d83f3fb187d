// SPDX-License-Identifier: BSL-1.0
#pragma once

// A suspended execution, and the jump that continues it: the door to Boost.Context.
//
// What is left behind when a stack is suspended? Its frames stay in its memory. The registers that
// a called function must preserve are pushed on top of them by the jump. So all that remains to be
// kept elsewhere is one address, the stack pointer after that push: the `resume_point`. Besides it
// travel the two words of the C++ runtime (exception_state.hpp). On x86-64 the rounding modes of
// the processor are pushed with the registers. Everything else that a thread has stays with the
// thread and is shared by its stacks: `errno`, thread-local variables, the signal mask.
//
// A processor foretells where a return goes to by the calls that it has seen. Boost's assembly is
// called and leaves with an indirect jump, so behind it that record is one entry too long, and
// every return that follows comes as a surprise, which costs more than the jump. There are two ways
// out, and a caller of `jump` chooses (`jump_function`):
//
// - in line: `jump` and all between it and the user's loop is inline, and no return follows;
// - `jump_and_return` arrives with a return itself and leaves the record as long as it was. It then
//   holds the calls of the one who left: those of the one who arrives too, if both came here by the
//   same calls, as a thousand greenlets do that wait in one place.
//
// This header knows nothing about greenlets. Read next: ../greenlet/control_block.hpp.

#include <tendril/context/exception_state.hpp>
#include <tendril/context/stack.hpp>

#include <boost/context/detail/fcontext.hpp>

namespace tendril {

/// A suspended execution. It is valid to jump to it exactly once; then it runs, until it jumps
/// away and so is suspended again.
struct machine_context {
    /// The stack pointer of the suspended stack, above its saved registers.
    void* resume_point = nullptr;
    /// Its exceptions in flight.
    exception_state exceptions;
};

/// What the other side of a jump hands over: who left, and where that one can be resumed.
using arrival = boost::context::detail::transfer_t;

/// The first function on a new stack. It never returns: the last thing it does is
/// `jump_for_good`. It calls `note_departure` first, and is `TENDRIL_NEVER_LEFT`.
using entry_point = void (*)(arrival);

/// Makes `context` start `entry` on `memory` when it is jumped to, with no exception in flight.
void prepare(machine_context& context, stack const& memory, entry_point entry) noexcept;

/// Stores where the one who left can be resumed. Every arrival does this first.
TENDRIL_ALWAYS_INLINE void note_departure(arrival from) noexcept {
    static_cast<machine_context*>(from.data)->resume_point = from.fctx;
}

/// How to jump: the head of this file compares the two.
using jump_function = arrival (*)(void* resume_point, void* data);

/// Boost's jump, for code that is inline down to it.
inline constexpr jump_function jump_in_line = &boost::context::detail::jump_fcontext;

/// The same for a function that many wait in, by the same calls.
extern "C" arrival tendril_jump_and_return(void* resume_point, void* data);
inline constexpr jump_function jump_and_return = &tendril_jump_and_return;

/// Suspends the running execution in `from` and continues `to`. Returns when something jumps back
/// to `from`. `live` is this thread's exception state.
/// Thread: both executions belong to the calling thread.
// DOC: jump
TENDRIL_ALWAYS_INLINE void jump(
    machine_context& from, machine_context& to, exception_state& live,
    sanitizer_record& from_record, sanitizer_record& to_record, jump_function how = jump_in_line) {
    from.exceptions.replace(live, to.exceptions);
    sanitizer::leave(from_record, to_record);
    note_departure(how(to.resume_point, &from));
    sanitizer::arrive(from_record);
}
// DOC-END: jump

/// Continues `to` and never comes back: no frame of the running execution is alive but the
/// caller's, which holds nothing. `from` is written to and must outlive the jump.
[[noreturn]] TENDRIL_ALWAYS_INLINE void jump_for_good(
    machine_context& from, machine_context& to, exception_state& live,
    sanitizer_record& to_record) {
    from.exceptions.replace(live, to.exceptions);
    sanitizer::leave_for_good(to_record);
#if TENDRIL_X86_64
    // Boost's jump with a return address of nobody and, as above, without a call on the record:
    // there is no return for it.
    asm volatile("push{q}\t{$}0\n\tjmp\tjump_fcontext@PLT" ::"D"(to.resume_point), "S"(&from)
                 : "memory");
#else
    boost::context::detail::jump_fcontext(to.resume_point, &from);
#endif
    __builtin_unreachable();
}

}  // namespace tendril
