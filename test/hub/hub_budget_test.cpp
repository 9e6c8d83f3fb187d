// SPDX-License-Identifier: BSL-1.0
//
// The budget of a turn: how long greenlets may keep the loop waiting, and each other.
#include <harness/hubs.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/time/sleep.hpp>

#include <boost/asio/post.hpp>

#include <cstdint>
#include <functional>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::lone_waiter;
using test::transcript;

// Says, as main of a hub with such a budget, what happened while two greenlets woke each other.
template <typename Start>
bool comes_through(int budget, Start&& start) {
    bool came = false;
    test::virtual_clock clock;
    run({.clock = &clock, .budget = budget}, [&] {
        auto const spin = [&] {
            while (!came) {
                yield();
            }
        };
        auto const first = this_hub().spawn_raw(spin);
        auto const second = this_hub().spawn_raw(spin);
        start(came);
        for (int turn = 0; turn < 10 * budget + 100 && !came; ++turn) {
            yield();
        }
        EXPECT_TRUE(came);
        came = true;
    });
    return came;
}

}  // namespace

TENDRIL_TEST(hub, greenlets_that_wake_each_other_cannot_keep_a_delayed_call_from_coming) {
    EXPECT_TRUE(
        comes_through(64, [](bool& came) { this_hub().call_at(now(), [&] { came = true; }); }));
}

TENDRIL_TEST(hub, greenlets_that_wake_each_other_cannot_keep_a_post_from_coming) {
    EXPECT_TRUE(
        comes_through(64, [](bool& came) { this_hub().remote().post([&] { came = true; }); }));
}

TENDRIL_TEST(hub, greenlets_that_wake_each_other_cannot_keep_a_handler_from_coming) {
    EXPECT_TRUE(comes_through(
        64, [](bool& came) { boost::asio::post(this_hub().context(), [&] { came = true; }); }));
}

TENDRIL_TEST(hub, one_that_only_yields_cannot_keep_a_post_from_coming) {
    bool came = false;
    run({.budget = 64}, [&] {
        this_hub().remote().post([&] { came = true; });
        for (int turn = 0; turn < 1000 && !came; ++turn) {
            yield();
        }
    });
    EXPECT_TRUE(came);
}

TENDRIL_TEST(hub, callbacks_that_ask_for_each_other_cannot_keep_an_alarm_from_coming) {
    bool came = false;
    test::virtual_clock clock;
    run({.clock = &clock, .budget = 64}, [&] {
        int left = 1000;
        std::function<void()> again = [&] {
            if (!came && --left > 0) {
                this_hub().call_soon(again);
            }
        };
        again();
        sleep_until(deadline::at(now() - 1ns));
        lone_waiter pause;
        pause.park_until(deadline::at(now()));
        came = true;
        EXPECT_GT(left, 0);
    });
}

TENDRIL_TEST(hub, a_turn_takes_as_many_steps_as_the_budget_allows) {
    run({.budget = 10}, [] {
        std::uint64_t const turns = this_hub().statistics().turns;
        auto const other = this_hub().spawn_raw([] {
            for (int step = 0; step < 50; ++step) {
                yield();
            }
        });
        for (int step = 0; step < 50; ++step) {
            yield();
        }
        std::uint64_t const taken = this_hub().statistics().turns - turns;
        EXPECT_GE(taken, 9U);
        EXPECT_LE(taken, 11U);
    });
}

TENDRIL_TEST(hub, spending_the_budget_says_when_it_is_used_up) {
    run({.budget = 10}, [] {
        sleep_for(1ns);
        EXPECT_FALSE(this_hub().spend(5));
        EXPECT_TRUE(this_hub().spend(6));
        yield();
        EXPECT_FALSE(this_hub().spend(1));
    });
}

// A server's greenlet that is in the middle of an answer is not sent behind ten thousand others
// because they have used up the budget.
TENDRIL_TEST(hub, who_has_made_few_steps_goes_on_when_others_have_used_up_the_budget) {
    // It outlives the main greenlet.
    int turns_of_another = 0;
    run({.budget = 100}, [&] {
        auto const another = this_hub().spawn_raw([&] {
            for (; turns_of_another < 45; ++turns_of_another) {
                yield();
            }
        });
        sleep_for(1ns);
        while (turns_of_another < 40) {
            yield();
        }
        int const before = turns_of_another;
        for (int step = 0; step < 60; ++step) {
            ASSERT_FALSE(this_hub().spend(1)) << "step " << step;
        }
        EXPECT_EQ(turns_of_another, before);
    });
}

TENDRIL_TEST(hub, a_greenlet_makes_64_steps_in_a_row_and_then_it_is_the_turn_of_others) {
    run([] {
        sleep_for(1ns);
        for (int round = 0; round < 3; ++round) {
            EXPECT_FALSE(this_hub().spend(64));
            EXPECT_TRUE(this_hub().spend(1));
            yield();
        }
        EXPECT_TRUE(this_hub().spend(65));
    });
}

TENDRIL_TEST(hub, who_spends_after_another_has_a_share_of_its_own) {
    run([] {
        auto const another = this_hub().spawn_raw([] { EXPECT_FALSE(this_hub().spend(64)); });
        EXPECT_FALSE(this_hub().spend(64));
        yield();
        EXPECT_FALSE(this_hub().spend(64));
    });
}

TENDRIL_TEST(hub, everything_works_with_a_budget_of_one) {
    transcript seen;
    test::virtual_clock clock;
    run({.clock = &clock, .budget = 1}, [&] {
        hub& here = this_hub();
        auto const a = here.spawn_raw([&] {
            seen.push_back("a");
            sleep_for(2ms);
            seen.push_back("a again");
        });
        here.call_soon([&] { seen.push_back("call"); });
        here.call_later(1ms, [&] { seen.push_back("later"); });
        here.remote().post([&] { seen.push_back("post"); });
        yield();
        seen.push_back("main");
        sleep_for(3ms);
    });
    EXPECT_EQ(seen.size(), 6U);
    std::sort(seen.begin(), seen.end());
    EXPECT_EQ(seen, (transcript{"a", "a again", "call", "later", "main", "post"}));
}
