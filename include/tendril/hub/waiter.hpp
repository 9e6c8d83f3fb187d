// SPDX-License-Identifier: BSL-1.0
#pragma once

// One park of one greenlet: the protocol that every wait in the library goes through.
//
//     tendril::waiter me{"event"};            // in the frame of the one who waits
//     waiting_list.push_back(me);
//     me.park();                              // returns when somebody has called me.wake()
//
// A park has exactly one outcome. Whoever settles it first wins: a `wake`, the park's own limit, or
// an interruption (cancel, kill, an outer timeout, exit). Losers find it settled and do nothing. So
// no wake-up is lost or doubled, and primitives hand over directly: what is given to a waiter with
// a successful `wake` can no longer be taken from it by a timeout.
//
//     outcome       set by            then the greenlet
//     waiting       the constructor   is parked, in the queue of what it waits for
//     woken         wake              returns from park with what it was given
//     timed_out     its own limit     has left the queue; park_until returns false
//     interrupted   an interruption   has left the queue; park throws
//
// A wait on the kernel cannot be left at once: the operation may be done already. Such a waiter
// overrides `withdraw`, asks the operation to stop, and answers "not yet"; the operation's
// completion then wakes it, and it finds in `wanted` why it was asked to leave.
//
// A greenlet that waits for one of several things (`select`) parks on one waiter, the whole, and
// stands in each queue with another one, a part of it. A wake of a part is a wake of the whole:
// whoever comes first settles it, and in the same step all parts leave their queues, by the
// `withdraw` of the whole. So a part that stands in a queue can always be woken, like any waiter.
//
// Read next: hub.hpp; docs/internals/40-waiter.md draws the life of one park.

#include <tendril/greenlet/control_block.hpp>
#include <tendril/hub/alarm.hpp>
#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/deadline.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/config.hpp>
#include <tendril/support/intrusive_list.hpp>

#include <cstdint>

namespace tendril {

class waiter : public list_hook<> {
public:
    enum class outcome : std::uint8_t { waiting, woken, timed_out, interrupted };

    /// Prepares a park of the running greenlet. `what` names what it waits for, for dumps: a
    /// literal. Makes the thread's hub if there is none. Switches: never.
    explicit waiter(char const* what)
        : hub_{&this_hub()},
          block_{hub_->thread().current},
          what_{what} {
        hub_->require_not_forked();
    }

    /// Waits until somebody wakes it; returns at once when somebody has.
    /// Throws: what was requested for the greenlet (cancellation.hpp); misuse in a callback of the
    /// hub. Switches: may.
    void park();

    /// As above, but at most until `limit`. Returns whether it was woken. A limit that is not
    /// referenced is no reason for the hub to go on. Switches: may.
    bool park_until(deadline limit, reference kind = reference::referenced) {
        if (limit.is_never()) [[likely]] {
            park();
        } else {
            park_limited(limit, kind);
        }
        return outcome_ == outcome::woken;
    }

    /// As above, in line down to the jump (context/machine_context.hpp). Switches: may.
    TENDRIL_ALWAYS_INLINE bool park_until_in_line(deadline limit) {
        if (!limit.is_never()) [[unlikely]] {
            return park_until(limit);
        }
        park_by(jump_in_line);
        return outcome_ == outcome::woken;
    }

    /// As `park`, but requests stay pending: for cleanup that must finish. Switches: may.
    void park_shielded();

    /// Settles the park as woken and lets the greenlet run in its turn. Returns whether it won: if
    /// not, the caller still owns what it wanted to hand over. Switches: never. Thread: the hub's.
    bool wake() noexcept {
        if (outcome_ != outcome::waiting) {
            return false;
        }
        if (block_->parked_on != this) [[unlikely]] {
            return wake_unparked();
        }
        outcome_ = outcome::woken;
        hub_->make_ready(*block_);
        return true;
    }

    /// How the park was settled, if it was. Switches: never.
    outcome settled() const noexcept { return outcome_; }

    /// Why it was asked to leave, when `withdraw` said "not yet"; `waiting` when it was not.
    /// Switches: never.
    outcome wanted() const noexcept { return wanted_; }

