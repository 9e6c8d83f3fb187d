// SPDX-License-Identifier: BSL-1.0
#include <tendril/greenlet/thread_record.hpp>
#include <tendril/hub/clock.hpp>
#include <tendril/hub/deadline.hpp>
#include <tendril/hub/hub.hpp>

namespace tendril {
namespace {

class system_steady_clock final : public clock {
public:
    time_point now() noexcept override { return std::chrono::steady_clock::now(); }
    bool jump_to(time_point) noexcept override { return false; }
};

constinit system_steady_clock the_steady_clock;

}  // namespace

clock& steady_clock() noexcept { return the_steady_clock; }

time_point now() { return this_hub().now(); }

// A thread without a hub gets none by this: one that it made would have the steady clock.
deadline deadline::after_nanoseconds(std::chrono::nanoseconds duration) {
    hub* const home = hub::of(this_thread());
    time_point const present = home == nullptr ? the_steady_clock.now() : home->now();
    if (duration <= std::chrono::nanoseconds::zero()) {
        return at(present);
    }
    return duration >= time_point::max() - present ? never() : at(present + duration);
}

}  // namespace tendril
