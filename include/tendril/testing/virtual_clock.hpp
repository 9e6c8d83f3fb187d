// SPDX-License-Identifier: BSL-1.0
#pragma once

// A clock for tests: time stands still while anybody can run, and jumps when nobody can.
//
//     tendril::testing::virtual_clock clock;
//     tendril::run({.clock = &clock}, [] { tendril::sleep_for(1h); });    // takes no time
//
// The hub lets it jump to the next alarm when nobody is ready and the reactor has been found empty
// twice, and no job is under way elsewhere that somebody here waits for, in a pool of threads or
// another process: nobody could say how long that takes. To let time pass meanwhile, call
// `advance`. Sockets work as usual: what is under way inside this process is seen by those two
// looks, but a greenlet that waits for a socket does not hold time back.

#include <tendril/hub/clock.hpp>

#include <chrono>

namespace tendril::testing {

class virtual_clock final : public clock {
public:
    /// The present. Switches: never. Thread: hub.
    time_point now() noexcept override { return now_; }

    /// Moves to `next`. Switches: never. Thread: hub.
    bool jump_to(time_point next) noexcept override {
        now_ = next > now_ ? next : now_;
        return true;
    }

    /// Lets time pass without anybody noticing before the hub's next turn.
    /// Switches: never. Thread: hub.
    void advance(std::chrono::nanoseconds passed) noexcept { now_ += passed; }

    /// How much time has passed since the clock was made. Switches: never. Thread: hub.
    std::chrono::nanoseconds elapsed() const noexcept { return now_ - start_; }

private:
    // Some way from zero, so that a test may look at moments before the start.
    static constexpr time_point start_{std::chrono::hours{24}};
    time_point now_ = start_;
};

}  // namespace tendril::testing
