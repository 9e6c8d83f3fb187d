// SPDX-License-Identifier: BSL-1.0
#include <tendril/hub/hub.hpp>
#include <tendril/time/timeout.hpp>

namespace tendril {

// One number serves as identity and as depth.
timeout::timeout(deadline limit)
    : interruption{rank::scope, next_scope_depth()},
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

// Who has a note is told, to know it from one that comes as the error of somebody else.
void timeout::raise() {
    if (greenlet_note* const note = note_of(*target_)) {
        note->last_timeout = identity_;
    }
    throw timed_out{identity_};
}

bool timed_out::by(timeout const& limit) const noexcept { return limit.identity_ == identity_; }

}  // namespace tendril
