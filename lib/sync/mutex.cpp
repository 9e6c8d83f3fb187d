// SPDX-License-Identifier: BSL-1.0
//
// Invariant: while anybody waits, the mutex has an owner. The owner is changed before the new one
// is woken, so that a third greenlet which runs in between finds it locked.
#include <tendril/sync/mutex.hpp>

namespace tendril {

void mutex::wait_for_turn() {
    TENDRIL_REQUIRE(
        owner_ != this_thread().current,
        "lock() by the greenlet that owns the mutex already: it would wait for itself");
    plain_waiter me{"mutex"};
    waiters_.push(me);
    me.park();
}

void mutex::hand_over() {
    waiter& next = waiters_.front();
    owner_ = &next.block();
    wait_queue::wake(next);
}

}  // namespace tendril
