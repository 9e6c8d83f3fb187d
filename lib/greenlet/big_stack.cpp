// SPDX-License-Identifier: BSL-1.0
#include <tendril/context/call_on_stack.hpp>
#include <tendril/greenlet/big_stack.hpp>
#include <tendril/greenlet/switch.hpp>
#include <tendril/support/scope_exit.hpp>

namespace tendril::detail {

// Whatever asks for the stack that the greenlet stands on, such as a switch, finds the large one.
void call_on_big_stack(std::size_t size, void (*call)(void*), void* argument) {
    thread_record& thread = this_thread();
    stack& large = thread.stacks.acquire(size);
    control_block& self = *thread.current;
    sanitizer_record& home = sanitizer_of(self);
    stack* const small = std::exchange(self.memory, &large);
    large.below = small;
    scope_exit const back{[&] {
        self.memory = small;
        large.below = nullptr;
        thread.stacks.release(large);
    }};
    call_on_stack(large, home, call, argument);
}

}  // namespace tendril::detail
