// SPDX-License-Identifier: BSL-1.0
//
// Invariant: the alarm is armed exactly while the timer has a moment to come.
#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/time/sleep.hpp>
#include <tendril/time/timer.hpp>

namespace tendril {

struct timer::wait_record final : waiter {
    wait_record() : waiter{"a timer"} {}
    bool expired = false;
};

std::size_t timer::expires_at(deadline moment) {
    hub& here = this_hub();
    require_own_thread();
    std::size_t const ended = end_waits(false);
    disarm();
    expired_ = false;
    expiry_ = moment;
    if (!moment.is_never()) {
        arm(here, moment.moment());
    }
    return ended;
}

bool timer::wait() {
    require_own_thread();
    check_interruption();
    if (expired_) {
        return true;
    }
    wait_record me;
    waiting_.push_back(me);
    me.park();
    return me.expired;
}

std::size_t timer::cancel() {
    require_own_thread();
    return stop();
}

timer::~timer() {
    // What it throws ends the program here: another thread's heap and queue would be torn.
    require_own_thread();
    stop();
}

// It belongs to the thread on which it is set, and to that of those who wait.
void timer::require_own_thread() {
    thread_record const* const here = &this_thread();
    TENDRIL_REQUIRE_AS(
        wrong_thread,
        (!armed() || &owner()->thread() == here) &&
            (waiting_.empty() || &waiting_.front().home().thread() == here),
        "this timer is set, or waited for, on another thread: post to that thread's hub and move "
        "it from there");
}

std::size_t timer::stop() noexcept {
    disarm();
    expiry_ = expired_ ? expiry_ : deadline::never();
    return end_waits(false);
}

void timer::expire() noexcept {
    expired_ = true;
    end_waits(true);
}

std::size_t timer::end_waits(bool well) noexcept {
    std::size_t ended = 0;
    while (!waiting_.empty()) {
        auto& each = static_cast<wait_record&>(*waiting_.pop_front());
        each.expired = well;
        each.wake();
        ++ended;
    }
    return ended;
}

ticker::ticker(std::chrono::nanoseconds period) : period_{period} {
    TENDRIL_REQUIRE(period.count() > 0, "the period of a ticker is longer than nothing");
    next_ = deadline::after(period).moment();
}

std::uint64_t ticker::wait() {
    {
        ++waiting_;
        scope_exit const no_longer{[this] { --waiting_; }};
        sleep_until(next_);
    }
    if (next_ == time_point::max()) {
        return 0;
    }
    auto const beats = 1 + (now() - next_) / period_;
    time_point const last = next_ + (beats - 1) * period_;
    next_ = last > time_point::max() - period_ ? time_point::max() : last + period_;
    return static_cast<std::uint64_t>(beats);
}

}  // namespace tendril
