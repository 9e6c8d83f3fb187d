// SPDX-License-Identifier: BSL-1.0
#pragma once

// Both ends of a greenlet's life, shared by the sources of this floor.

#include <tendril/greenlet/control_block.hpp>
#include <tendril/greenlet/greenlet_exit.hpp>
#include <tendril/greenlet/thread_record.hpp>
#include <tendril/greenlet/value.hpp>

#include <exception>

namespace tendril::detail {

/// How a greenlet ended: with a value, or with an error.
struct ending {
    std::exception_ptr error;
    value result;
};

/// Finds who receives an ending, from `ancestor` upwards, and puts what it receives into the
/// record. Returns whom to continue.
control_block& deliver(
    thread_record& thread, control_block const& sender, control_block* ancestor, ending& sent);

/// Frees a block that nobody refers to, and its ancestors that nobody else refers to.
/// Thread: owner.
void free_unreferenced(thread_record& thread, control_block& block) noexcept;

/// Decides the fate of a greenlet whose count of handles is zero. Thread: owner.
/// Switches: may.
void settle_unreferenced(thread_record& thread, control_block& block) noexcept;

/// Throws `greenlet_exit` into a suspended greenlet, to which the caller holds a handle, until it
/// is dead or has refused too often. Says whether the caller may drop the handle: when it refused,
/// the handle must stay for ever, because a live stack is never freed. Switches: may.
bool end_by_exit(thread_record& thread, control_block& victim) noexcept;

/// How often an exit is thrown into a greenlet that swallows it, before it is left alone.
inline constexpr int exit_attempts = 8;

}  // namespace tendril::detail
