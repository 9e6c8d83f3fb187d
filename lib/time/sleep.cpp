// SPDX-License-Identifier: BSL-1.0
#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/hub/waiter.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/time/sleep.hpp>

namespace tendril {
namespace {

class sleeper final : public waiter {
public:
    using waiter::waiter;
};

}  // namespace

void sleep_until(deadline moment, reference kind) {
    if (moment.moment() <= now()) {
        yield();
        return;
    }
    sleeper me{"sleep"};
    me.park_until(moment, kind);
}

void idle() {
    check_interruption();
    sleeper me{"idle"};
    me.home().wake_when_idle(me);
    me.park();
}

}  // namespace tendril
