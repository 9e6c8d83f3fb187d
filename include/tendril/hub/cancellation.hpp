// SPDX-License-Identifier: BSL-1.0
#pragma once

// Ending somebody's wait: the mechanism under cancel, kill, timeouts and exit.
//
// An `interruption` is a wish that one greenlet's next park ends with an exception. Whoever has the
// wish owns the object (a task its cancel request, a `timeout` itself), so that making one needs no
// memory and cannot fail. It waits in a list of the greenlet until it is delivered, which uses it
// up, or withdrawn.
//
// When is it delivered? At a park, and at the start of every function that may park, in this order:
// an exit first, then edges (cancel, kill) in the order they came, then expired scopes, the
// innermost first. A park whose result is already there returns it, and the wish stays pending.
// Nothing is delivered to a shielded park, nor while the greenlet unwinds, nor once the function of
// a task has ended: a destructor that parks can finish.
//
// An exit is not used up: a greenlet that swallows `greenlet_exit` finds it again at its next park,
// eight times in all; then it is reported and left alone.
//
// A shield of some depth (`greenlet_note`) holds back what comes from further out: exits, edges,
// and scopes of less depth. It all stays pending, and is delivered when the shield has gone.
//
// Policy (who cancels whom, scopes, shields) lives on floor `task`. Read next: waiter.hpp.

#include <tendril/greenlet/control_block.hpp>
#include <tendril/greenlet/thread_record.hpp>

#include <cstdint>

namespace tendril {

/// What `task::cancel` throws into a task. It does not derive from `std::exception`, so that
/// `catch (std::exception&)` lets it pass; a `catch (...)` should rethrow it.
class cancelled {
public:
    cancelled() noexcept = default;
    virtual ~cancelled() = default;
    cancelled(cancelled const&) noexcept = default;
    cancelled& operator=(cancelled const&) noexcept = default;
};

class interruption;

/// Throws what a delivered interruption stands for. Switches: never.
[[noreturn]] void raise(interruption& delivered);

class interruption {
public:
    /// What is delivered first when several wait.
    enum class rank : std::uint8_t {
        /// Cancel and kill: first come, first served.
        edge,
        /// Expired timeouts and scopes: the innermost first.
        scope,
    };

    interruption(interruption const&) = delete;
    interruption& operator=(interruption const&) = delete;

    /// Says whether it waits to be delivered. Switches: never.
    bool pending() const noexcept { return pending_; }

protected:
    /// `depth` orders scopes: the larger, the further inside.
    explicit interruption(rank importance, std::uint64_t depth = 0) noexcept
        : depth_{depth},
          rank_{importance} {}
    ~interruption() = default;

    /// How far inside it is, for scopes.
    std::uint64_t depth() const noexcept { return depth_; }

    /// Moves it further in or out. Requires: not pending.
    void set_depth(std::uint64_t depth) noexcept;

    /// A number that an edge keeps for its owner, in the place of the depth, of which it has none.
    void keep_number(std::uint32_t number) noexcept { depth_ = number; }
    std::uint32_t kept_number() const noexcept { return static_cast<std::uint32_t>(depth_); }

private:
    friend class pending_list;
    friend void raise(interruption& delivered);

    /// Throws the exception that it stands for, in the greenlet it is meant for.
    [[noreturn]] virtual void raise() = 0;

    interruption* next_ = nullptr;
    std::uint64_t depth_;
    rank rank_;
    bool pending_ = false;
};

/// Makes the next park of `target` end with `wish`, or the present one if that can be ended.
/// Requires: not pending. Switches: never. Thread: the target's.
void request(control_block& target, interruption& wish) noexcept;

/// Takes a wish back that has not been delivered; does nothing when it has.
/// Switches: never. Thread: the target's.
void withdraw(control_block& target, interruption& wish) noexcept;

/// Makes every park of `target` end with `greenlet_exit` from now on.
/// Switches: never. Thread: the target's.
void request_exit(control_block& target) noexcept;

/// A number larger than all that this thread has given out: the depth of a scope that begins now.
/// What begins later ends earlier, so it is further inside. Switches: never.
std::uint64_t next_scope_depth() noexcept;

/// Ends the present park of `target`, if something is deliverable since a shield has gone.
/// Switches: never. Thread: the target's.
void interrupt_park(control_block& target) noexcept;

/// Says whether an exit was requested and is still insisted on. Switches: never.
bool exit_requested(control_block const& target) noexcept;

/// Delivers nothing to `ending` from now on: its function is over, and what it has captured is
/// being destroyed. Switches: never. Thread: its own.
void seal_interruptions(control_block& ending) noexcept;

/// While it lives, nothing is delivered to the greenlet that made it: its parks wait to their end,
/// and what is requested meanwhile stays pending. For destructors that must wait. Switches: never.
class interruption_shield {
public:
    /// Raises the shield; one inside another changes nothing.
    interruption_shield() noexcept;
    interruption_shield(interruption_shield const&) = delete;
    interruption_shield& operator=(interruption_shield const&) = delete;
    ~interruption_shield();

private:
    control_block& block_;
    bool const was_raised_;
};

namespace detail {
TENDRIL_COLD void look_at_pending(control_block& self);
TENDRIL_COLD void deliver_pending(control_block& self);
}  // namespace detail

/// Delivers what is pending for the running greenlet. Every function that may park calls it first,
/// before it has looked at anything, so that cancellation does not depend on whether it had to. For
/// the same reason a `ready_order` of a test may switch here (ready_queue.hpp).
/// Throws: greenlet_exit, cancelled, timed_out, what `kill` was given.
/// Switches: may, but only when a `ready_order` wants it.
inline void check_interruption() {
    control_block& self = *this_thread().current;
    if (self.pending != 0) [[unlikely]] {
        detail::look_at_pending(self);
    }
}

/// As above, but never switches: for one that stands in a queue already, or is about to switch.
/// Switches: never.
inline void deliver_interruption(thread_record const& thread = this_thread()) {
    control_block& self = *thread.current;
    if (self.pending != 0) [[unlikely]] {
        detail::deliver_pending(self);
    }
}

}  // namespace tendril
