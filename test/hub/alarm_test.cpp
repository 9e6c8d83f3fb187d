// SPDX-License-Identifier: BSL-1.0
#include <harness/hubs.hpp>
#include <tendril/hub/alarm.hpp>
#include <tendril/time/sleep.hpp>

#include <algorithm>
#include <functional>
#include <memory>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::transcript;

class bell final : public alarm {
public:
    explicit bell(std::function<void()> ring) : ring_{std::move(ring)} {}

    void set(time_point moment) { arm(this_hub(), moment); }
    void set_after(std::chrono::nanoseconds delay) { set(now() + delay); }
    void stop() { disarm(); }
    hub* home() const { return owner(); }

private:
    void expire() noexcept override { ring_(); }

    std::function<void()> ring_;
};

}  // namespace

TENDRIL_HUB_TEST(alarm, calls_expire_once_at_its_moment) {
    int rung = 0;
    auto when = 0ns;
    bell one{[&] {
        ++rung;
        when = clock.elapsed();
    }};
    one.set_after(5ms);
    sleep_for(20ms);
    EXPECT_EQ(rung, 1);
    EXPECT_EQ(when, 5ms);
}

TENDRIL_HUB_TEST(alarm, is_armed_until_it_has_expired) {
    bell one{[] {}};
    EXPECT_FALSE(one.armed());
    one.set_after(5ms);
    EXPECT_TRUE(one.armed());
    sleep_for(10ms);
    EXPECT_FALSE(one.armed());
}

TENDRIL_HUB_TEST(alarm, is_not_armed_any_more_while_it_expires) {
    bool armed = true;
    bell one{[&] { armed = one.armed(); }};
    one.set_after(1ms);
    sleep_for(2ms);
    EXPECT_FALSE(armed);
}

TENDRIL_HUB_TEST(alarm, does_not_expire_once_it_is_disarmed) {
    int rung = 0;
    bell one{[&] { ++rung; }};
    one.set_after(5ms);
    one.stop();
    EXPECT_FALSE(one.armed());
    sleep_for(10ms);
    EXPECT_EQ(rung, 0);
}

TENDRIL_HUB_TEST(alarm, may_be_disarmed_when_it_is_not_armed) {
    bell one{[] {}};
    one.stop();
    one.set_after(1ms);
    one.stop();
    one.stop();
    EXPECT_EQ(this_hub().statistics().alarms, 0U);
}

TENDRIL_HUB_TEST(alarm, disarms_itself_when_it_is_destroyed) {
    int rung = 0;
    {
        bell one{[&] { ++rung; }};
        one.set_after(1ms);
        EXPECT_EQ(this_hub().statistics().alarms, 1U);
    }
    EXPECT_EQ(this_hub().statistics().alarms, 0U);
    sleep_for(2ms);
    EXPECT_EQ(rung, 0);
}

TENDRIL_HUB_TEST(alarm, those_of_one_moment_expire_in_the_order_they_were_armed) {
    transcript seen;
    bell a{[&] { seen.push_back("a"); }};
    bell b{[&] { seen.push_back("b"); }};
    bell c{[&] { seen.push_back("c"); }};
    b.set_after(5ms);
    c.set_after(5ms);
    a.set_after(5ms);
    sleep_for(10ms);
    EXPECT_EQ(seen, (transcript{"b", "c", "a"}));
}

TENDRIL_HUB_TEST(alarm, an_earlier_moment_comes_first_whenever_it_was_armed) {
    transcript seen;
    bell late{[&] { seen.push_back("late"); }};
    bell early{[&] { seen.push_back("early"); }};
    late.set_after(6ms);
    early.set_after(5ms);
    clock.advance(1h);
    sleep_for(1ms);
    EXPECT_EQ(seen, (transcript{"early", "late"}));
}

TENDRIL_HUB_TEST(alarm, a_moment_that_is_past_comes_soon_and_not_inside_arm) {
    int rung = 0;
    bell one{[&] { ++rung; }};
    one.set(now() - 1h);
    EXPECT_EQ(rung, 0);
    test::lone_waiter pause;
    pause.park_until(deadline::at(now()));
    EXPECT_EQ(rung, 1);
}

