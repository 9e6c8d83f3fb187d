// SPDX-License-Identifier: BSL-1.0
#pragma once

// The word of a control block that says what is pending for the greenlet; see cancellation.cpp.

#include <tendril/greenlet/control_block.hpp>
#include <tendril/hub/cancellation.hpp>

#include <cstdint>

namespace tendril {

class pending_list {
public:
    static constexpr std::uintptr_t exit_bit = 1;
    static constexpr std::uintptr_t sealed_bit = 2;
    static constexpr std::uintptr_t switch_bit = 4;
    static constexpr std::uintptr_t flags = exit_bit | sealed_bit | switch_bit;
    /// How often an exit is thrown into a greenlet that swallows it.
    static constexpr int exit_attempts = 8;

    explicit pending_list(control_block& block) noexcept : block_{block} {}

    bool wants_exit() const noexcept;
    void want_exit(bool wanted) noexcept;
    /// Says whether nothing is delivered any more.
    bool sealed() const noexcept { return (block_.pending & sealed_bit) != 0; }
    void seal() noexcept { block_.pending |= sealed_bit; }
    void unseal() noexcept { block_.pending &= ~sealed_bit; }
    /// Says whether a `ready_order` is asked at every call that may park whether to switch there.
    bool asks_to_switch() const noexcept { return (block_.pending & switch_bit) != 0; }
    void ask_to_switch(bool asks) noexcept {
        block_.pending = asks ? block_.pending | switch_bit : block_.pending & ~switch_bit;
    }
    void add(interruption& added) noexcept;
    void remove(interruption& removed) noexcept;
    /// Says whether something may be delivered, now that it does not unwind.
    bool has_deliverable() const noexcept;
    /// Takes out what is delivered next; null when that is an exit, or nothing.
    interruption* take_first() noexcept;
    /// Says whether an exit is wanted and no shield holds it back.
    bool exits_now() const noexcept { return wants_exit() && shield_depth() == 0; }

private:
    static bool goes_before(interruption const& added, interruption const& present) noexcept;
    std::uint64_t shield_depth() const noexcept {
        greenlet_note const* const note = note_of(block_);
        return note == nullptr ? 0 : note->shield_depth;
    }
    interruption* first() const noexcept;
    interruption* first_inside_shield() const noexcept;
    void set_first(interruption* first) noexcept;

    control_block& block_;
};

namespace detail {
/// Throws `greenlet_exit`, or gives up on a greenlet that has swallowed too many.
void deliver_exit(control_block& self);
}  // namespace detail

}  // namespace tendril
