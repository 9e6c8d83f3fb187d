// SPDX-License-Identifier: BSL-1.0
#include <tendril/hub/hub.hpp>
#include <tendril/time/timeout.hpp>

namespace tendril {
namespace {

// A later timeout of a greenlet is further inside than an earlier one, because they end in the
// reverse order. So one number serves as identity and as depth.
std::uint64_t next_identity() noexcept {
    static thread_local std::uint64_t last = 0;
    return ++last;
}

}  // namespace

timeout::timeout(deadline limit)
    : interruption{rank::scope, next_identity()},
      target_{this_hub().thread().current},
      identity_{depth()} {
    if (!limit.is_never()) {
        arm(this_hub(), limit.moment());
    }
}

void timeout::cancel() noexcept {
    disarm();
    withdraw(*target_, *this);
}

void timeout::expire() noexcept {
    expired_ = true;
    request(*target_, *this);
}

void timeout::raise() { throw timed_out{identity_}; }

bool timed_out::by(timeout const& limit) const noexcept { return limit.identity_ == identity_; }

}  // namespace tendril
