// SPDX-License-Identifier: BSL-1.0
//
// Invariants:
// 1. While anybody waits, it is somebody's turn, and it is not done.
// 2. The turn goes to the next before that one is woken; so a third greenlet waits behind it.
// 3. All who wait are of the thread of the one whose turn it is: `begin` refuses others.
#include <tendril/greenlet/thread_record.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/sync/once.hpp>

namespace tendril {

class once_flag::turn final : public waiter {
public:
    turn() : waiter{"call_once"} {}

    bool mine = false;
};

bool once_flag::begin() {
    control_block* const self = this_thread().current;
    if (caller_ == nullptr) {
        caller_ = self;
        return true;
    }
    TENDRIL_REQUIRE(
        caller_ != self,
        "call_once() in the function that it calls, with the same flag: it would wait for itself");
    TENDRIL_REQUIRE_AS(
        wrong_thread, caller_->thread == self->thread,
        "call_once() while a greenlet of another thread calls the function: a once_flag is for the "
        "greenlets of one thread");
    turn me;
    waiters_.push(me);
    me.park();
    return me.mine;
}

void once_flag::finish() noexcept {
    caller_ = nullptr;
    done_ = true;
    waiters_.wake_all();
}

void once_flag::give_turn_to_next() noexcept {
    if (waiters_.empty()) {
        caller_ = nullptr;
        return;
    }
    auto& next = static_cast<turn&>(waiters_.front());
    caller_ = &next.block();
    next.mine = true;
    wait_queue::wake(next);
}

}  // namespace tendril
