// SPDX-License-Identifier: BSL-1.0
#pragma once

// The tree behind cancel scopes and task groups.
//
// Every scope that a greenlet has entered is a node, and hangs under the one it was entered in. The
// first node of a child of a task group hangs under the group's. Cancelling a node cancels what
// hangs under it, down to nodes that are shields; so whether a greenlet is cancelled can be read by
// walking up from its innermost node.
//
// Of each greenlet only the innermost node is an interruption that may be pending, for whichever
// node further up was cancelled. It is requested again whenever it is delivered: every park within
// a cancelled scope ends, until the scope is left.
//
// Read next: cancel_scope.hpp, task_group.hpp.

#include <tendril/greenlet/control_block.hpp>
#include <tendril/hub/cancellation.hpp>
#include <tendril/support/intrusive_list.hpp>

#include <cstdint>

namespace tendril {

/// What a cancelled scope throws into those within it. It is a `cancelled`, so code that lets that
/// pass, or cleans up and rethrows it, is right for both. Its scope absorbs it.
class scope_cancelled final : public cancelled {
public:
    /// Carries what `cancel` was given as reason. Switches: never.
    explicit scope_cancelled(char const* reason) noexcept : reason_{reason} {}

    /// Why the scope was cancelled, in words; never null. Switches: never.
    char const* reason() const noexcept { return reason_; }

private:
    char const* reason_;
};

namespace detail {

class cancel_node final : public list_hook<>, private interruption {
public:
    /// Makes a node outside the tree. Switches: never.
    cancel_node() noexcept : interruption{rank::scope} {}
    /// Takes it out of the tree. What hangs under it hangs under its parent then. Switches: never.
    ~cancel_node();

    /// Hangs it under the innermost node of the running greenlet, if there is one, without making
    /// it that. Requires: not in the tree. Switches: never.
    void hang_here() noexcept;

    /// Makes it the innermost node of the running greenlet, under the one that was, or, for the
    /// first of a greenlet, under `above`. Requires: not in the tree, or hung here.
    /// Switches: never.
    void enter(cancel_node* above = nullptr) noexcept;

    /// Undoes `enter`. What hangs under it still hangs under its parent then. Requires: it is the
    /// innermost node of the running greenlet.
    /// Switches: never.
    void leave() noexcept;

    /// Says whether it was cancelled, itself. Switches: never.
    bool was_cancelled() const noexcept { return reason_ != nullptr; }

    /// Says whether a node above it is cancelled, and no shield between. Switches: never.
    bool cancelled_from_above() const noexcept;

    /// Cancels all that hangs under it. A second call changes nothing. Switches: never.
    /// Thread: its own.
    void cancel(char const* reason) noexcept;

    /// Says whether it holds back what comes from above. Switches: never.
    bool is_shield() const noexcept { return is_shield_; }

    /// Makes it a shield, or none any more; takes effect at once. Switches: never.
    /// Thread: its own.
    void set_shield(bool raised) noexcept;

    /// Says whether the timeout of this number was made outside and thrown into the greenlet within
    /// this node, no other since. Requires: it is the innermost. Switches: never.
    bool was_timed_out_from_outside(std::uint64_t number) const noexcept {
        return number == note_.last_timeout && number < own_depth_;
    }

    /// How deep it is: see `next_scope_depth`. Zero before it is entered. Switches: never.
    std::uint64_t depth() const noexcept { return own_depth_; }

private:
    [[noreturn]] void raise() override;
    bool is_innermost() const noexcept;
    cancel_node const* cause() const noexcept;
    void note_shield() noexcept;
    void refresh() noexcept;
    void refresh_all() noexcept;
    cancel_node* next_below(cancel_node const& top) noexcept;
    void stand_down() noexcept { withdraw(*greenlet_, *this); }
    void hand_children_over() noexcept;

    // The note of a greenlet whose innermost node this is.
    struct scope_note final : greenlet_note {
        cancel_node* innermost = nullptr;
    };
    static cancel_node* innermost_of(control_block const& block) noexcept;

    control_block* greenlet_ = nullptr;
    cancel_node* parent_ = nullptr;
    intrusive_list<cancel_node> children_;
    std::uint64_t own_depth_ = 0;
    char const* reason_ = nullptr;
    bool is_shield_ = false;
    greenlet_note* outer_note_ = nullptr;
    scope_note note_;
};

}  // namespace detail
}  // namespace tendril
