// SPDX-License-Identifier: BSL-1.0
//
// The first and the last function on a greenlet's stack.
//
// Birth: `start_on_new_stack` takes a stack from the pool and writes a first frame on it, so that a
// jump to the greenlet enters `trampoline`. Whatever the first switch carried is received there and
// becomes the function's arguments.
//
// Death: the function has returned or thrown and its locals are destroyed; all that is left on the
// stack is the frame of `trampoline` with the ending in it. `finish` looks for a living ancestor,
// marks the greenlet dead and jumps. It cannot free the stack that it stands on, so it leaves that
// to whoever arrives (`bury_predecessor`). The result is moved out of this last frame by the one
// who arrives, before the burial (switch.hpp, rule 2).
//
// Invariants:
// 1. A greenlet is dead before anybody can observe its result.
// 2. A result or an error goes to the parent, never to the one who last switched here.
// 3. No exception leaves `trampoline`: there is no frame above it.
#include "trampoline.hpp"

#include "tracer.hpp"

#include <tendril/greenlet/greenlet_exit.hpp>
#include <tendril/greenlet/greenlet_local.hpp>
#include <tendril/greenlet/scheduler.hpp>
#include <tendril/greenlet/switch.hpp>
#include <tendril/support/assert.hpp>

#include <cxxabi.h>

#include <utility>

