// SPDX-License-Identifier: BSL-1.0
#include <harness/hubs.hpp>
#include <tendril/hub/clock.hpp>
#include <tendril/time/sleep.hpp>

#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;

// Notes every jump that it is offered. It stands at the beginning of time, so that a hub which
// sleeps until one of its moments comes back at once.
class noting_clock final : public tendril::clock {
public:
    explicit noting_clock(bool jumps) : jumps_{jumps} {}

    time_point now() noexcept override { return now_; }
    bool jump_to(time_point next) noexcept override {
        offered.push_back(next - time_point{});
        now_ = next;
        return jumps_;
    }

    std::vector<std::chrono::nanoseconds> offered;

private:
    bool jumps_;
    time_point now_{};
};

}  // namespace

TENDRIL_TEST(clock, the_steady_clock_is_that_of_the_system) {
    auto const before = std::chrono::steady_clock::now();
    time_point const between = steady_clock().now();
    auto const after = std::chrono::steady_clock::now();
    EXPECT_LE(before, between);
    EXPECT_LE(between, after);
}

TENDRIL_TEST(clock, the_steady_clock_decides_nothing_about_time) {
    EXPECT_FALSE(steady_clock().jump_to(time_point::max()));
    EXPECT_EQ(&steady_clock(), &steady_clock());
}

TENDRIL_TEST(clock, a_hub_usually_runs_on_the_steady_clock) {
    run([] {
        auto const before = std::chrono::steady_clock::now();
        time_point const between = now();
        auto const after = std::chrono::steady_clock::now();
        EXPECT_LE(before, between);
        EXPECT_LE(between, after);
    });
}

TENDRIL_HUB_TEST(clock, now_is_the_present_of_the_hub) {
    clock.advance(5s);
    EXPECT_EQ(now(), clock.now());
    EXPECT_EQ(this_hub().now(), clock.now());
}

TENDRIL_TEST(clock, it_is_offered_a_jump_to_each_alarm_when_nobody_can_run) {
    noting_clock mine{true};
    run({.clock = &mine}, [] {
        sleep_for(5ms);
        sleep_for(7ms);
    });
    EXPECT_EQ(mine.offered, (std::vector<std::chrono::nanoseconds>{5ms, 12ms}));
}

TENDRIL_TEST(clock, it_is_offered_no_jump_while_somebody_can_run) {
    noting_clock mine{true};
    run({.clock = &mine}, [&] {
        auto const later = this_hub().call_later(1h, [] {});
        for (int turn = 0; turn < 5000; ++turn) {
            yield();
        }
    });
    EXPECT_EQ(mine.offered, std::vector<std::chrono::nanoseconds>{});
}

TENDRIL_TEST(clock, the_hub_sleeps_when_the_clock_does_not_jump) {
    noting_clock mine{false};
    run({.clock = &mine}, [] { sleep_for(5ms); });
    EXPECT_EQ(mine.offered, (std::vector<std::chrono::nanoseconds>{5ms}));
}
