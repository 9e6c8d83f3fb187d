// SPDX-License-Identifier: BSL-1.0
//
// Invariants:
// 1. `outcome_` leaves `waiting` once. Whoever changes it makes the greenlet ready, in the same
//    step, if it is parked on this waiter; so it is queued at most once.
// 2. A waiter whose outcome is settled is in no queue, but for one that was woken by whoever took
//    it out of the queue.
// 3. A shielded park is settled by `wake` only, or stranded.
// 4. When a whole is settled, at most one of its parts is, as woken, and none is in a queue.
#include "mailbox.hpp"
#include "pending_list.hpp"

#include <tendril/hub/hub.hpp>
#include <tendril/hub/waiter.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/scope_exit.hpp>

namespace tendril {

void waiter::park() { park_by(jump_and_return); }

void waiter::park_limited(deadline limit, reference kind) {
    if (outcome_ == outcome::waiting) {
        deliver_interruption(hub_->thread());
        park_limit const alarm{*this, limit, kind};
        wait_by(jump_and_return);
    }
}

void waiter::park_shielded() {
    scope_exit const no_longer{[this] { shielded_ = false; }};
    shielded_ = true;
    park_operation();
}

void waiter::park_operation() {
    if (outcome_ == outcome::waiting) {
        wait_by(jump_and_return);
    }
}

void waiter::deliver() {
    if (cause_ != nullptr) {
        raise(*cause_);
    }
    detail::deliver_exit(*block_);
}

// It has not parked yet, or never does, because it is a part.
bool waiter::wake_unparked() noexcept {
    if (whole_ == nullptr) {
        outcome_ = outcome::woken;
        return true;
    }
    if (whole_->outcome_ != outcome::waiting) {
        return false;
    }
    outcome_ = outcome::woken;
    static_cast<void>(whole_->withdraw());
    return whole_->wake();
}

void waiter::run_out() noexcept {
    if (outcome_ != outcome::waiting || wanted_ != outcome::waiting) {
        return;
    }
    if (withdraw()) {
        outcome_ = outcome::timed_out;
        if (block_->parked_on == this) {
            // In the child of a fork it may be forgotten, and its limit still armed.
            hub_->make_ready(*block_);
        }
    } else {
        wanted_ = outcome::timed_out;
    }
}

void waiter::strand() noexcept {
    static_cast<void>(withdraw());
    outcome_ = outcome::interrupted;
}

void waiter::forget() noexcept {
    leave_in_child();
    outcome_ = outcome::interrupted;
}

job_under_way::job_under_way(hub& home) noexcept : home_{home}, box_{home.mailbox()} {
    home_.begin_job();
}
job_under_way::~job_under_way() { home_.end_job(); }

bool job_under_way::post(letter& added) const noexcept { return box_->post(added); }

void waiter::interrupt() noexcept {
    bool const unwinding = block_->machine.exceptions.uncaught > 0;
    bool const held_back = unwinding || !pending_list{*block_}.has_deliverable();
    if (outcome_ != outcome::waiting || shielded_ || held_back) {
        return;
    }
    if (!withdraw()) {
        wanted_ = outcome::interrupted;
        return;
    }
    outcome_ = outcome::interrupted;
    cause_ = pending_list{*block_}.take_first();
    hub_->make_ready(*block_);
}

}  // namespace tendril
