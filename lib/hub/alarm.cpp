// SPDX-License-Identifier: BSL-1.0
#include <tendril/hub/alarm.hpp>
#include <tendril/hub/hub.hpp>

namespace tendril {

void alarm::arm(hub& owner, time_point moment) {
    owner.alarms_.push(moment, *this);
    owner_ = &owner;
}

void alarm::disarm() noexcept {
    if (armed()) {
        owner_->alarms_.erase(*this);
    }
}

}  // namespace tendril
