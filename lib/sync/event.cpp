// SPDX-License-Identifier: BSL-1.0
#include <tendril/hub/cancellation.hpp>
#include <tendril/sync/event.hpp>

namespace tendril {

bool event::wait_until(deadline limit) {
    check_interruption();
    if (set_) {
        return true;
    }
    plain_waiter me{"event"};
    waiters_.push(me);
    return me.park_until(limit);
}

}  // namespace tendril
