// SPDX-License-Identifier: BSL-1.0
//
// What is pending for a greenlet stands in one word of its control block: a list of interruptions,
// in the lowest bit whether an exit is insisted on, in the next one whether nothing is delivered
// any more, and in the third whether the hub's `ready_order` is asked for switches. A zero word,
// the usual case, is all that a function which may park has to look at.
//
// Invariants:
// 1. The list is ordered by rank, then by age for edges and by depth for scopes.
// 2. An interruption is in the list exactly while it is `pending`.
#include "pending_list.hpp"

#include <tendril/greenlet/greenlet_exit.hpp>
#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/hub/waiter.hpp>
#include <tendril/support/assert.hpp>

#include <utility>

namespace tendril {

bool pending_list::wants_exit() const noexcept { return (block_.pending & exit_bit) != 0; }

void pending_list::want_exit(bool wanted) noexcept {
    block_.pending = wanted ? block_.pending | exit_bit : block_.pending & ~exit_bit;
}

interruption* pending_list::first() const noexcept {
    return reinterpret_cast<interruption*>(block_.pending & ~flags);
}

void pending_list::set_first(interruption* first) noexcept {
    block_.pending = reinterpret_cast<std::uintptr_t>(first) | (block_.pending & flags);
}

bool pending_list::goes_before(interruption const& added, interruption const& present) noexcept {
    if (added.rank_ != present.rank_) {
        return added.rank_ < present.rank_;
    }
    return added.rank_ == interruption::rank::scope && added.depth_ > present.depth_;
}

void pending_list::add(interruption& added) noexcept {
    TENDRIL_ASSERT(!added.pending_, "cancellation invariant 2");
    interruption* before = nullptr;
    interruption* after = first();
    while (after != nullptr && !goes_before(added, *after)) {
        before = std::exchange(after, after->next_);
    }
    added.pending_ = true;
    added.next_ = after;
    if (before == nullptr) {
        set_first(&added);
    } else {
        before->next_ = &added;
    }
}

void pending_list::remove(interruption& removed) noexcept {
    interruption* before = nullptr;
    interruption* at = first();
    while (at != &removed) {
        before = std::exchange(at, at->next_);
    }
    if (before == nullptr) {
        set_first(removed.next_);
    } else {
        before->next_ = removed.next_;
    }
    removed.next_ = nullptr;
    removed.pending_ = false;
}

// Edges come from outside, and so does what is less deep than the shield.
interruption* pending_list::first_inside_shield() const noexcept {
    std::uint64_t const shield = shield_depth();
    interruption* found = first();
    if (shield > 0) {
        while (found != nullptr && found->rank_ == interruption::rank::edge) {
            found = found->next_;
        }
        if (found != nullptr && found->depth_ < shield) {
            return nullptr;
        }
    }
    return found;
}

bool pending_list::has_deliverable() const noexcept {
    return !sealed() && (exits_now() || first_inside_shield() != nullptr);
}

interruption* pending_list::take_first() noexcept {
    interruption* const taken = exits_now() ? nullptr : first_inside_shield();
    if (taken != nullptr) {
        remove(*taken);
    }
    return taken;
}

void raise(interruption& delivered) {
    delivered.raise();
    __builtin_unreachable();
}

std::uint64_t next_scope_depth() noexcept {
    static thread_local std::uint64_t last = 0;
    return ++last;
}

void interruption::set_depth(std::uint64_t depth) noexcept {
    TENDRIL_ASSERT(!pending_, "cancellation invariant 1");
    depth_ = depth;
}

void request(control_block& target, interruption& wish) noexcept {
    pending_list{target}.add(wish);
    interrupt_park(target);
}

void withdraw(control_block& target, interruption& wish) noexcept {
    if (wish.pending()) {
        pending_list{target}.remove(wish);
    }
}

void request_exit(control_block& target) noexcept {
    if (target.exits_delivered < pending_list::exit_attempts) {
        pending_list{target}.want_exit(true);
        interrupt_park(target);
    }
}

bool exit_requested(control_block const& target) noexcept {
    return (target.pending & pending_list::exit_bit) != 0;
}

void seal_interruptions(control_block& ending) noexcept { pending_list{ending}.seal(); }

interruption_shield::interruption_shield() noexcept
    : block_{*this_thread().current},
      was_raised_{pending_list{block_}.sealed()} {
    pending_list{block_}.seal();
}

interruption_shield::~interruption_shield() {
    if (!was_raised_) {
        pending_list{block_}.unseal();
    }
}

void interrupt_park(control_block& target) noexcept {
    if (target.state == greenlet_state::parked && target.parked_on != nullptr) {
        static_cast<waiter*>(target.parked_on)->interrupt();
    }
}

void hub::pass_checkpoint() noexcept {
    if (ready_order* const order = ready_.order(); order != nullptr && may_park()) {
        order->pass_checkpoint();
    }
}

// The caller keeps its place in the queue: for whoever has yielded to it, it has not run yet.
void hub::offer_switch() {
    ready_order* const order = ready_.order();
    bool const possible = order != nullptr && !ready_.empty() && stage_ != stage::forked &&
        may_park();
    if (possible && order->switches_now()) {
        control_block& self = *thread_.current;
        void* const mark = std::exchange(self.parked_on, this);
        ready_.put_back(self);
        int const share_left = share_left_;
        leave(greenlet_state::ready, jump_and_return);
        share_left_ = share_left;
        self.parked_on = mark;
    }
}

namespace detail {

void deliver_exit(control_block& self) {
    if (self.exits_delivered >= pending_list::exit_attempts) {
        pending_list{self}.want_exit(false);
        report_unraisable(
            *self.thread,
            std::make_exception_ptr(misuse{
                "a greenlet swallowed greenlet_exit again and again, so it is left alive: let a "
                "catch (...) rethrow what it caught"}),
            self);
        return;
    }
    ++self.exits_delivered;
    throw greenlet_exit{};
}

void look_at_pending(control_block& self) {
    hub* const here = hub::of(*self.thread);
    if (here != nullptr && pending_list{self}.asks_to_switch()) {
        here->offer_switch();
    }
    deliver_pending(self);
}

void deliver_pending(control_block& self) {
    pending_list list{self};
    hub* const here = hub::of(*self.thread);
    if (here != nullptr && list.asks_to_switch()) {
        here->pass_checkpoint();
    }
    if (self.thread->live_exceptions->uncaught > 0 || list.sealed()) {
        return;
    }
    if (list.exits_now()) {
        deliver_exit(self);
    }
    if (interruption* const next = list.take_first()) {
        raise(*next);
    }
}

}  // namespace detail
}  // namespace tendril
