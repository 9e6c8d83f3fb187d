// SPDX-License-Identifier: BSL-1.0
//
// Invariants:
// 1. While anybody waits, the mutex has an owner.
// 2. The owner is changed before the new one is woken, so that a third greenlet which runs in
//    between finds it locked.
// 3. The count of a recursive mutex is zero unless its owner has run since it became the owner.
#include <tendril/support/assert.hpp>
#include <tendril/sync/mutex.hpp>

namespace tendril {

bool mutex::lock_slowly(deadline limit) {
    check_interruption();
    return try_lock() || wait_for_turn(limit);
}

bool mutex::wait_for_turn(deadline limit) {
    TENDRIL_REQUIRE(
        owner_ != this_thread().current,
        "lock() by the greenlet that owns the mutex already: it would wait for itself; if its "
        "functions call each other, use a recursive_mutex");
    TENDRIL_REQUIRE_AS(
        wrong_thread, owner_->thread == &this_thread(),
        "a greenlet of another thread owns this mutex: it is for the greenlets of one thread");
    plain_waiter me{what_};
    waiters_.push(me);
    return me.park_until(limit);
}

void mutex::unlock_slowly() {
    TENDRIL_REQUIRE(
        owned_by_caller(),
        "unlock() by a greenlet that does not own the mutex: the one that locked it unlocks it; "
        "to signal another greenlet use a semaphore or an event");
    if (waiters_.empty()) {
        owner_ = nullptr;
        return;
    }
    waiter& next = waiters_.front();
    owner_ = &next.block();
    wait_queue::wake(next);
}

bool recursive_mutex::wait_for_turn(deadline limit) {
    if (!inner_.wait_for_turn(limit)) {
        return false;
    }
    count_ = 1;
    return true;
}

void recursive_mutex::unlock() {
    if (inner_.owned_by_caller() && count_ > 1) {
        --count_;
    } else {
        static_cast<void>(unlock_fully());
    }
}

std::size_t recursive_mutex::unlock_fully() {
    std::size_t const count = count_;
    // Whoever is not the owner is refused in here. The count is the next owner's to set.
    inner_.unlock();
    count_ = 0;
    return count;
}

void recursive_mutex::lock_fully(std::size_t count) {
    interruption_shield const nothing_is_delivered;
    inner_.lock();
    count_ = count;
}

}  // namespace tendril
