// SPDX-License-Identifier: BSL-1.0
//
// Invariants:
// 1. A node is in its parent's list of children exactly while it has a parent.
// 2. Of the nodes of one greenlet the innermost alone is ever pending; it is so, or is on its way
//    out as an exception, exactly while it has a cause.
// 3. The shield depth of a greenlet is the depth of its innermost shield, or zero.
#include <tendril/greenlet/thread_record.hpp>
#include <tendril/scope/cancel_node.hpp>
#include <tendril/support/assert.hpp>

#include <iterator>
#include <utility>

namespace tendril::detail {

cancel_node::~cancel_node() { hand_children_over(); }

// A group that is kept may outlive the scope in which it was made. It hangs one further out from
// then on, and stays cancelled.
void cancel_node::hand_children_over() noexcept {
    while (cancel_node* const each = children_.pop_front()) {
        each->parent_ = parent_;
        if (parent_ != nullptr) {
            parent_->children_.push_back(*each);
        }
        if (was_cancelled() && !each->is_shield_) {
            each->cancel(reason_);
        } else if (is_shield_) {
            each->refresh_all();
        }
    }
}

// The nodes of this floor are the only ones that give notes to greenlets.
cancel_node* cancel_node::innermost_of(control_block const& block) noexcept {
    greenlet_note* const note = note_of(block);
    return note == nullptr ? nullptr : static_cast<scope_note*>(note)->innermost;
}

bool cancel_node::is_innermost() const noexcept {
    return greenlet_ != nullptr && note_of(*greenlet_) == &note_;
}

void cancel_node::hang_here() noexcept {
    TENDRIL_ASSERT(parent_ == nullptr, "cancel tree invariant 1");
    parent_ = innermost_of(*this_thread().current);
    if (parent_ != nullptr) {
        parent_->children_.push_back(*this);
    }
}

void cancel_node::enter(cancel_node* above) noexcept {
    control_block& self = *this_thread().current;
    cancel_node* const outer = innermost_of(self);
    if (parent_ == nullptr) {
        parent_ = outer != nullptr ? outer : above;
        if (parent_ != nullptr) {
            parent_->children_.push_back(*this);
        }
    }
    if (outer != nullptr) {
        outer->stand_down();
    }
    greenlet_ = &self;
    own_depth_ = next_scope_depth();
    note_.innermost = this;
    note_.last_timeout = 0;
    outer_note_ = set_note(self, &note_);
    note_shield();
    refresh();
}

void cancel_node::leave() noexcept {
    TENDRIL_ASSERT(is_innermost(), "scopes end in the reverse order in which they began");
    stand_down();
    control_block& self = *std::exchange(greenlet_, nullptr);
    set_note(self, outer_note_);
    if (outer_note_ != nullptr && note_.last_timeout != 0) {
        outer_note_->last_timeout = note_.last_timeout;
    }
    hand_children_over();
    unlink();
    parent_ = nullptr;
    if (cancel_node* const outer = innermost_of(self)) {
        outer->refresh();
    }
}

// DOC: cause
// The nearest cancelled node from here up to the first shield.
cancel_node const* cancel_node::cause() const noexcept {
    for (cancel_node const* each = this; each != nullptr; each = each->parent_) {
        if (each->was_cancelled()) {
            return each;
        }
        if (each->is_shield_) {
            return nullptr;
        }
    }
    return nullptr;
}
// DOC-END: cause

bool cancel_node::cancelled_from_above() const noexcept {
    return !is_shield_ && parent_ != nullptr && parent_->cause() != nullptr;
}

void cancel_node::cancel(char const* reason) noexcept {
    if (!was_cancelled()) {
        reason_ = reason;
        refresh_all();
    }
}

void cancel_node::set_shield(bool raised) noexcept {
    if (std::exchange(is_shield_, raised) != raised) {
        refresh_all();
    }
}

// The nodes of a greenlet come from the outside in, so a shield is noted before it is asked for.
// No recursion: groups may stand in groups deeper than the stack of whoever cancels.
void cancel_node::refresh_all() noexcept {
    for (cancel_node* at = this; at != nullptr; at = at->next_below(*this)) {
        if (at->greenlet_ != nullptr) {
            at->note_shield();
        }
        if (at->is_innermost()) {
            at->refresh();
        }
    }
}

// The node after this one in a walk of all that hangs under `top`, from the top down, or null.
cancel_node* cancel_node::next_below(cancel_node const& top) noexcept {
    if (!children_.empty()) {
        return &children_.front();
    }
    for (cancel_node* at = this; at != &top; at = at->parent_) {
        auto const next = std::next(intrusive_list<cancel_node>::iterator{at});
        if (next != at->parent_->children_.end()) {
            return &*next;
        }
    }
    return nullptr;
}

void cancel_node::note_shield() noexcept {
    std::uint64_t const outer_shield = outer_note_ == nullptr ? 0 : outer_note_->shield_depth;
    note_.shield_depth = is_shield_ ? own_depth_ : outer_shield;
}

void cancel_node::refresh() noexcept {
    stand_down();
    if (cancel_node const* const cancelled_one = cause()) {
        set_depth(cancelled_one->own_depth_);
        request(*greenlet_, *this);
    } else {
        // A shield that has gone may let others through.
        interrupt_park(*greenlet_);
    }
}

// DOC: raise_again
void cancel_node::raise() {
    cancel_node const* const cancelled_one = cause();
    if (is_innermost() && !pending() && cancelled_one != nullptr) {
        request(*greenlet_, *this);
    }
    throw scope_cancelled{cancelled_one == nullptr ? "" : cancelled_one->reason_};
}
// DOC-END: raise_again

}  // namespace tendril::detail
