// SPDX-License-Identifier: BSL-1.0
#pragma once

// A function on a stack of its own with nothing of a greenlet: for tests of the jump itself.
//
//     bare_context other{pool, [](bare_context& self) { self.suspend(); }};
//     other.resume();     // runs until `suspend`
//     other.resume();     // runs to the end
//
// The thread's own stack resumes it. Two of them may also hand over to each other directly.

#include <tendril/context/machine_context.hpp>
#include <tendril/context/stack_pool.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/unique_function.hpp>

#include <cstddef>
#include <utility>

namespace tendril::test {

class bare_context {
public:
    using body = unique_function<void(bare_context&)>;

    bare_context(stack_pool& pool, body function, std::size_t size = stack_pool::default_size)
        : pool_{pool},
          memory_{pool.acquire(size)},
          function_{std::move(function)},
          home_record_{sanitizer::of_this_thread()} {
        prepare(machine_, memory_, &enter);
    }
    bare_context(bare_context const&) = delete;
    bare_context& operator=(bare_context const&) = delete;
    ~bare_context() {
        TENDRIL_ASSERT(finished_, "a test runs its contexts to their end");
        pool_.release(memory_);
    }

    /// Continues the function, from the thread's own stack, until it suspends itself or ends.
    void resume(jump_function how = jump_in_line) {
        running() = this;
        home_of_all() = &home_;
        jump(home_, machine_, live_exception_state(), home_record_, memory_.sanitizer, how);
    }

    /// Goes back to the thread's own stack, from the function.
    void suspend(jump_function how = jump_in_line) {
        machine_context& home = *home_of_all();
        jump(machine_, home, live_exception_state(), memory_.sanitizer, home_record_, how);
    }

    /// Continues another context, from the function.
    void hand_over(bare_context& to) {
        running() = &to;
        jump(
            machine_, to.machine_, live_exception_state(), memory_.sanitizer, to.memory_.sanitizer);
    }

    bool finished() const noexcept { return finished_; }
    stack const& memory() const noexcept { return memory_; }

private:
    // A jump carries one pointer, which the departure uses. The rest goes this way.
    static bare_context*& running() noexcept {
        static bare_context* current = nullptr;
        return current;
    }
    static machine_context*& home_of_all() noexcept {
        static machine_context* home = nullptr;
        return home;
    }

    TENDRIL_NEVER_LEFT static void enter(arrival from) {
        note_departure(from);
        bare_context& self = *running();
        sanitizer::arrive(self.memory_.sanitizer);
        self.function_(self);
        self.finished_ = true;
        jump_for_good(self.machine_, *home_of_all(), live_exception_state(), self.home_record_);
    }

    stack_pool& pool_;
    stack& memory_;
    body function_;
    machine_context machine_;
    machine_context home_;
    sanitizer_record home_record_;
    bool finished_ = false;
};

}  // namespace tendril::test
