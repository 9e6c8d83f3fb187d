// SPDX-License-Identifier: BSL-1.0
//
// Invariants:
// 1. Every number below `next_` was asked for, and its turn has ended.
// 2. Nobody waits for the number `next_` longer than until its next turn in the hub, and nobody
//    waits at all once the sequence is broken.
#include <tendril/hub/cancellation.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/testing/sequencer.hpp>

namespace tendril::testing {

sequencer::turn::~turn() {
    if (order_ != nullptr) {
        order_->end_turn();
    }
}

sequencer::turn sequencer::wait_for(std::size_t number) {
    check_interruption();
    require_whole();
    auto const [place, is_new] = asked_for_.try_emplace(number, "sequencer");
    TENDRIL_REQUIRE(
        is_new,
        "this turn of a sequencer was asked for before: a number is for one block, so give each "
        "block its own");
    if (number != next_) {
        plain_waiter me{"its turn in a sequencer"};
        place->second.push(me);
        try {
            me.park();
        } catch (...) {
            break_off();
            throw;
        }
        require_whole();
    }
    return turn{*this};
}

void sequencer::end_turn() noexcept {
    ++next_;
    auto const next = asked_for_.find(next_);
    if (next != asked_for_.end()) {
        next->second.wake_one();
    }
}

void sequencer::break_off() noexcept {
    broken_ = true;
    for (auto& [number, waiting] : asked_for_) {
        waiting.wake_all();
    }
}

void sequencer::require_whole() const {
    if (broken_) {
        throw broken_sequence{
            "a greenlet was interrupted while it waited for its turn in this sequencer, so the "
            "turns behind it can never begin"};
    }
}

}  // namespace tendril::testing
