// SPDX-License-Identifier: BSL-1.0
//
// Values are neither lost nor doubled when those who wait are interrupted, and whoever may wait
// looks for it.
#include <harness/failing_allocations.hpp>
#include <harness/tasks.hpp>
#include <tendril/channel/channel.hpp>
#include <tendril/support/random.hpp>

#include <functional>
#include <memory>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::attempt;
using test::outcome_of;
using test::start;
using test::transcript;

}  // namespace

TENDRIL_ORDERED_HUB_TEST(
    channel_interruption, a_receiver_that_is_cancelled_leaves_the_value_to_the_next) {
    channel<int> ch;
    attempt first;
    start(first, [&] { ch.receive(); });
    task<int> second = spawn([&] { return ch.receive(); });
    yield();
    first.run_by.cancel();
    EXPECT_TRUE(ch.try_send(7));
    EXPECT_EQ(second.get(), 7);
    EXPECT_EQ(first.outcome, "cancelled");
}

TENDRIL_HUB_TEST(channel_interruption, a_receiver_that_is_killed_after_the_send_has_its_value) {
    channel<int> ch;
    transcript seen;
    task<void> const receiving = spawn([&] {
        seen.push_back(std::to_string(ch.receive()));
        seen.push_back(outcome_of([] { yield(); }));
    });
    yield();
    ch.send(7);
    receiving.kill();
    yield();
    EXPECT_EQ(seen, (transcript{"7", "exit"}));
}

TENDRIL_HUB_TEST(channel_interruption, a_sender_that_is_killed_has_not_sent) {
    channel<int> ch;
    attempt first;
    attempt second;
    start(first, [&] { ch.send(1); });
    start(second, [&] { ch.send(2); });
    yield();
    first.run_by.kill();
    EXPECT_EQ(ch.try_receive(), 2);
    EXPECT_EQ(ch.try_receive(), std::nullopt);
    yield();
    EXPECT_EQ(first.outcome, "exit");
    EXPECT_EQ(second.outcome, "returned");
}

TENDRIL_HUB_TEST(channel_interruption, a_sender_that_is_killed_after_the_receive_has_sent) {
    channel<int> ch;
    transcript seen;
    task<void> const sending = spawn([&] {
        seen.push_back(outcome_of([&] { ch.send(1); }));
        seen.push_back(outcome_of([] { yield(); }));
    });
    yield();
    EXPECT_EQ(ch.receive(), 1);
    sending.kill();
    yield();
    EXPECT_EQ(seen, (transcript{"returned", "exit"}));
}

TENDRIL_HUB_TEST(channel_interruption, a_value_beats_a_limit_of_the_same_turn) {
    channel<int> ch;
    task<bool> receiving = spawn([&] { return ch.receive_for(1ms).has_value(); });
    yield();
    clock.advance(1ms);
    EXPECT_TRUE(ch.try_send(1));
    EXPECT_TRUE(receiving.get());
}

TENDRIL_HUB_TEST(channel_interruption, an_outer_limit_passes_through) {
    channel<int> ch;
    for (auto const& call : std::vector<std::function<void()>>{
             [&] { ch.receive_for(1h); },
             [&] { ch.send_for(1h, 1); },
             [&] { ch.next(); },
         }) {
        timeout const outer{1ms};
        EXPECT_EQ(outcome_of(call), "timed out");
    }
    EXPECT_EQ(clock.elapsed(), 3ms);
}

TENDRIL_HUB_TEST(channel_interruption, send_and_receive_look_for_it_even_if_they_need_not_wait) {
    channel<int> ch{4};
    ch.send(1);
    transcript seen;
    task<void> const other = spawn([&] {
        for (auto const& call : std::vector<std::function<void()>>{
                 [&] { ch.receive(); },
                 [&] { ch.receive_for(1s); },
                 [&] { ch.next(); },
                 [&] { ch.send(2); },
                 [&] { ch.send_for(1s, 2); },
             }) {
            other.cancel();
            seen.push_back(outcome_of(call));
        }
    });
    yield();
    EXPECT_EQ(seen, transcript(5, "cancelled"));
    EXPECT_EQ(ch.size(), 1U);
}

TENDRIL_HUB_TEST(channel_interruption, calls_that_never_wait_do_not_look_for_it) {
    channel<int> ch{4};
    transcript seen;
    task<void> const other = spawn([&] {
        other.cancel();
        seen.push_back(outcome_of([&] { ch.try_send(1); }));
        seen.push_back(outcome_of([&] { ch.try_receive(); }));
        seen.push_back(outcome_of([&] { ch.close(); }));
    });
    yield();
    EXPECT_EQ(seen, transcript(3, "returned"));
}

