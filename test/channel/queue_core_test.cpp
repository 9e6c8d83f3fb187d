// SPDX-License-Identifier: BSL-1.0
//
// Looking, the end, the bound, the beginning and copies: what all kinds of queue share.
#include <harness/tasks.hpp>
#include <tendril/channel/queue.hpp>
#include <tendril/support/random.hpp>

#include <functional>
#include <memory>
#include <stdexcept>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::attempt;
using test::outcome_of;
using test::start;

constexpr char const* is_shut_down = "the queue was shut down";

// Throws when it is copied.
struct uncopiable {
    uncopiable() = default;
    uncopiable(uncopiable const&) { throw std::runtime_error{"no copy"}; }
    uncopiable(uncopiable&&) = default;
};

}  // namespace

// Looking.

TENDRIL_HUB_TEST(queue_core, peek_shows_the_next_item_and_leaves_it) {
    queue<int> q{0, {1, 2}};
    EXPECT_EQ(q.peek(), 1);
    EXPECT_EQ(q.try_peek(), 1);
    EXPECT_EQ(q.peek_for(1s), 1);
    EXPECT_EQ(q.size(), 2U);
    EXPECT_EQ(q.get(), 1);
}

TENDRIL_HUB_TEST(queue_core, peek_waits_for_an_item_and_does_not_take_it) {
    queue<int> q;
    EXPECT_EQ(q.try_peek(), std::nullopt);
    EXPECT_EQ(q.peek_for(1ms), std::nullopt);
    task<int> looking = spawn([&] { return q.peek(); });
    yield();
    q.put(7);
    EXPECT_EQ(q.size(), 1U);
    EXPECT_EQ(looking.get(), 7);
    EXPECT_EQ(q.get(), 7);
}

TENDRIL_HUB_TEST(queue_core, one_item_serves_all_who_look_and_one_who_takes) {
    queue<int> q;
    task<int> before = spawn([&] { return q.peek(); });
    task<int> taking = spawn([&] { return q.get(); });
    task<int> behind = spawn([&] { return q.peek(); });
    yield();
    q.put(7);
    EXPECT_TRUE(q.empty());
    EXPECT_EQ(before.get(), 7);
    EXPECT_EQ(taking.get(), 7);
    EXPECT_EQ(behind.get(), 7);
}

TENDRIL_HUB_TEST(queue_core, who_looks_and_is_killed_leaves_the_item) {
    queue<int> q;
    attempt looking;
    start(looking, [&] { q.peek(); });
    yield();
    looking.run_by.kill();
    q.put(7);
    yield();
    EXPECT_EQ(looking.outcome, "exit");
    EXPECT_EQ(q.try_get(), 7);
}

TENDRIL_HUB_TEST(queue_core, an_item_that_cannot_be_copied_is_the_error_of_who_looks) {
    queue<uncopiable> q;
    attempt looking;
    start(looking, [&] { q.peek(); });
    yield();
    EXPECT_NO_THROW(q.put(uncopiable{}));
    yield();
    EXPECT_EQ(looking.outcome, "no copy");
    EXPECT_EQ(q.size(), 1U);
}

// The end.

TENDRIL_HUB_TEST(queue_core, after_shutdown_what_is_in_it_can_be_taken_and_nothing_put) {
    queue<int> q{0, {1, 2}};
    q.shutdown();
    q.shutdown();
    EXPECT_TRUE(q.is_shut_down());
    EXPECT_EQ(outcome_of([&] { q.put(3); }), is_shut_down);
    EXPECT_EQ(outcome_of([&] { q.try_put(3); }), is_shut_down);
    EXPECT_EQ(outcome_of([&] { q.put_for(1s, 3); }), is_shut_down);
    EXPECT_EQ(q.peek(), 1);
    EXPECT_EQ(q.get(), 1);
    EXPECT_EQ(q.try_get(), 2);
    for (auto const& call : std::vector<std::function<void()>>{
             [&] { q.get(); }, [&] { q.try_get(); }, [&] { q.get_for(1s); }, [&] { q.peek(); },
             [&] { q.try_peek(); }, [&] { q.peek_for(1s); }}) {
        EXPECT_EQ(outcome_of(call), is_shut_down);
    }
}

TENDRIL_HUB_TEST(queue_core, shutdown_wakes_all_who_wait_for_an_item) {
    queue<int> q;
    attempt all[3];
    start(all[0], [&] { q.get(); });
    start(all[1], [&] { q.get_for(1h); });
    start(all[2], [&] { q.peek(); });
    yield();
    q.shutdown();
    yield();
    for (attempt const& each : all) {
        EXPECT_EQ(each.outcome, is_shut_down);
    }
    EXPECT_EQ(this_hub().statistics().alarms, 0U);
}

TENDRIL_HUB_TEST(queue_core, shutdown_wakes_all_who_wait_for_room_and_their_items_stay_out) {
    queue<int> q{1, {1}};
    attempt all[2];
    start(all[0], [&] { q.put(2); });
    start(all[1], [&] { q.put_for(1h, 3); });
    yield();
    q.shutdown();
    EXPECT_EQ(q.get(), 1);
    yield();
    EXPECT_EQ(all[0].outcome, is_shut_down);
    EXPECT_EQ(all[1].outcome, is_shut_down);
    EXPECT_TRUE(q.empty());
    EXPECT_EQ(q.unfinished(), 1U);
}

TENDRIL_HUB_TEST(queue_core, shutdown_now_destroys_what_is_in_it_and_releases_join) {
    auto const item = std::make_shared<int>(1);
    queue<std::shared_ptr<int>> q;
    q.put(item);
    q.put(item);
    attempt joining;
    start(joining, [&] { q.join(); });
    yield();
    q.shutdown_now();
    EXPECT_EQ(item.use_count(), 1);
    yield();
    EXPECT_EQ(joining.outcome, "returned");
    EXPECT_EQ(outcome_of([&] { q.get(); }), is_shut_down);
}

