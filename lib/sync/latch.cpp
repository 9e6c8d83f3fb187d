// SPDX-License-Identifier: BSL-1.0
//
// Invariant: while anybody waits, the count is above zero.
#include <tendril/hub/cancellation.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/sync/latch.hpp>

namespace tendril {

latch::latch(std::ptrdiff_t expected) : waiters_{"latch"}, count_{expected} {
    TENDRIL_REQUIRE(expected >= 0, "a latch is counted down from zero or more");
}

void latch::count_down(std::ptrdiff_t by) {
    TENDRIL_REQUIRE(
        by >= 0 && by <= count_,
        "count_down() by more than is left of the latch: it is made with the number of all who "
        "count it down");
    waiters_.check_thread();
    count_ -= by;
    if (count_ == 0) {
        waiters_.wake_all();
    }
}

bool latch::wait_until(deadline limit) const {
    check_interruption();
    if (count_ == 0) {
        return true;
    }
    plain_waiter me{"latch"};
    waiters_.push(me);
    return me.park_until(limit);
}

void latch::arrive_and_wait(std::ptrdiff_t by) {
    check_interruption();
    if (by >= count_) {
        count_down(by);
        return;
    }
    // All that can be refused comes before the count, which nobody takes back.
    plain_waiter me{"latch"};
    me.home().require_may_park();
    count_down(by);
    waiters_.push(me);
    me.park();
}

}  // namespace tendril
