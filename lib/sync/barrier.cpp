// SPDX-License-Identifier: BSL-1.0
//
// Invariants:
// 1. Whoever waits, waits for the present phase. A phase that ends, well or not, leaves nobody in
//    the line.
// 2. `missing_` is `expected_` less the arrivals of this phase that were not taken back, and is
//    zero only while the completion function runs, or when nobody is expected any more.
// 3. An arrival is taken back in the step in which its greenlet leaves the line: nobody can
//    complete a phase with it in between.
#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/sync/barrier.hpp>

namespace tendril::detail {

class barrier_core::place final : public waiter {
public:
    enum class arrival : bool { stays_counted, is_taken_back };

    place(barrier_core& at, arrival kind) : waiter{"barrier"}, at_{at}, kind_{kind} {}
    ~place() {
        if (settled() == outcome::waiting) {
            // It could not even begin to wait.
            take_back();
        }
    }

    bool broken = false;

private:
    bool withdraw() noexcept override {
        unlink();
        take_back();
        return true;
    }
    void leave_in_child() noexcept override { static_cast<void>(withdraw()); }
    void take_back() noexcept {
        if (kind_ == arrival::is_taken_back) {
            ++at_.missing_;
        }
    }

    barrier_core& at_;
    arrival kind_;
};

barrier_core::barrier_core(std::ptrdiff_t expected)
    : waiters_{"barrier"},
      expected_{expected},
      missing_{expected} {
    TENDRIL_REQUIRE(expected >= 0, "a barrier expects a number of arrivals that is not negative");
}

barrier_core::arrival_token barrier_core::arrive(std::ptrdiff_t number) {
    require_expected(number);
    arrival_token made{phase_};
    count(number);
    return made;
}

void barrier_core::arrive_and_drop() {
    require_expected(1);
    // The phase that this may complete is followed by one that expects less already.
    --expected_;
    count(1);
}

bool barrier_core::try_wait(arrival_token const& arrival) const {
    if (arrival.phase_ == given_up_ || (arrival.phase_ == phase_ && broken_)) {
        throw broken_barrier{"the phase of the barrier was given up with abort() or reset()"};
    }
    return arrival.phase_ != phase_;
}

bool barrier_core::wait_until(arrival_token const& arrival, deadline limit) {
    check_interruption();
    if (try_wait(arrival)) {
        return true;
    }
    place me{*this, place::arrival::stays_counted};
    return wait_in_line(me, limit);
}

bool barrier_core::arrive_and_wait_until(deadline limit) {
    check_interruption();
    // What could keep a waiter from being made is looked at before the arrival is counted.
    this_hub().require_not_forked();
    if (try_wait(arrive())) {
        return true;
    }
    place me{*this, place::arrival::is_taken_back};
    return wait_in_line(me, limit);
}

void barrier_core::abort() {
    break_those_who_wait();
    broken_ = true;
}

void barrier_core::reset() {
    TENDRIL_REQUIRE(!completing_, "reset() in the completion function of the barrier");
    break_those_who_wait();
    broken_ = false;
    given_up_ = phase_++;
    missing_ = expected_;
}

void barrier_core::require_expected(std::ptrdiff_t number) {
    TENDRIL_REQUIRE(
        !completing_,
        "an arrival at the barrier while its completion function runs: that function must not "
        "arrive, and must not wait");
    if (broken_) {
        throw broken_barrier{"the barrier is broken until somebody calls reset()"};
    }
    TENDRIL_REQUIRE(
        number > 0 && number <= missing_,
        "more arrive at the barrier than it expects: it is made with the number of all who do");
    waiters_.check_thread();
}

void barrier_core::count(std::ptrdiff_t number) {
    missing_ -= number;
    if (missing_ > 0) {
        return;
    }
    completing_ = true;
    complete();
    completing_ = false;
    if (broken_) {
        // The completion function has found that there is no sense in going on.
        given_up_ = phase_;
    }
    missing_ = expected_;
    ++phase_;
    waiters_.wake_all();
}

bool barrier_core::wait_in_line(place& me, deadline limit) {
    waiters_.push(me);
    bool const complete = me.park_until(limit);
    if (me.broken) {
        throw broken_barrier{"the phase of the barrier was given up with abort() or reset()"};
    }
    return complete;
}

void barrier_core::break_those_who_wait() {
    while (!waiters_.empty()) {
        auto& next = static_cast<place&>(waiters_.front());
        next.broken = true;
        wait_queue::wake(next);
    }
}

}  // namespace tendril::detail
