// SPDX-License-Identifier: BSL-1.0
#include "trampoline.hpp"

#include <tendril/greenlet/greenlet.hpp>
#include <tendril/greenlet/scheduler.hpp>
#include <tendril/greenlet/switch.hpp>
#include <tendril/support/scope_exit.hpp>

#include <memory>
#include <ostream>
#include <utility>

namespace tendril {

using detail::on_another_thread;

namespace {

// Throws into a greenlet that never ran: it is dead at once, and its ancestors receive the error.
value throw_into_unstarted(
    thread_record& thread, control_block& victim, std::exception_ptr const& error) {
    retain(victim);
    scope_exit const drop{[&] { release(victim); }};
    abandon(victim, error);
    detail::ending sent;
    if (detail::is_exit(error)) {
        sent.result = value{greenlet_exit{}};
    } else {
        sent.error = error;
    }
    control_block& receiver = detail::deliver(thread, victim, victim.parent, sent);
    if (&receiver != thread.current) {
        switch_stacks(thread, receiver, greenlet_state::suspended);
    }
    return receive(thread);
}

value throw_into_suspended(
    thread_record& thread, control_block& target, std::exception_ptr const& error) {
    thread.transfer = nullptr;
    thread.raising = error;
    thread.on_arrival |= raise_error;
    switch_stacks(thread, target, greenlet_state::suspended);
    return receive(thread);
}

bool is_ancestor_or_self(control_block const& candidate, control_block const* of) noexcept {
    for (; of != nullptr; of = of->parent) {
        if (of == &candidate) {
            return true;
        }
    }
    return false;
}

}  // namespace

value greenlet_ref::throw_into(std::exception_ptr error) const {
    thread_record& thread = this_thread();
    TENDRIL_REQUIRE(block_ != nullptr, "throw_into() on an empty handle: it names no greenlet");
    TENDRIL_REQUIRE(error != nullptr, "throw_into() needs an exception, not a null pointer");
    for (control_block* target = block_;; target = target->parent) {
        TENDRIL_REQUIRE_AS(wrong_thread, target->thread == &thread, on_another_thread);
        switch (target->state.load(std::memory_order_relaxed)) {
        case greenlet_state::running:
            std::rethrow_exception(error);
        case greenlet_state::suspended:
            return throw_into_suspended(thread, *target, error);
        case greenlet_state::unstarted:
            TENDRIL_REQUIRE(
                !target->scheduled, "this greenlet was spawned, so the hub ends it: use kill()");
            return throw_into_unstarted(thread, *target, error);
        case greenlet_state::dead:
            if (detail::is_exit(error)) {
                return value{greenlet_exit{}};
            }
            continue;
        case greenlet_state::parked:
        case greenlet_state::ready:
            detail::throw_misuse<misuse>(
                "this greenlet waits in the hub, which has promised it exactly one answer: end it "
                "with kill()");
        }
    }
}

bool greenlet_ref::dead() const noexcept {
    return block_ != nullptr &&
        (block_->thread->ended || block_->state.load() == greenlet_state::dead);
}

greenlet_ref greenlet_ref::parent() const {
    TENDRIL_REQUIRE(block_ != nullptr, "parent() of an empty handle: it names no greenlet");
    return block_->parent == nullptr ? greenlet_ref{} : greenlet_ref{*block_->parent};
}

void greenlet_ref::set_parent(greenlet_ref const& parent) const {
    control_block* const wanted = parent.block();
    TENDRIL_REQUIRE(
        block_ != nullptr && wanted != nullptr,
        "set_parent() needs two handles that name greenlets");
    TENDRIL_REQUIRE_AS(
        wrong_thread, block_->thread == &this_thread() && wanted->thread == block_->thread,
        on_another_thread);
    TENDRIL_REQUIRE(
        block_->parent != nullptr, "the main greenlet of a thread has no parent and gets none");
    TENDRIL_REQUIRE(
        !block_->parent_is_lent,
        "a generator and a typed_greenlet answer whoever asks, so their parent cannot be set");
    TENDRIL_REQUIRE(
        !is_ancestor_or_self(*block_, wanted),
        "a greenlet cannot be its own ancestor: the new parent descends from it");
    retain_parent(*wanted);
    release_parent(*std::exchange(block_->parent, wanted));
}

std::ostream& operator<<(std::ostream& out, greenlet_ref const& printed) {
    control_block const* const block = printed.block();
    if (block == nullptr) {
        return out << "no greenlet";
    }
    out << "greenlet " << block->id;
    if (char const* const name = name_of(*block)) {
        out << " '" << name << '\'';
    }
    return out << ' ' << (printed.dead() ? "dead" : to_string(block->state));
}

}  // namespace tendril
