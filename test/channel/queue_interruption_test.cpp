// SPDX-License-Identifier: BSL-1.0
//
// Items are neither lost nor doubled when those who wait are interrupted.
#include <harness/tasks.hpp>
#include <tendril/channel/queue.hpp>
#include <tendril/support/random.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::attempt;
using test::outcome_of;
using test::start;
using test::transcript;

}  // namespace

TENDRIL_HUB_TEST(queue_interruption, a_getter_that_is_cancelled_leaves_the_item_to_the_next) {
    queue<int> q;
    attempt first;
    start(first, [&] { q.get(); });
    task<int> second = spawn([&] { return q.get(); });
    yield();
    first.run_by.cancel();
    q.put(7);
    EXPECT_EQ(second.get(), 7);
    first.run_by.join();
    EXPECT_EQ(first.outcome, "cancelled");
}

TENDRIL_HUB_TEST(queue_interruption, the_item_stays_when_every_getter_is_cancelled) {
    queue<int> q;
    attempt all[3];
    for (attempt& each : all) {
        start(each, [&] { q.get(); });
    }
    yield();
    for (attempt& each : all) {
        each.run_by.cancel();
    }
    q.put(7);
    yield();
    EXPECT_EQ(q.try_get(), 7);
}

TENDRIL_HUB_TEST(queue_interruption, a_getter_that_is_cancelled_after_the_put_has_its_item) {
    queue<int> q;
    transcript seen;
    task<void> const getter = spawn([&] {
        seen.push_back(std::to_string(q.get()));
        seen.push_back(outcome_of([] { yield(); }));
    });
    yield();
    q.put(7);
    getter.cancel();
    yield();
    EXPECT_EQ(seen, (transcript{"7", "cancelled"}));
    EXPECT_TRUE(q.empty());
}

TENDRIL_HUB_TEST(queue_interruption, a_getter_that_is_killed_after_the_put_has_its_item) {
    queue<int> q;
    transcript seen;
    task<void> const getter = spawn([&] {
        seen.push_back(std::to_string(*q.get_for(1s)));
        seen.push_back(outcome_of([] { yield(); }));
    });
    yield();
    q.put(7);
    getter.kill();
    yield();
    EXPECT_EQ(seen, (transcript{"7", "exit"}));
}

TENDRIL_HUB_TEST(queue_interruption, a_putter_that_is_cancelled_has_not_put_its_item) {
    queue<int> q{1};
    attempt first;
    attempt second;
    q.put(1);
    start(first, [&] { q.put(2); });
    start(second, [&] { q.put(3); });
    yield();
    first.run_by.cancel();
    EXPECT_EQ(q.try_get(), 1);
    yield();
    EXPECT_EQ(first.outcome, "cancelled");
    EXPECT_EQ(second.outcome, "returned");
    EXPECT_EQ(q.try_get(), 3);
    EXPECT_EQ(q.try_get(), std::nullopt);
}

TENDRIL_HUB_TEST(queue_interruption, a_putter_that_is_cancelled_after_there_was_room_has_put_it) {
    queue<int> q{1};
    transcript seen;
    q.put(1);
    task<void> const putter = spawn([&] {
        seen.push_back(outcome_of([&] { q.put(2); }));
        seen.push_back(outcome_of([] { yield(); }));
    });
    yield();
    EXPECT_EQ(q.try_get(), 1);
    putter.cancel();
    yield();
    EXPECT_EQ(seen, (transcript{"returned", "cancelled"}));
    EXPECT_EQ(q.try_get(), 2);
}

TENDRIL_HUB_TEST(queue_interruption, the_item_of_a_putter_that_is_cancelled_is_destroyed) {
    queue<std::shared_ptr<int>> q{1};
    auto const item = std::make_shared<int>(1);
    q.put(nullptr);
    attempt putter;
    start(putter, [&] { q.put(item); });
    yield();
    EXPECT_EQ(item.use_count(), 2);
    putter.run_by.cancel();
    yield();
    EXPECT_EQ(item.use_count(), 1);
}

TENDRIL_HUB_TEST(queue_interruption, an_outer_limit_passes_through) {
    queue<int> q{1};
    timeout const outer{1ms};
    try {
        q.get_for(1h);
        ADD_FAILURE();
    } catch (timed_out const& late) {
        EXPECT_TRUE(late.by(outer));
    }
    timeout const other{1ms};
    q.put(1);
    try {
        q.put_for(1h, 2);
        ADD_FAILURE();
    } catch (timed_out const& late) {
        EXPECT_TRUE(late.by(other));
    }
}

