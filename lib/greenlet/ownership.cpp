// SPDX-License-Identifier: BSL-1.0
//
// What happens when nobody refers to a greenlet any more.
//
// A stack with frames on it cannot simply be freed: the objects in those frames have destructors.
// So the greenlet is continued once more, with `greenlet_exit` thrown at the place where it was
// suspended; it unwinds, its function ends, and it is dead in the ordinary way. While that goes on
// its parent is the one who dropped the handle, so that control comes back there.
#include "trampoline.hpp"

#include <tendril/greenlet/greenlet_exit.hpp>
#include <tendril/greenlet/greenlet_local.hpp>
#include <tendril/greenlet/scheduler.hpp>
#include <tendril/greenlet/switch.hpp>
#include <tendril/support/assert.hpp>

#include <exception>
#include <mutex>
#include <new>
#include <utility>

namespace tendril {
namespace detail {
namespace {

// Frees a block whose thread is over. Nothing runs there any more, so its greenlets are dead, or
// never started, or refused to die; the last kind is leaked.
void free_after_end(thread_record& owner, control_block* block) noexcept {
    {
        std::lock_guard const lock{owner.foreign};
        block->handles.store(0, std::memory_order_relaxed);
        if (block->children != 0) {
            // Whoever frees the last of them frees it.
            return;
        }
    }
    while (block != nullptr) {
        greenlet_state const state = block->state.load(std::memory_order_relaxed);
        if (state != greenlet_state::dead && state != greenlet_state::unstarted) {
            return;
        }
        if (greenlet_body* const body = std::exchange(block->body, nullptr)) {
            body->dispose();
        }
        destroy_locals(*block);
        // Outside the lock: the set may hold handles of the same thread.
        if (context_values* const context = std::exchange(block->context, nullptr)) {
            drop(*context);
        }
        control_block* const parent = block->parent;
        bool last_of_all = false;
        bool freed_too = false;
        {
            std::lock_guard const lock{owner.foreign};
            owner.blocks.destroy(*block);
            last_of_all = owner.blocks.live() == 0;
            freed_too = parent != nullptr && --parent->children == 0 && references(*parent) == 0;
        }
        if (last_of_all) {
            delete &owner;
            return;
        }
        block = freed_too ? parent : nullptr;
    }
}

// Hands the last handle over to the owner thread.
TENDRIL_COLD void leave_to_owner(control_block& block) noexcept {
    thread_record& owner = *block.thread;
    {
        std::lock_guard const lock{owner.foreign};
        if (!owner.ended) {
            block.next_foreign = std::exchange(owner.visitors, &block);
            owner.has_visitors = true;
            if (owner.loop_to_notify != nullptr) {
                owner.loop_to_notify->notice_visitor();
            }
            return;
        }
    }
    free_after_end(owner, &block);
}

// Says whether it has not begun, or has ended and is buried.
bool has_no_frames(control_block const& block) noexcept {
    greenlet_state const state = block.state.load(std::memory_order_relaxed);
    return block.memory == nullptr &&
        (state == greenlet_state::unstarted || state == greenlet_state::dead);
}

// Continues the victim once, with an exit where one may be thrown.
void deliver_exit(thread_record& thread, control_block& victim) noexcept {
    thread.transfer = nullptr;
    // A destructor that runs because of an exception must not be thrown into: that would stop the
    // program. Whoever waits there is only continued, and gets the exit where it waits next.
    if (victim.machine.exceptions.uncaught == 0) {
        thread.raising = std::make_exception_ptr(greenlet_exit{});
        thread.on_arrival |= raise_error;
    }
    try {
        switch_stacks(thread, victim, greenlet_state::suspended);
        static_cast<void>(receive(thread));
    } catch (...) {
        // The victim turned the exit into another error. Destructors do not throw.
        report_unraisable(thread, std::current_exception(), victim);
    }
}

// The report about a greenlet that refuses to die; without memory for it, that is the report.
std::exception_ptr refusal() noexcept {
    try {
        return std::make_exception_ptr(misuse{
            "a greenlet swallowed greenlet_exit again and again; it is left suspended and its "
            "stack stays allocated: let a catch (...) rethrow what it caught"});
    } catch (std::bad_alloc const&) {
        return std::current_exception();
    }
}

}  // namespace

void drop_last_handle(control_block& block) noexcept {
    thread_record* const thread = this_thread_record;
    if (block.thread != thread) [[unlikely]] {
        leave_to_owner(block);
        return;
    }
    block.handles.store(0, std::memory_order_relaxed);
    if (block.children != 0) [[unlikely]] {
        return;
    }
    bool const is_dead = block.state.load(std::memory_order_relaxed) == greenlet_state::dead;
    if (is_dead && block.memory == nullptr) [[likely]] {
        free_unreferenced(*thread, block);
    } else {
        settle_unreferenced(*thread, block);
    }
}

void settle_childless(control_block& block) noexcept { settle_unreferenced(*block.thread, block); }

void settle_unreferenced(thread_record& thread, control_block& block) noexcept {
    switch (block.state.load(std::memory_order_relaxed)) {
    case greenlet_state::dead:
    case greenlet_state::unstarted:
        // While its stack is not buried yet, the burial frees the block.
        if (has_no_frames(block)) {
            free_unreferenced(thread, block);
        }
        return;
    case greenlet_state::running:
        thread.orphan = &block;
        thread.on_arrival |= end_orphan;
        return;
    case greenlet_state::suspended:
        block.handles.store(1, std::memory_order_relaxed);
        if (end_by_exit(thread, block)) {
            release(block);
        }
        return;
    case greenlet_state::parked:
    case greenlet_state::ready:
        thread.loop->adopt(block);
        return;
    }
}

// Frees what an unstarted greenlet has kept for its first turn. A dead one has nothing left.
TENDRIL_COLD void free_contents(control_block& block) noexcept {
    if (greenlet_body* const body = std::exchange(block.body, nullptr)) {
        body->dispose();
    }
    destroy_locals(block);
}

// Frees a parent that nobody refers to any more, and its ancestors of whom the same is then true.
TENDRIL_COLD void free_ancestors(thread_record& thread, control_block* freed) noexcept {
    // A loop and not a recursion: a chain of parents may be long.
    while (freed != nullptr && references(*freed) == 0) {
        if (!has_no_frames(*freed)) {
            settle_unreferenced(thread, *freed);
            return;
        }
        free_contents(*freed);
        control_block* const parent = freed->parent;
        thread.blocks.destroy(*freed);
        freed = parent;
        if (freed != nullptr) {
            --freed->children;
        }
    }
}

void free_unreferenced(thread_record& thread, control_block& block) noexcept {
    if (block.body != nullptr || block.locals != nullptr) [[unlikely]] {
        free_contents(block);
    }
    control_block& parent = *block.parent;
    thread.blocks.destroy(block);
    --parent.children;
    if (references(parent) == 0) [[unlikely]] {
        free_ancestors(thread, &parent);
    }
}

bool end_by_exit(thread_record& thread, control_block& victim) noexcept {
    // Only the caller's handle: the victim lives on if it makes another one to itself.
    bool const was_dropped = references(victim) == 1;
    auto const lives_on = [&] { return was_dropped && references(victim) > 1; };
    retain_parent(*thread.current);
    control_block* const parent = std::exchange(victim.parent, thread.current);
    for (int attempt = 0; attempt < exit_attempts; ++attempt) {
        deliver_exit(thread, victim);
        if (victim.state != greenlet_state::suspended || lives_on()) {
            break;
        }
    }
    release_parent(*std::exchange(victim.parent, parent));
    bool const refused = victim.state == greenlet_state::suspended && !lives_on();
    if (refused) {
        report_unraisable(thread, refusal(), victim);
    }
    return !refused;
}

void receive_present_visitors(thread_record& record) noexcept {
    control_block* visitor = nullptr;
    {
        std::lock_guard const lock{record.foreign};
        visitor = std::exchange(record.visitors, nullptr);
        record.has_visitors = false;
    }
    while (visitor != nullptr) {
        control_block& block = *visitor;
        visitor = std::exchange(block.next_foreign, nullptr);
        block.handles.fetch_sub(1, std::memory_order_acq_rel);
        if (references(block) == 0) {
            settle_unreferenced(record, block);
        }
    }
}

}  // namespace detail

void end_suspended(thread_record& record, loop_at_end its_loop) noexcept {
    auto const is_spared = [&](control_block const& block) {
        // The loop may come up on the way, for one that waits while it is ended.
        return its_loop == loop_at_end::spared && record.loop != nullptr &&
            &block == &record.loop->loop_greenlet();
    };
    record.blocks.for_each([&](control_block& block) {
        bool const suspended = block.state == greenlet_state::suspended;
        if (suspended && &block != record.main && !is_spared(block)) {
            retain(block);
            if (detail::end_by_exit(record, block)) {
                release(block);
            }
        }
    });
}

}  // namespace tendril
