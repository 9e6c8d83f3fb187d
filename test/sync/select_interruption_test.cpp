// SPDX-License-Identifier: BSL-1.0
//
// A select that is interrupted has left every queue, and one that has won takes one thing only.
#include <harness/failing_allocations.hpp>
#include <harness/tasks.hpp>
#include <tendril/channel/channel.hpp>
#include <tendril/support/random.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/sync/select.hpp>

#include <memory>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::attempt;
using test::outcome_of;
using test::start;
using test::transcript;

// Two channels, an event and a limit, and who waits for one of them.
struct crossroads {
    channel<int> in;
    channel<int> out;
    event stop;

    std::size_t wait(transcript& seen) {
        return select(
            in.on_receive([&](int number) { seen.push_back("in " + std::to_string(number)); }),
            out.on_send(7, [&] { seen.push_back("out"); }),
            stop.on_set([&] { seen.push_back("stop"); }),
            after(1h, [&] { seen.push_back("late"); }));
    }

    // Says whether nobody stands in a queue.
    bool queues_are_empty() { return !in.try_send(0) && !out.try_receive(); }
    // The same, and that no limit is left.
    bool is_free() { return queues_are_empty() && this_hub().statistics().alarms == 0; }
};

}  // namespace

TENDRIL_HUB_TEST(select_interruption, one_that_is_killed_has_left_every_queue) {
    crossroads at;
    transcript seen;
    attempt waiting;
    start(waiting, [&] { at.wait(seen); });
    yield();
    waiting.run_by.kill();
    EXPECT_FALSE(at.in.try_send(1)) << "it has left at once, before it has run";
    yield();
    EXPECT_EQ(waiting.outcome, "exit");
    EXPECT_TRUE(at.is_free());
    EXPECT_EQ(seen, transcript{});
}

TENDRIL_HUB_TEST(select_interruption, one_that_is_cancelled_has_left_every_queue) {
    crossroads at;
    transcript seen;
    attempt waiting;
    start(waiting, [&] { at.wait(seen); });
    yield();
    waiting.run_by.cancel();
    yield();
    EXPECT_EQ(waiting.outcome, "cancelled");
    EXPECT_TRUE(at.is_free());
}

TENDRIL_HUB_TEST(select_interruption, an_outer_limit_passes_through) {
    crossroads at;
    transcript seen;
    timeout const outer{1ms};
    EXPECT_EQ(outcome_of([&] { at.wait(seen); }), "timed out");
    EXPECT_EQ(seen, transcript{});
    EXPECT_FALSE(at.in.try_send(1));
}

TENDRIL_HUB_TEST(select_interruption, one_that_is_killed_after_it_was_given_a_value_has_it) {
    crossroads at;
    transcript seen;
    attempt waiting;
    start(waiting, [&] {
        at.wait(seen);
        seen.push_back(outcome_of([] { yield(); }));
    });
    yield();
    EXPECT_TRUE(at.in.try_send(1));
    waiting.run_by.kill();
    yield();
    EXPECT_EQ(seen, (transcript{"in 1", "exit"}));
}

TENDRIL_HUB_TEST(select_interruption, nothing_is_given_to_one_that_has_won_elsewhere) {
    crossroads at;
    transcript seen;
    attempt waiting;
    start(waiting, [&] { at.wait(seen); });
    yield();
    EXPECT_EQ(at.out.try_receive(), 7);
    at.stop.set();
    EXPECT_TRUE(at.queues_are_empty()) << "before it has run";
    yield();
    EXPECT_EQ(seen, (transcript{"out"}));
}

TENDRIL_HUB_TEST(select_interruption, a_value_beats_a_limit_of_the_same_turn) {
    channel<int> ch;
    task<std::size_t> waiting = spawn(
        [&] { return select(after(1ms, [] {}), ch.on_receive([](int) {})); });
    yield();
    clock.advance(1ms);
    EXPECT_TRUE(ch.try_send(1));
    EXPECT_EQ(waiting.get(), 1U);
}