namespace tendril {
namespace detail {
namespace {

// The runtime has no object for `__forced_unwind`, so a sanitizer sees a reference to null there.
__attribute__((noinline, no_sanitize("null"))) value call_body(
    thread_record& thread, control_block& self, std::exception_ptr& error) {
    try {
        return self.body->run(receive(thread));
    } catch (greenlet_exit const& exit) {
        return value{exit};
    } catch (abi::__forced_unwind const&) {
        // The thread itself is being cancelled; the runtime demands to be let through. This stack
        // is not continued: from its end the system goes back to where the thread began.
        std::exchange(self.body, nullptr)->dispose();
        destroy_locals(self);
        self.state.store(greenlet_state::dead, std::memory_order_relaxed);
        throw;
    } catch (...) {
        error = std::current_exception();
        return value{};
    }
}

// What the function owned goes on its own stack.
void let_go(thread_record& thread, control_block& self) noexcept {
    std::source_location const made_at = self.body->made_at;
    std::exchange(self.body, nullptr)->dispose();
    destroy_locals(self);
    if (thread.observer != nullptr) [[unlikely]] {
        thread.observer->ending(self, made_at);
    }
}

[[noreturn]] TENDRIL_NEVER_LEFT void finish(
    thread_record& thread, control_block& self, ending& how) {
    --thread.started;
    control_block* to = nullptr;
    if (self.scheduled) {
        if (how.error) {
            report_unraisable(thread, std::move(how.error), self);
        }
        self.state.store(greenlet_state::dead, std::memory_order_relaxed);
        thread.transfer = nullptr;
        to = &thread.loop->successor();
    } else {
        to = self.parent;
        if (!how.error && to->state.load(std::memory_order_relaxed) == greenlet_state::suspended)
            [[likely]] {
            thread.transfer = how.result.empty() ? nullptr : &how.result;
        } else {
            // Dead only afterwards: delivering may destroy the function of an unstarted ancestor,
            // whose captures may switch, and whoever switches away is alive.
            to = &deliver(thread, self, to, how);
        }
        self.state.store(greenlet_state::dead, std::memory_order_relaxed);
    }
    thread.departed = &self;
    thread.on_arrival |= bury_predecessor;
    to->state.store(greenlet_state::running, std::memory_order_relaxed);
    thread.current = to;
    ++thread.switches;
    jump_for_good(self.machine, to->machine, *thread.live_exceptions, sanitizer_of(*to));
}

// DOC: trampoline
TENDRIL_NEVER_LEFT void trampoline(arrival from) {
    note_departure(from);
    thread_record& thread = *this_thread_record;
    control_block& self = *thread.current;
    sanitizer::arrive(sanitizer_of(self));
    ending how{.error = nullptr, .result = call_body(thread, self, how.error)};
    let_go(thread, self);
    finish(thread, self, how);
}
// DOC-END: trampoline

// Gives an unstarted greenlet a stack on which a jump to it begins.
TENDRIL_ALWAYS_INLINE void start(thread_record& thread, control_block& block) {
    block.memory = &thread.stacks.acquire_of_class(block.stack_class);
    prepare(block.machine, *block.memory, &trampoline);
    block.started.store(true, std::memory_order_relaxed);
    block.state.store(greenlet_state::suspended, std::memory_order_relaxed);
    ++thread.started;
}

// Who holds the only handle shares the count with nobody, and needs no locked instruction.
TENDRIL_ALWAYS_INLINE void drop_one_of_the_loop(control_block& dead) noexcept {
    if (dead.handles.load(std::memory_order_acquire) == 1) {
        dead.handles.store(0, std::memory_order_relaxed);
    } else {
        dead.handles.fetch_sub(1, std::memory_order_acq_rel);
    }
}

TENDRIL_ALWAYS_INLINE void bury(thread_record& thread, control_block& dead) noexcept {
    thread.stacks.release(*std::exchange(dead.memory, nullptr));
    if (dead.held_by_loop) {
        dead.held_by_loop = false;
        drop_one_of_the_loop(dead);
    }
    if (references(dead) == 0) {
        free_unreferenced(thread, dead);
    }
}

// The one who left, kept alive until the tracer has been told of it.
control_block* retain_origin(thread_record& thread) noexcept {
    control_block* const origin = std::exchange(thread.trace->latest, thread.current);
    retain(*origin);
    return origin;
}

// Whether the hub will run it, now or some time, and nobody else may.
bool is_in_the_hub(control_block const& block) noexcept {
    greenlet_state const state = block.state.load(std::memory_order_relaxed);
    return state == greenlet_state::parked || state == greenlet_state::ready ||
        (state == greenlet_state::unstarted && block.scheduled);
}

}  // namespace

control_block& deliver(
    thread_record& thread, control_block const& sender, control_block* ancestor, ending& sent) {
    for (;; ancestor = ancestor->parent) {
        TENDRIL_ASSERT(ancestor != nullptr, "the main greenlet of a living thread is alive");
        greenlet_state const state = ancestor->state.load(std::memory_order_relaxed);
        if (is_in_the_hub(*ancestor)) {
            // It waits for something else, and the hub has promised it exactly one answer.
            if (sent.error) {
                report_unraisable(thread, std::exchange(sent.error, nullptr), sender);
            }
            sent.result = value{};
            if (thread.loop == nullptr) {
                // The hub has closed without it.
                continue;
            }
            thread.transfer = nullptr;
            return thread.loop->successor();
        }
        if (state == greenlet_state::unstarted) {
            if (sent.error) {
                abandon(*ancestor, sent.error);
                continue;
            }
            try {
                start_on_new_stack(thread, *ancestor);
            } catch (...) {
                sent.error = std::current_exception();
                sent.result = value{};
                continue;
            }
        }
        if (state != greenlet_state::dead) {
            break;
        }
    }
    thread.transfer = sent.error || sent.result.empty() ? nullptr : &sent.result;
    if (sent.error) {
        thread.raising = std::move(sent.error);
        thread.on_arrival |= raise_error;
    }
    return *ancestor;
}

bool is_exit(std::exception_ptr const& error) noexcept {
    try {
        std::rethrow_exception(error);
    } catch (greenlet_exit const&) {
        return true;
    } catch (...) {
        return false;
    }
}

TENDRIL_COLD void do_rare_duties(thread_record& thread) {
    // All is taken out of the record first: ending an orphan and tracing may switch.
    std::uint32_t const duties = std::exchange(
        thread.on_arrival, thread.on_arrival & trace_arrival);
    std::exception_ptr const error = std::exchange(thread.raising, nullptr);
    control_block* orphan = std::exchange(thread.orphan, nullptr);
    control_block* const origin = (duties & trace_arrival) != 0 ? retain_origin(thread) : nullptr;
    if ((duties & bury_predecessor) != 0) {
        control_block& dead = *std::exchange(thread.departed, nullptr);
        if (orphan == &dead) {
            orphan = nullptr;
        }
        bury(thread, dead);
    }
    if (origin != nullptr) {
        tell_tracer(thread, *origin, (duties & raise_error) != 0);
        origin->handles.fetch_sub(1, std::memory_order_acq_rel);
        if (references(*origin) == 0 && origin != orphan) {
            settle_unreferenced(thread, *origin);
        }
    }
    if (orphan != nullptr && references(*orphan) == 0) {
        settle_unreferenced(thread, *orphan);
    }
    if ((duties & raise_error) != 0) {
        std::rethrow_exception(error);
    }
}

void do_arrival_duties(thread_record& thread) {
    if (thread.on_arrival == bury_predecessor) [[likely]] {
        thread.on_arrival = 0;
        bury(thread, *std::exchange(thread.departed, nullptr));
        return;
    }
    do_rare_duties(thread);
}

// The slow half of `switch_by_hand`: whoever is wanted is not simply suspended. Returns whom to
// continue, suspended, or null when that is the running greenlet itself.
control_block* resolve_target(thread_record& thread, control_block* wanted) {
    TENDRIL_REQUIRE(wanted != nullptr, "switch_to() on an empty handle: it names no greenlet");
    for (;; wanted = wanted->parent) {
        TENDRIL_REQUIRE_AS(
            wrong_thread, wanted->thread == &thread,
            wanted->thread->ended
                ? "this greenlet's thread has ended, and the greenlet with it"
                : "switch from another thread: a greenlet runs only on the thread that made it; "
                  "to wake it from here, post to its hub");
        switch (wanted->state.load(std::memory_order_relaxed)) {
        case greenlet_state::suspended:
            return wanted;
        case greenlet_state::running:
            return nullptr;
        case greenlet_state::dead:
            continue;
        case greenlet_state::unstarted:
            TENDRIL_REQUIRE(
                !wanted->scheduled,
                "this greenlet was spawned, so the hub starts it: wait for it with join() or "
                "get() instead of switching to it");
            start(thread, *wanted);
            return wanted;
        case greenlet_state::parked:
        case greenlet_state::ready:
            throw_misuse<misuse>(
                "this greenlet waits in the hub, which has promised it exactly one answer: wake it "
                "through what it waits for, or end it with kill()");
        }
    }
}

}  // namespace detail

void start_on_new_stack(thread_record& thread, control_block& block) {
    TENDRIL_ASSERT(
        block.state == greenlet_state::unstarted && block.memory == nullptr,
        "a greenlet gets one stack, before its first turn");
    detail::start(thread, block);
}

void abandon(control_block& block, std::exception_ptr reason) noexcept {
    block.state.store(greenlet_state::dead, std::memory_order_relaxed);
    if (greenlet_body* const body = std::exchange(block.body, nullptr)) {
        body->abandon(std::move(reason));
        body->dispose();
    }
    detail::destroy_locals(block);
}

}  // namespace tendril
