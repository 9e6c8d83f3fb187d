// SPDX-License-Identifier: BSL-1.0
//
// Invariant: while anybody waits, it is not set.
#include <tendril/hub/cancellation.hpp>
#include <tendril/sync/auto_reset_event.hpp>

namespace tendril {

bool auto_reset_event::wait_until(deadline limit) {
    check_interruption();
    if (try_wait()) {
        return true;
    }
    plain_waiter me{"auto_reset_event"};
    waiters_.push(me);
    return me.park_until(limit);
}

}  // namespace tendril