TENDRIL_HUB_TEST(queue_core, after_shutdown_now_items_that_were_taken_are_still_to_be_done) {
    queue<int> q{0, {1, 2}};
    q.get();
    q.shutdown_now();
    EXPECT_EQ(q.unfinished(), 1U);
    EXPECT_FALSE(q.join_until(clock.now() + 1ms));
    q.task_done();
    EXPECT_TRUE(q.join_for(0s));
}

TENDRIL_HUB_TEST(queue_core, shutdown_on_another_thread_is_refused) {
    queue<int> q;
    attempt getting;
    start(getting, [&] { q.get(); });
    yield();
    EXPECT_EQ(test::outcome_elsewhere([&] { q.shutdown(); }), "wrong thread");
    EXPECT_FALSE(q.is_shut_down());
    q.put(1);
    yield();
    EXPECT_EQ(getting.outcome, "returned");
}

// The bound.

TENDRIL_ORDERED_HUB_TEST(queue_core, a_larger_capacity_lets_so_many_putters_in) {
    queue<int> q{1, {0}};
    attempt all[3];
    for (int number = 0; number < 3; ++number) {
        start(all[number], [&q, number] { q.put(number + 1); });
    }
    yield();
    q.set_capacity(3);
    EXPECT_EQ(q.size(), 3U);
    yield();
    EXPECT_EQ(all[1].outcome, "returned");
    EXPECT_EQ(all[2].outcome, "waits");
    q.set_capacity(0);
    EXPECT_EQ(q.size(), 4U);
}

TENDRIL_HUB_TEST(queue_core, a_smaller_capacity_keeps_what_is_in_it) {
    queue<int> q{3, {1, 2, 3}};
    q.set_capacity(1);
    EXPECT_EQ(q.size(), 3U);
    q.get();
    q.get();
    EXPECT_FALSE(q.try_put(4));
    q.get();
    EXPECT_TRUE(q.try_put(4));
}

// The beginning, and copies.

TENDRIL_HUB_TEST(queue_core, items_that_it_begins_with_count_as_put) {
    queue<int> q{2, {1, 2}};
    EXPECT_EQ(q.unfinished(), 2U);
    EXPECT_FALSE(q.join_for(1ms));
    EXPECT_EQ(outcome_of([] { queue<int>{1, {1, 2}}; }), "misuse");
}

TENDRIL_HUB_TEST(queue_core, a_copy_has_the_items_and_what_is_to_be_done_but_nobody_who_waits) {
    queue<int> q{2, {1, 2}};
    q.get();
    q.put(3);
    attempt putting;
    start(putting, [&] { q.put(4); });
    yield();
    queue<int> other = q.copy();
    EXPECT_EQ(other.unfinished(), 3U);
    EXPECT_EQ(other.capacity(), 2U);
    EXPECT_EQ(other.get(), 2);
    EXPECT_EQ(other.get(), 3);
    EXPECT_TRUE(other.empty());
    EXPECT_EQ(q.size(), 2U);
    EXPECT_EQ(putting.outcome, "waits");
    EXPECT_EQ(priority_queue<int>(0, {1, 3, 2}).copy().get(), 3);
    EXPECT_EQ(lifo_queue<int>(0, {1, 3, 2}).copy().get(), 2);
}

TENDRIL_TEST(queue_core, nobody_can_put_any_more_and_main_is_told) {
    EXPECT_EQ(
        outcome_of([] {
            run([] {
                queue<int> q;
                q.get();
            });
        }),
        "would block forever");
}

// Every kind of waiter on a queue whose capacity changes, killed at random.
TENDRIL_HUB_TEST(queue_core, puts_are_gets_and_what_is_left_whoever_is_killed) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        seeded_random random{seed};
        priority_queue<int> q{1};
        int put = 0;
        int got = 0;
        std::vector<task<void>> all;
        for (int number = 0; number < 150; ++number) {
            auto const limit = std::chrono::microseconds{random_below(random, 20)};
            all.push_back(spawn([&, number, limit] { put += q.put_for(limit, number) ? 1 : 0; }));
            all.push_back(spawn([&, limit] { got += q.get_for(limit) ? 1 : 0; }));
            all.push_back(spawn([&, limit] { q.peek_for(limit); }));
            all[random_below(random, all.size())].kill();
            q.set_capacity(1 + random_below(random, 3));
            if (random_below(random, 2) == 0) {
                sleep_for(std::chrono::microseconds{random_below(random, 10)});
            }
        }
        sleep_for(1s);
        EXPECT_EQ(got + static_cast<int>(q.size()), put) << "seed " << seed;
        EXPECT_EQ(q.unfinished(), static_cast<std::size_t>(put)) << "seed " << seed;
    }
}

// Durations of any size.

TENDRIL_HUB_TEST(queue_core, peek_takes_any_duration) {
    queue<int> q;
    auto const is_shown = [&](auto limit) {
        bool const shown = q.peek_for(limit).has_value();
        q.try_get();
        return shown;
    };
    test::expect_no_time_is_enough(clock, is_shown);
    test::expect_an_age_is_enough(is_shown, [&] { q.try_put(1); });
}

TENDRIL_HUB_TEST(queue_core, join_takes_any_duration) {
    queue<int> q;
    auto const is_done = [&](auto limit) {
        q.try_put(1);
        return q.join_for(limit);
    };
    test::expect_no_time_is_enough(clock, is_done);
    test::expect_an_age_is_enough(is_done, [&] {
        while (q.try_get()) {
            q.task_done();
        }
    });
}