TENDRIL_HUB_TEST(select_interruption, it_looks_for_it_even_if_it_need_not_wait) {
    channel<int> ch{1};
    ch.send(1);
    transcript seen;
    task<void> const other = spawn([&] {
        other.cancel();
        seen.push_back(outcome_of([&] { select(ch.on_receive([](int) {})); }));
        other.cancel();
        seen.push_back(outcome_of([&] { select(otherwise([] {})); }));
    });
    yield();
    EXPECT_EQ(seen, (transcript{"cancelled", "cancelled"}));
    EXPECT_EQ(ch.size(), 1U);
}

TENDRIL_HUB_TEST(select_interruption, a_callback_cannot_wait_and_stands_in_no_queue) {
    crossroads at;
    transcript seen;
    std::string outcome;
    this_hub().call_soon([&] { outcome = outcome_of([&] { at.wait(seen); }); });
    yield();
    EXPECT_EQ(outcome, "misuse");
    EXPECT_TRUE(at.is_free());
}

TENDRIL_HUB_TEST(select_interruption, another_thread_is_refused_and_the_select_goes_on) {
    crossroads at;
    transcript seen;
    attempt waiting;
    start(waiting, [&] { at.wait(seen); });
    yield();
    EXPECT_EQ(test::outcome_elsewhere([&] { at.in.try_send(1); }), "wrong thread");
    EXPECT_EQ(test::outcome_elsewhere([&] { at.stop.set(); }), "wrong thread");
    EXPECT_EQ(waiting.outcome, "waits");
    EXPECT_TRUE(at.in.try_send(2));
    yield();
    EXPECT_EQ(seen, (transcript{"in 2"}));
}

TENDRIL_HUB_TEST(select_interruption, allocates_nothing) {
    channel<int> ch;
    event stop;
    task<void> const sending = spawn([&] {
        for (int number = 0; number < 3; ++number) {
            ch.send(number);
        }
    });
    int sum = 0;
    test::no_allocation const until_end;
    for (int number = 0; number < 3; ++number) {
        select(ch.on_receive([&](int received) { sum += received; }), stop.on_set([] {}));
    }
    EXPECT_EQ(sum, 3);
}

// Selects and plain calls on two channels and an event, killed and limited at random.
TENDRIL_HUB_TEST(select_interruption, no_value_is_lost_or_doubled_whoever_is_interrupted) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        seeded_random random{seed};
        channel<int> a{static_cast<std::size_t>(random_below(random, 3))};
        channel<int> b;
        int sent = 0;
        int received = 0;
        auto const sends = [&] { ++sent; };
        auto const receives = [&](int) { ++received; };
        std::vector<task<void>> all;
        for (int number = 0; number < 150; ++number) {
            auto const limit = std::chrono::microseconds{random_below(random, 20)};
            switch (random_below(random, 4)) {
            case 0:
                all.push_back(spawn([&, limit] {
                    select(a.on_send(1, sends), b.on_send(1, sends), after(limit, [] {}));
                }));
                break;
            case 1:
                all.push_back(spawn([&, limit] {
                    select(a.on_receive(receives), b.on_receive(receives), after(limit, [] {}));
                }));
                break;
            case 2:
                all.push_back(spawn([&, limit] { sent += b.send_for(limit, 1) ? 1 : 0; }));
                break;
            default:
                all.push_back(spawn([&, limit] { received += a.receive_for(limit) ? 1 : 0; }));
            }
            all[random_below(random, all.size())].kill();
            if (random_below(random, 2) == 0) {
                sleep_for(std::chrono::microseconds{random_below(random, 10)});
            }
        }
        sleep_for(1s);
        EXPECT_EQ(received + static_cast<int>(a.size()), sent) << "seed " << seed;
        EXPECT_EQ(b.try_receive(), std::nullopt) << "seed " << seed;
    }
}