TENDRIL_HUB_TEST(channel_interruption, another_thread_is_refused_and_nothing_is_lost) {
    channel<int> ch{1};
    ch.send(1);
    attempt sending;
    start(sending, [&] { ch.send(2); });
    yield();
    EXPECT_EQ(test::outcome_elsewhere([&] { ch.try_receive(); }), "wrong thread");
    EXPECT_EQ(test::outcome_elsewhere([&] { ch.close(); }), "wrong thread");
    EXPECT_FALSE(ch.closed());
    EXPECT_EQ(ch.try_receive(), 1);
    EXPECT_EQ(ch.try_receive(), 2);
}

TENDRIL_HUB_TEST(channel_interruption, a_send_to_a_receiver_on_another_thread_is_refused) {
    channel<int> ch;
    task<int> receiving = spawn([&] { return ch.receive(); });
    yield();
    EXPECT_EQ(test::outcome_elsewhere([&] { ch.try_send(1); }), "wrong thread");
    EXPECT_TRUE(ch.try_send(7));
    EXPECT_EQ(receiving.get(), 7);
}

TENDRIL_HUB_TEST(channel_interruption, a_callback_can_send_and_receive_but_not_wait) {
    channel<int> ch{1};
    transcript seen;
    this_hub().call_soon([&] {
        for (auto const& call : std::vector<std::function<void()>>{
                 [&] { ch.send(1); },
                 [&] { ch.send(2); },
                 [&] { ch.receive(); },
                 [&] { ch.receive(); },
             }) {
            seen.push_back(outcome_of(call));
        }
    });
    yield();
    EXPECT_EQ(seen, (transcript{"returned", "misuse", "returned", "misuse"}));
    EXPECT_TRUE(ch.try_send(3)) << "who was refused does not stand in the queue";
}

TENDRIL_HUB_TEST(channel_interruption, sending_and_receiving_allocate_nothing) {
    channel<int> ch;
    task<void> const answering = spawn([&] {
        for (int number = 0; number < 10; ++number) {
            ch.send(ch.receive());
        }
    });
    yield();
    test::no_allocation const until_end;
    for (int number = 0; number < 10; ++number) {
        ch.send(number);
        EXPECT_EQ(ch.receive(), number);
    }
}

TENDRIL_TEST(channel_interruption, nobody_can_wake_a_lone_receiver_and_main_is_told) {
    EXPECT_EQ(
        outcome_of([] {
            run([] {
                channel<int> ch;
                ch.receive();
            });
        }),
        "would block forever");
}

TENDRIL_TEST(channel_interruption, stops_the_program_when_it_is_destroyed_while_somebody_waits) {
    EXPECT_DEATH(
        run([] {
            auto ch = std::make_unique<channel<int>>();
            spawn([&] { ch->receive(); });
            yield();
            ch.reset();
        }),
        "a channel was destroyed while a greenlet waits for it");
}

// Senders and receivers that are killed, cancelled and limited at random.
TENDRIL_HUB_TEST(channel_interruption, no_value_is_lost_or_doubled_whoever_is_interrupted) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        seeded_random random{seed};
        channel<int> ch{static_cast<std::size_t>(random_below(random, 3))};
        std::vector<int> times_received(100);
        int sent = 0;
        std::vector<task<void>> all;
        for (int number = 0; number < 100; ++number) {
            auto const limit = std::chrono::microseconds{random_below(random, 20)};
            all.push_back(
                spawn([&, number, limit] { sent += ch.send_for(limit, number) ? 1 : 0; }));
            all.push_back(spawn([&, limit] {
                if (auto const item = ch.receive_for(limit)) {
                    ++times_received[static_cast<std::size_t>(*item)];
                }
            }));
            task<void> const& victim = all[random_below(random, all.size())];
            if (random_below(random, 2) == 0) {
                victim.kill();
            } else {
                victim.cancel();
            }
            if (random_below(random, 2) == 0) {
                sleep_for(std::chrono::microseconds{random_below(random, 10)});
            }
        }
        sleep_for(1s);
        int received = 0;
        for (int const times : times_received) {
            EXPECT_LE(times, 1) << "seed " << seed;
            received += times;
        }
        EXPECT_EQ(received + static_cast<int>(ch.size()), sent) << "seed " << seed;
    }
}
