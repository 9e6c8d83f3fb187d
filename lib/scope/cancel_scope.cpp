// SPDX-License-Identifier: BSL-1.0
//
// Invariant: the alarm is armed exactly while somebody is inside, the scope is not cancelled, and
// it has a limit.
#include <tendril/hub/hub.hpp>
#include <tendril/scope/cancel_scope.hpp>
#include <tendril/support/assert.hpp>

namespace tendril {

void cancel_scope::enter() {
    TENDRIL_REQUIRE(
        stage_ == stage::outside,
        "a cancel scope is entered once: make another one for the next block");
    hub& here = this_hub();
    if (!limit_.is_never() && !node_.was_cancelled()) {
        begin_limit(here);
    }
    thread_ = &here.thread();
    node_.enter();
    stage_ = stage::inside;
}

// A limit that is past at the entry does not wait for the loop.
void cancel_scope::begin_limit(hub& here) {
    if (limit_.moment() <= here.now()) {
        expire();
    } else {
        arm(here, limit_.moment());
    }
}

void cancel_scope::leave() noexcept {
    disarm();
    node_.leave();
    stage_ = stage::left;
}

// Of several that are cancelled the outermost absorbs.
bool cancel_scope::absorbs() noexcept {
    caught_ = node_.was_cancelled() && !node_.cancelled_from_above();
    return caught_;
}

void cancel_scope::cancel(char const* reason) {
    require_own_thread();
    disarm();
    node_.cancel(reason == nullptr ? "cancelled" : reason);
}

void cancel_scope::set_limit(deadline moment) {
    require_own_thread();
    limit_ = moment;
    if (stage_ != stage::inside || node_.was_cancelled()) {
        return;
    }
    disarm();
    if (!moment.is_never()) {
        arm(this_hub(), moment.moment());
    }
}

void cancel_scope::set_shield(bool raised) {
    require_own_thread();
    node_.set_shield(raised);
}

void cancel_scope::require_own_thread() const {
    TENDRIL_REQUIRE_AS(
        wrong_thread, thread_ == nullptr || thread_ == &this_thread(),
        "this cancel scope is on another thread: post to that thread's hub and use it there");
}

void cancel_scope::expire() noexcept {
    expired_ = true;
    node_.cancel("its deadline has passed");
}

}  // namespace tendril
