// SPDX-License-Identifier: BSL-1.0
//
// Invariants:
// 1. It has an owner, or readers, or neither.
// 2. While anybody waits, somebody owns it or reads; and if the first who waits wants to read,
//    somebody owns it.
// 3. The owner and the count are changed before those are woken whom they stand for.
#include <tendril/support/assert.hpp>
#include <tendril/sync/shared_mutex.hpp>

namespace tendril {

// A place in the line. A writer that gives up may have been all that kept the readers behind it.
class shared_mutex::turn final : public waiter {
public:
    turn(shared_mutex& of, wants what)
        : waiter{what == wants::to_read ? "shared_mutex, to read" : "shared_mutex, to write"},
          of_{of},
          what_{what} {}

    bool reads() const noexcept { return what_ == wants::to_read; }

private:
    bool withdraw() noexcept override {
        unlink();
        of_.let_in();
        return true;
    }

    shared_mutex& of_;
    wants what_;
};

bool shared_mutex::wait_for_turn(deadline limit, wants what) {
    TENDRIL_REQUIRE(
        owner_ != this_thread().current,
        "a lock by the greenlet that owns the shared_mutex already: it would wait for itself");
    TENDRIL_REQUIRE_AS(
        wrong_thread, owner_ == nullptr || owner_->thread == &this_thread(),
        "a greenlet of another thread owns this mutex: it is for the greenlets of one thread");
    turn me{*this, what};
    waiters_.push(me);
    return me.park_until(limit);
}

void shared_mutex::unlock() {
    TENDRIL_REQUIRE(
        owner_ != nullptr && owner_ == this_thread().current,
        "unlock() by a greenlet that does not own the shared_mutex: the one that locked it unlocks "
        "it, and those who read call unlock_shared()");
    owner_ = nullptr;
    let_in();
}

void shared_mutex::unlock_shared() {
    TENDRIL_REQUIRE(
        readers_ != 0,
        "unlock_shared() of a shared_mutex that nobody reads: every one needs a lock_shared() "
        "before it, and the one who writes calls unlock()");
    waiters_.check_thread();
    --readers_;
    let_in();
}

// Lets in whoever may come in now: the first if it writes, else all readers up to the next writer.
void shared_mutex::let_in() {
    while (!waiters_.empty() && owner_ == nullptr) {
        auto& next = static_cast<turn&>(waiters_.front());
        if (next.reads()) {
            ++readers_;
        } else if (readers_ == 0) {
            owner_ = &next.block();
        } else {
            return;
        }
        wait_queue::wake(next);
    }
}

}  // namespace tendril
