// SPDX-License-Identifier: BSL-1.0
#pragma once

// The life of a greenlet, as states, and who moves it from one to the next.
//
//     from        to          by
//     unstarted   suspended   start_on_new_stack     it has a stack; whoever did it jumps there
//     unstarted   dead        abandon                it was killed before its first turn
//     suspended   running     switch_stacks
//     running     suspended   switch_stacks          it switched to another greenlet by hand
//     running     parked      switch_stacks          it waits in the hub
//     parked      ready       dispatcher::make_ready its wait is over
//     ready       running     switch_stacks
//     running     dead        finish                 its function returned or threw
//
// A greenlet that waits in the hub cannot be switched to by hand: the hub has promised its waiter
// exactly one answer, and a foreign value would be taken for it.

#include <cstdint>

namespace tendril {

enum class greenlet_state : std::uint8_t {
    /// It has a function and no stack. In no queue, or in the hub's ready queue.
    unstarted,
    /// It is the one that executes on its thread.
    running,
    /// It left by hand. In no queue; a `switch_to` or `throw_into` continues it.
    suspended,
    /// It waits in the hub. In the queue of whatever it waits for.
    parked,
    /// It will run when its turn comes. In the hub's ready queue.
    ready,
    /// Its function has ended, or will never begin. In no queue; it has no stack.
    dead,
};

/// The state as a word, for messages. Switches: never. Thread: any.
char const* to_string(greenlet_state state) noexcept;

}  // namespace tendril
