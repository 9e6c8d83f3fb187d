// SPDX-License-Identifier: BSL-1.0
#pragma once

// What a stack overflow says before the process ends.
//
//     tendril: stack overflow in greenlet 7 parser: its stack of 196608 bytes is full (fault at
//     0x7f…, in function parse_value). Give it more (stack_size in its options), …
//
// A function that steps into the guard below its stack faults. The handler of that fault runs on an
// alternate stack, because there is no room on the full one; it prints what it knows and then lets
// the handler run that was installed before it, or the usual death by SIGSEGV. A fault anywhere
// else is passed on without a word.
//
// The handler is installed with the first greenlet of the process, unless the environment variable
// TENDRIL_OVERFLOW_HANDLER is `off`.

#include <tendril/context/stack_pool.hpp>

#include <cstddef>

namespace tendril {

/// Makes faults on the guards of a pool explain themselves, for the calling thread and for as long
/// as this lives: sees to it that the process has the handler, and the thread an alternate stack.
class overflow_watch {
public:
    /// Where there is no memory for an alternate stack, overflows stay unexplained.
    /// Requires: the pool outlives it, and belongs to the calling thread.
    explicit overflow_watch(stack_pool const& pool) noexcept;
    overflow_watch(overflow_watch const&) = delete;
    overflow_watch& operator=(overflow_watch const&) = delete;

    /// Takes the alternate stack back. Thread: the one that made it, or any after its end.
    ~overflow_watch();

    /// Ends the watch of the calling thread: its alternate stack is not used any more.
    void stop() noexcept;

private:
    stack_pool const* pool_ = nullptr;
    void* memory_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace tendril
