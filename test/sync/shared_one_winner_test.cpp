// SPDX-License-Identifier: BSL-1.0
//
// A hand-over from another thread, a limit and a cancellation that meet: one of them wins.
#include <harness/greenlets.hpp>
#include <harness/hubs.hpp>
#include <tendril/sync/shared.hpp>
#include <tendril/time/sleep.hpp>

#include <algorithm>
#include <array>
#include <iostream>
#include <string>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::outcome_of;
using test::second_thread;
using test::virtual_clock;
using test::wish;

enum class source { give, cancel, expire };

// What one schedule does: three sources in some order, and after which of them the hub has a turn.
struct schedule {
    std::array<source, 3> order;
    unsigned turns;
    bool from_elsewhere;
};

// A primitive with one thing to give, and the two calls that matter.
template <typename Give, typename Take>
struct subject {
    Give give;
    Take take;
};
// clang 16 does not deduce it from the members.
template <typename Give, typename Take>
subject(Give, Take) -> subject<Give, Take>;

// Returns what the waiter had after the schedule, as "got", "limit" or "stopped", and whether its
// next wait was stopped.
template <typename Subject>
std::pair<std::string, bool> play(
    schedule const& plan, Subject& with, virtual_clock& clock, second_thread& elsewhere) {
    std::string first;
    bool stopped_later = false;
    wish stop{"stopped"};
    auto const waits = this_hub().spawn_raw([&] {
        bool got = false;
        first = outcome_of([&] { got = with.take(); });
        first = first == "returned" ? (got ? "got" : "limit") : first;
        stopped_later = test::sleep_outcome() == "stopped";
    });
    yield();
    for (unsigned step = 0; step < 3; ++step) {
        switch (plan.order[step]) {
        case source::give:
            plan.from_elsewhere ? elsewhere.run([&] { with.give(); }) : with.give();
            break;
        case source::cancel:
            if (!waits.dead()) {
                request(*waits.block(), stop);
            }
            break;
        case source::expire:
            clock.advance(1h);
            break;
        }
        if ((plan.turns & (1U << step)) != 0) {
            sleep_for(1ns);
        }
    }
    sleep_for(1h);
    EXPECT_TRUE(waits.dead());
    return {first, stopped_later};
}

// Plays all schedules with new primitives; `judge` says what must hold of the outcome.
template <typename Make>
int play_all(virtual_clock& clock, Make make) {
    int played = 0;
    second_thread elsewhere;
    std::array<source, 3> order{source::give, source::cancel, source::expire};
    do {
        for (unsigned turns = 0; turns < 8; ++turns) {
            for (bool const from_elsewhere : {false, true}) {
                make(schedule{order, turns, from_elsewhere}, clock, elsewhere);
                ++played;
            }
        }
    } while (std::next_permutation(order.begin(), order.end()));
    std::cout << "    " << played << " schedules\n";
    return played;
}

}  // namespace

TENDRIL_HUB_TEST(shared_one_winner, a_permit_goes_to_the_waiter_or_stays_in_all_96_schedules) {
    int const played = play_all(clock, [](auto const& plan, auto& time, auto& elsewhere) {
        shared_semaphore s{0};
        subject with{[&] { s.release(); }, [&] { return s.try_acquire_for(1min); }};
        auto const [outcome, stopped_later] = play(plan, with, time, elsewhere);
        EXPECT_EQ(s.available(), outcome == "got" ? 0 : 1) << outcome;
        EXPECT_EQ(s.waiting(), 0U);
        EXPECT_FALSE(outcome == "stopped" && stopped_later) << "delivered twice";
    });
    EXPECT_EQ(played, 96);
}

TENDRIL_HUB_TEST(shared_one_winner, an_item_goes_to_the_getter_or_stays_in_all_96_schedules) {
    int const played = play_all(clock, [](auto const& plan, auto& time, auto& elsewhere) {
        shared_queue<int> q;
        subject with{[&] { q.put(1); }, [&] { return q.get_for(1min).has_value(); }};
        auto const [outcome, stopped_later] = play(plan, with, time, elsewhere);
        EXPECT_EQ(q.size(), outcome == "got" ? 0U : 1U) << outcome;
        EXPECT_EQ(q.waiting(), 0U);
        EXPECT_FALSE(outcome == "stopped" && stopped_later) << "delivered twice";
    });
    EXPECT_EQ(played, 96);
}

TENDRIL_HUB_TEST(shared_one_winner, an_item_of_a_putter_is_in_or_is_not_in_all_96_schedules) {
    int const played = play_all(clock, [](auto const& plan, auto& time, auto& elsewhere) {
        shared_queue<int> q{1};
        q.put(1);
        subject with{[&] { q.try_get(); }, [&] { return q.put_for(1min, 2); }};
        auto const [outcome, stopped_later] = play(plan, with, time, elsewhere);
        EXPECT_EQ(q.size(), outcome == "got" ? 1U : 0U) << outcome;
        EXPECT_EQ(q.waiting(), 0U);
        EXPECT_FALSE(outcome == "stopped" && stopped_later) << "delivered twice";
    });
    EXPECT_EQ(played, 96);
}

TENDRIL_HUB_TEST(shared_one_winner, who_was_given_a_permit_keeps_it_and_is_cancelled_later) {
    shared_semaphore s{0};
    second_thread elsewhere;
    schedule const plan{{source::give, source::cancel, source::expire}, 0, true};
    subject with{[&] { s.release(); }, [&] { return s.try_acquire_for(1min); }};
    auto const [outcome, stopped_later] = play(plan, with, clock, elsewhere);
    EXPECT_EQ(outcome, "got");
    EXPECT_TRUE(stopped_later);
}

TENDRIL_HUB_TEST(shared_one_winner, who_was_cancelled_first_leaves_the_permit_to_the_next) {
    shared_semaphore s{0};
    second_thread elsewhere;
    bool next_has_it = false;
    wish stop{"stopped"};
    std::string first;
    auto const waits = this_hub().spawn_raw([&] { first = outcome_of([&] { s.acquire(); }); });
    this_hub().spawn_raw([&] { next_has_it = s.try_acquire_for(1min); });
    yield();
    request(*waits.block(), stop);
    elsewhere.run([&] { s.release(); });
    sleep_for(1ns);
    EXPECT_EQ(first, "stopped");
    EXPECT_TRUE(next_has_it);
}
