// SPDX-License-Identifier: BSL-1.0
//
// Invariant: while anybody waits, the count is zero.
#include <tendril/sync/semaphore.hpp>

namespace tendril::detail {

semaphore_core::semaphore_core(std::ptrdiff_t permits, std::ptrdiff_t limit)
    : waiters_{"semaphore"},
      permits_{permits},
      limit_{limit} {
    TENDRIL_REQUIRE(
        permits >= 0 && permits <= limit,
        "a semaphore starts with a number of permits between zero and its limit");
}

void semaphore_core::release(std::ptrdiff_t permits) {
    TENDRIL_REQUIRE(permits >= 0, "release() of fewer permits than none");
    TENDRIL_REQUIRE(
        permits <= limit_ - permits_,
        "release() of more permits than the semaphore may hold: every release needs an acquire "
        "before it");
    for (; permits > 0 && !waiters_.empty(); --permits) {
        waiters_.wake_one();
    }
    permits_ += permits;
}

bool semaphore_core::wait_for_permit(deadline limit) {
    plain_waiter me{"semaphore"};
    waiters_.push(me);
    return me.park_until(limit);
}

}  // namespace tendril::detail
