// SPDX-License-Identifier: BSL-1.0
//
// Invariants:
// 1. Between a failure and the next call there is a pause: the loop never spins. Only where there
//    is no memory for a pause it is the turn of all others.
// 2. `pause_` is zero exactly when the next failure begins a series.
#include <tendril/hub/hub.hpp>
#include <tendril/io/accept_loop.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/random.hpp>
#include <tendril/time/sleep.hpp>

#include <algorithm>
#include <exception>
#include <new>
#include <utility>

namespace tendril {

accept_loop::accept_loop(std::string whose, accept_pauses pauses)
    : whose_{std::move(whose)},
      pauses_{pauses} {
    TENDRIL_REQUIRE(
        pauses.first.count() > 0 && pauses.longest >= pauses.first,
        "the first pause of a loop that accepts is at least a millisecond, and the longest no "
        "shorter: without a pause a server that lacks descriptors would spin");
}

bool accept_loop::goes_on_after(error_code const& outcome) {
    if (outcome == errc::closed) {
        return false;
    }
    if (outcome.failed()) {
        wait_after(outcome);
    } else {
        pause_ = std::chrono::milliseconds{0};
    }
    return true;
}

// Waits a little, twice as long each time, and never exactly as long as others do.
void accept_loop::wait_after(error_code const& failure) {
    ++failures_;
    if (pause_.count() == 0) {
        report_series(failure);
    }
    pause_ = std::clamp(pause_ * 2, pauses_.first, pauses_.longest);
    auto const most_jitter = static_cast<std::uint64_t>(pause_.count()) / 8 + 1;
    auto const jitter = random_below(this_hub().random(), most_jitter);
    try {
        sleep_for(pause_ - std::chrono::milliseconds{jitter});
    } catch (std::bad_alloc const&) {
        yield();
    }
}

void accept_loop::report_series(error_code const& failure) const noexcept {
    try {
        this_hub().report_error(
            std::make_exception_ptr(system_error{failure, "accepting pauses"}), whose_);
    } catch (std::bad_alloc const&) {
        // There is no memory to say so, and the loop must live on.
    }
}

}  // namespace tendril
