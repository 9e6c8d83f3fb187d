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
    sleeper() : waiter{"sleep"} {}
};

}  // namespace

void sleep_until(deadline moment) {
    if (moment.moment() <= now()) {
        yield();
        return;
    }
    sleeper me;
    me.park_until(moment);
}

void yield() {
    hub& here = this_hub();
    here.require_not_forked();
    TENDRIL_REQUIRE(
        !here.in_callback(),
        "a callback of the hub must not yield: it runs between greenlets; use call_soon to go on "
        "later");
    check_interruption();
    here.leave_ready();
}

}  // namespace tendril
