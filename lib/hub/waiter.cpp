// SPDX-License-Identifier: BSL-1.0
//
// Invariants:
// 1. `outcome_` leaves `waiting` once. Whoever changes it makes the greenlet ready, in the same
//    step, if it is parked on this waiter; so it is queued at most once.
// 2. A waiter whose outcome is settled is in no queue, but for one that was woken by whoever took
//    it out of the queue.
// 3. A shielded park is settled by `wake` only, or stranded.
#include "pending_list.hpp"

#include <tendril/hub/hub.hpp>
#include <tendril/hub/waiter.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/scope_exit.hpp>

namespace tendril {

waiter::waiter(char const* what) : hub_{&this_hub()}, block_{hub_->thread().current}, what_{what} {
    hub_->require_not_forked();
}

void waiter::park() {
    // A value that was handed over together with the wake must not be lost to an interruption.
    if (outcome_ == outcome::waiting) {
        deliver_interruption();
        wait(false);
    }
}

bool waiter::park_until(deadline limit) {
    if (outcome_ == outcome::waiting) {
        deliver_interruption();
        park_limit const alarm{*this, limit};
        wait(false);
    }
    return outcome_ == outcome::woken;
}

void waiter::park_shielded() {
    if (outcome_ == outcome::waiting) {
        wait(true);
    }
}

void waiter::park_operation() {
    if (outcome_ == outcome::waiting) {
        wait(false);
    }
}

void waiter::wait(bool shielded) {
    TENDRIL_REQUIRE(
        !hub_->in_callback(),
        "a callback of the hub must not wait: it runs between greenlets, and nobody could run "
        "meanwhile; spawn a task that waits, or check with a try_ function");
    shielded_ = shielded;
    block_->parked_on = this;
    hub_->leave(greenlet_state::parked);
    block_->parked_on = nullptr;
    if (outcome_ == outcome::interrupted) {
        if (cause_ != nullptr) {
            raise(*cause_);
        }
        detail::deliver_exit(*block_);
    }
}

bool waiter::wake() noexcept {
    if (outcome_ != outcome::waiting) {
        return false;
    }
    outcome_ = outcome::woken;
    if (block_->parked_on == this) {
        hub_->make_ready(*block_);
    }
    return true;
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

job_under_way::job_under_way(hub& home) noexcept : home_{home} { home_.begin_job(); }
job_under_way::~job_under_way() { home_.end_job(); }

void waiter::interrupt() noexcept {
    bool const unwinding = block_->machine.exceptions.uncaught > 0;
    bool const in_cleanup = unwinding || pending_list{*block_}.sealed();
    if (outcome_ != outcome::waiting || shielded_ || in_cleanup) {
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
