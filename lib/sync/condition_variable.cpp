// SPDX-License-Identifier: BSL-1.0
//
// Invariant: nothing that can be refused is left to refuse once the lock has been given up, because
// it may belong to somebody else from then on.
#include <tendril/hub/hub.hpp>
#include <tendril/sync/condition_variable.hpp>

namespace tendril {

void condition_variable::require_may_wait(waiter const& me) {
    waiters_.check_thread();
    me.home().require_may_park();
}

}  // namespace tendril
