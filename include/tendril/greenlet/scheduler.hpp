// SPDX-License-Identifier: BSL-1.0
#pragma once

// What this floor asks of a loop that runs greenlets above it.
//
// Greenlets need no loop. When a thread has one (floor `hub`), six moments concern it, and the
// thread's record holds a pointer to this interface for them.

#include <tendril/greenlet/control_block.hpp>

#include <exception>

namespace tendril {

class scheduler {
public:
    /// A greenlet that the loop has spawned is dead: returns who runs next. Switches: never.
    virtual control_block& successor() noexcept = 0;

    /// The last handle to a greenlet that waits in the loop was dropped. The loop takes the handle
    /// over (the count is one again), asks the greenlet to exit, and returns at once.
    /// Switches: never.
    virtual void adopt(control_block& waiting) noexcept = 0;

    /// An error left a greenlet and nobody can receive it. Switches: never.
    virtual void report(std::exception_ptr error, control_block const& from) noexcept = 0;

    /// Another thread left something for this one; the loop may be asleep.
    /// Switches: never. Thread: any.
    virtual void notice_visitor() noexcept = 0;

    /// The greenlet of the loop itself. Switches: never.
    virtual control_block& loop_greenlet() noexcept = 0;

    /// This is the child of a fork, and what waits in the loop is dead there: it leaves whatever it
    /// waits in, so that nobody hands anything over to it. Switches: never.
    virtual void forget(control_block& waiting) noexcept = 0;

    /// This is the child of a fork. All greenlets are dead but the running one, main, the loop's,
    /// and those that wait for a result of the running one. Nothing may be resumed, and nothing
    /// that is shared with the parent may be touched. Switches: never.
    virtual void forked() noexcept = 0;

    /// The thread is about to end, and nobody has closed the loop. Switches: may.
    virtual void thread_ends() noexcept {}

protected:
    ~scheduler() = default;
};

/// Gives an unstarted greenlet its stack, so that a switch enters its function. It is suspended
/// afterwards. Throws: stack_exhausted, and then it is still unstarted. Switches: never.
void start_on_new_stack(thread_record& thread, control_block& block);

/// Ends an unstarted greenlet: its function never runs. Switches: may, because the destructor of a
/// captured object may.
void abandon(control_block& block, std::exception_ptr reason) noexcept;

}  // namespace tendril