TENDRIL_HUB_TEST(queue_interruption, put_and_get_look_for_it_even_if_they_need_not_wait) {
    queue<int> q;
    q.put(1);
    transcript seen;
    task<void> const other = spawn([&] {
        for (auto const& call : std::vector<std::function<void()>>{
                 [&] { q.get(); },
                 [&] { q.get_for(1s); },
                 [&] { q.put(2); },
                 [&] { q.put_for(1s, 2); },
                 [&] { q.join_for(0s); },
             }) {
            other.cancel();
            seen.push_back(outcome_of(call));
        }
    });
    yield();
    EXPECT_EQ(seen, transcript(5, "cancelled"));
    EXPECT_EQ(q.size(), 1U);
}

TENDRIL_HUB_TEST(queue_interruption, calls_that_never_wait_do_not_look_for_it) {
    queue<int> q;
    transcript seen;
    task<void> const other = spawn([&] {
        other.cancel();
        seen.push_back(outcome_of([&] { q.try_put(1); }));
        seen.push_back(outcome_of([&] { q.try_get(); }));
        seen.push_back(outcome_of([&] { q.task_done(); }));
    });
    yield();
    EXPECT_EQ(seen, transcript(3, "returned"));
}

// Other threads, and callbacks.

TENDRIL_HUB_TEST(queue_interruption, put_on_another_thread_than_the_getters_is_refused) {
    queue<int> q;
    task<int> getter = spawn([&] { return q.get(); });
    yield();
    EXPECT_EQ(test::outcome_elsewhere([&] { q.put(1); }), "wrong thread");
    EXPECT_EQ(test::outcome_elsewhere([&] { q.try_put(1); }), "wrong thread");
    yield();
    EXPECT_FALSE(getter.done());
    q.put(7);
    EXPECT_EQ(getter.get(), 7);
}

TENDRIL_HUB_TEST(queue_interruption, get_on_another_thread_than_the_putters_loses_no_item) {
    queue<int> q{1};
    q.put(1);
    attempt putter;
    start(putter, [&] { q.put(2); });
    yield();
    EXPECT_EQ(test::outcome_elsewhere([&] { q.get(); }), "wrong thread");
    EXPECT_EQ(test::outcome_elsewhere([&] { q.try_get(); }), "wrong thread");
    EXPECT_EQ(q.try_get(), 1);
    EXPECT_EQ(q.try_get(), 2);
}

TENDRIL_HUB_TEST(queue_interruption, a_callback_can_put_and_get_but_not_wait) {
    queue<int> q{1};
    transcript seen;
    this_hub().call_soon([&] {
        seen.push_back(outcome_of([&] { q.put(1); }));
        seen.push_back(outcome_of([&] { q.put(2); }));
        seen.push_back(outcome_of([&] { q.get(); }));
        seen.push_back(outcome_of([&] { q.get(); }));
    });
    yield();
    EXPECT_EQ(seen, (transcript{"returned", "misuse", "returned", "misuse"}));
    EXPECT_TRUE(q.empty());
}

TENDRIL_TEST(queue_interruption, stops_the_program_when_it_is_destroyed_while_somebody_waits) {
    EXPECT_DEATH(
        run([] {
            auto q = std::make_unique<queue<int>>();
            spawn([&] { q->get(); });
            yield();
            q.reset();
        }),
        "a queue was destroyed while a greenlet waits for it");
}

// Putters and getters that are cancelled and limited at random.
TENDRIL_HUB_TEST(queue_interruption, no_item_is_lost_or_doubled_whoever_is_interrupted) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        seeded_random random{seed};
        queue<int> q{static_cast<std::size_t>(random_below(random, 3) + 1)};
        std::vector<int> times_got(200);
        int put = 0;
        std::vector<task<void>> all;
        for (int number = 0; number < 200; ++number) {
            auto const limit = std::chrono::microseconds{random_below(random, 20)};
            all.push_back(spawn([&, number, limit] { put += q.put_for(limit, number) ? 1 : 0; }));
            all.push_back(spawn([&, limit] {
                if (auto const item = q.get_for(limit)) {
                    ++times_got[static_cast<std::size_t>(*item)];
                }
            }));
            all[random_below(random, all.size())].cancel();
            if (random_below(random, 2) == 0) {
                sleep_for(std::chrono::microseconds{random_below(random, 10)});
            }
        }
        sleep_for(1s);
        int got = 0;
        for (int const times : times_got) {
            EXPECT_LE(times, 1) << "seed " << seed;
            got += times;
        }
        EXPECT_EQ(got + static_cast<int>(q.size()), put) << "seed " << seed;
    }
}