    /// What it waits for, for dumps. Switches: never.
    char const* what() const noexcept { return what_; }

    /// Leaves the queue and makes every later wake a no-op: the hub closes without this greenlet.
    /// Switches: never.
    void strand() noexcept;

    /// The same in the child of a fork, where the greenlet is dead. Wakes nobody, and touches
    /// nothing that is shared with the parent. Switches: never.
    void forget() noexcept;

    /// Who waits. Switches: never.
    control_block& block() const noexcept { return *block_; }

    /// The hub of the one who waits. Switches: never.
    hub& home() const noexcept { return *hub_; }

protected:
    /// Makes a part of `whole`, which must outlive it and is the one to park on. The `withdraw` of
    /// the whole takes all parts out of their queues. Switches: never.
    waiter(waiter& whole, char const* what) noexcept
        : hub_{whole.hub_},
          block_{whole.block_},
          what_{what},
          whole_{&whole} {}

    ~waiter() = default;

    /// Waits as `park` does, but delivers nothing and so throws nothing: for an operation that is
    /// under way and must be seen to its end. Switches: may.
    void park_operation();

    /// Asks the greenlet to leave for what was requested since its operation began, as if that came
    /// now. Requires: `withdraw` answers "not yet". Switches: never.
    void notice_pending() noexcept {
        if (block_->pending != 0) [[unlikely]] {
            interrupt();
        }
    }

    /// Leaves the queue. Returns whether the park is over with that; false means that a `wake` will
    /// follow in any case.
    virtual bool withdraw() noexcept {
        unlink();
        return true;
    }

    /// Leaves the queue in the child of a fork. May do no more than set words of its own primitive.
    virtual void leave_in_child() noexcept { unlink(); }

private:
    friend void interrupt_park(control_block& target) noexcept;
    friend class park_limit;

    TENDRIL_ALWAYS_INLINE void park_by(jump_function how) {
        // A value that was handed over together with the wake must not be lost to an interruption.
        if (outcome_ == outcome::waiting) {
            deliver_interruption(hub_->thread());
            wait_by(how);
        }
    }
    TENDRIL_ALWAYS_INLINE void wait_by(jump_function how) {
        hub_->require_may_park();
        block_->parked_on = this;
        hub_->leave(greenlet_state::parked, how);
        block_->parked_on = nullptr;
        if (outcome_ == outcome::interrupted) [[unlikely]] {
            deliver();
        }
    }
    void park_limited(deadline limit, reference kind);
    TENDRIL_COLD void deliver();
    bool wake_unparked() noexcept;
    void run_out() noexcept;
    void interrupt() noexcept;

    hub* hub_;
    control_block* block_;
    char const* what_;
    // What it is a part of, or null.
    waiter* whole_ = nullptr;
    interruption* cause_ = nullptr;
    outcome outcome_ = outcome::waiting;
    outcome wanted_ = outcome::waiting;
    bool shielded_ = false;
};

/// The limit of one park, in the frame of the one who waits: settles it as timed out.
class park_limit final : private alarm {
public:
    /// Requires: the waiter outlives it. Throws: std::bad_alloc. Switches: never.
    park_limit(waiter& limited, deadline limit, reference kind = reference::referenced)
        : limited_{limited} {
        set_reference(kind);
        if (!limit.is_never()) {
            arm(limited.home(), limit.moment());
        }
    }
    ~park_limit() = default;

private:
    void expire() noexcept override { limited_.run_out(); }

    waiter& limited_;
};

/// While it lives, in the frame of whoever waits, a job for this hub is under way in another thread
/// or process. `home` believes that it may be woken, and a clock that could jump stands still.
class job_under_way {
public:
    explicit job_under_way(hub& home) noexcept;
    job_under_way(job_under_way const&) = delete;
    job_under_way& operator=(job_under_way const&) = delete;
    ~job_under_way();
    /// As `remote::post`; the opening waits until this has returned. Switches: never. Thread: any.
    bool post(letter& added) const noexcept;

private:
    hub& home_;
    std::shared_ptr<detail::mailbox> const box_;
};

}  // namespace tendril
