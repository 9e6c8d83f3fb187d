// SPDX-License-Identifier: BSL-1.0
//
// Invariant: the hub's count of referenced alarms is the number of armed ones that are referenced.
#include <tendril/hub/alarm.hpp>
#include <tendril/hub/hub.hpp>

namespace tendril {

void alarm::arm(hub& owner, time_point moment) {
    owner.alarms_.push(moment, *this);
    owner_ = &owner;
    owner.referenced_alarms_ += referenced() ? 1 : 0;
    if (owner.wants_turn_) [[unlikely]] {
        // The context must learn of an earlier moment.
        owner.request_turn();
    }
}

void alarm::disarm() noexcept {
    if (armed()) {
        owner_->alarms_.erase(*this);
        owner_->referenced_alarms_ -= referenced() ? 1 : 0;
        if (owner_->wants_turn_) [[unlikely]] {
            owner_->request_turn();
        }
    }
}

void alarm::set_reference(reference kind) noexcept {
    if (armed() && kind != reference_) {
        owner_->referenced_alarms_ += kind == reference::referenced ? 1 : -std::size_t{1};
        if (owner_->wants_turn_) [[unlikely]] {
            owner_->request_turn();
        }
    }
    reference_ = kind;
}

}  // namespace tendril