TENDRIL_HUB_TEST(alarm, expires_later_than_everything_that_is_ready_in_the_same_turn) {
    transcript seen;
    bell one{[&] { seen.push_back("alarm"); }};
    one.set(now());
    this_hub().call_soon([&] { seen.push_back("callback"); });
    auto const other = this_hub().spawn_raw([&] { seen.push_back("greenlet"); });
    sleep_for(1ms);
    EXPECT_EQ(seen, (transcript{"callback", "greenlet", "alarm"}));
}

TENDRIL_HUB_TEST(alarm, one_that_always_arms_itself_again_does_not_keep_others_from_running) {
    int rung = 0;
    bool stop = false;
    bell one{[&] {
        if (!stop) {
            ++rung;
            one.set(now());
        }
    }};
    one.set(now());
    auto const other = this_hub().spawn_raw([&] {
        for (int step = 0; step < 5000; ++step) {
            yield();
        }
        stop = true;
    });
    sleep_for(1ms);
    EXPECT_TRUE(stop);
    EXPECT_GT(rung, 0);
}

TENDRIL_HUB_TEST(alarm, one_may_disarm_another_of_the_same_moment) {
    transcript seen;
    bell second{[&] { seen.push_back("second"); }};
    bell first{[&] {
        seen.push_back("first");
        second.stop();
    }};
    first.set_after(1ms);
    second.set_after(1ms);
    sleep_for(2ms);
    EXPECT_EQ(seen, (transcript{"first"}));
}

TENDRIL_HUB_TEST(alarm, may_be_armed_again_after_it_has_expired) {
    int rung = 0;
    bell one{[&] { ++rung; }};
    for (int lap = 0; lap < 3; ++lap) {
        one.set_after(1ms);
        sleep_for(2ms);
    }
    EXPECT_EQ(rung, 3);
}

TENDRIL_HUB_TEST(alarm, knows_the_hub_that_it_was_armed_in) {
    bell one{[] {}};
    EXPECT_EQ(one.home(), nullptr);
    one.set_after(1ms);
    EXPECT_EQ(one.home(), &this_hub());
}

TENDRIL_HUB_TEST(alarm, a_thousand_expire_in_the_order_of_their_moments) {
    std::vector<std::unique_ptr<bell>> all;
    std::vector<int> seen;
    for (int number = 0; number < 1000; ++number) {
        int const moment = number * 7919 % 1000;
        all.push_back(std::make_unique<bell>([&seen, moment] { seen.push_back(moment); }));
        all.back()->set_after(std::chrono::microseconds{moment});
    }
    sleep_for(2ms);
    EXPECT_EQ(seen.size(), 1000U);
    EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
}

TENDRIL_TEST(alarm, may_outlive_the_hub_that_it_is_armed_in) {
    int rung = 0;
    bell one{[&] { ++rung; }};
    run([&] { one.set_after(1h); });
    EXPECT_FALSE(one.armed());
    EXPECT_EQ(rung, 0);
}

TENDRIL_HUB_TEST(alarm, may_be_destroyed_while_it_expires) {
    bool gone = false;
    std::unique_ptr<bell> one;
    one = std::make_unique<bell>([&] {
        gone = true;
        one = nullptr;
    });
    one->set_after(1ms);
    sleep_for(2ms);
    EXPECT_TRUE(gone);
}

// A clock that has made a leap: the process was stopped, or the machine asleep.

TENDRIL_HUB_TEST(alarm, ten_thousand_that_are_due_at_once_expire_in_the_order_of_their_moments) {
    std::vector<std::unique_ptr<bell>> all;
    std::vector<int> seen;
    for (int number = 0; number < 10'000; ++number) {
        int const moment = number * 7919 % 10'000;
        all.push_back(std::make_unique<bell>([&seen, moment] { seen.push_back(moment); }));
        all.back()->set_after(std::chrono::hours{moment});
    }
    clock.advance(24h * 365 * 10);
    yield();
    sleep_for(1ns);
    EXPECT_EQ(seen.size(), 10'000U);
    EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
}
