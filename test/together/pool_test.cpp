// SPDX-License-Identifier: BSL-1.0
#include <harness/tasks.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/together/pool.hpp>

#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::attempt;
using test::outcome_of;
using test::start;
using test::transcript;

struct pool_sleeps {
    std::chrono::milliseconds time;
    void operator()() const { sleep_for(time); }
};

}  // namespace

TENDRIL_HUB_TEST(pool, lets_so_many_tasks_run_at_a_time) {
    pool tasks{2};
    int running = 0;
    int most = 0;
    for (int i = 0; i < 5; ++i) {
        tasks.spawn([&] {
            most = std::max(most, ++running);
            sleep_for(1ms);
            --running;
        });
    }
    tasks.join();
    EXPECT_EQ(most, 2);
    EXPECT_EQ(clock.elapsed(), 3ms);
    EXPECT_EQ(tasks.free_count(), 2);
}

TENDRIL_ORDERED_HUB_TEST(pool, those_who_wait_for_a_slot_get_it_in_the_order_they_came) {
    pool tasks{1};
    tasks.spawn(pool_sleeps{1ms});
    transcript seen;
    std::vector<task<void>> waiting;
    for (std::string const name : {"a", "b", "c"}) {
        waiting.push_back(spawn([&, name] { tasks.spawn([&, name] { seen.push_back(name); }); }));
    }
    for (auto& each : waiting) {
        each.join();
    }
    tasks.join();
    EXPECT_EQ(seen, (transcript{"a", "b", "c"}));
}

TENDRIL_HUB_TEST(pool, a_slot_that_becomes_free_goes_to_the_one_that_waits) {
    pool tasks{1};
    auto first = tasks.spawn(pool_sleeps{1ms});
    attempt waiting;
    start(waiting, [&] { tasks.spawn(pool_sleeps{1ms}); });
    first.join();
    EXPECT_EQ(tasks.free_count(), 0);
    EXPECT_FALSE(tasks.try_spawn([] {}).has_value());
    tasks.join();
    EXPECT_EQ(waiting.outcome, "returned");
    EXPECT_EQ(clock.elapsed(), 2ms);
}

TENDRIL_HUB_TEST(pool, a_try_does_nothing_when_it_is_full) {
    pool tasks{1};
    auto first = tasks.try_spawn(pool_sleeps{1ms});
    ASSERT_TRUE(first.has_value());
    std::string argument = "unchanged, and long enough to be moved";
    EXPECT_FALSE(tasks.try_spawn([](std::string const&) {}, std::move(argument)).has_value());
    EXPECT_EQ(argument, "unchanged, and long enough to be moved");
    auto other = spawn([] {});
    EXPECT_FALSE(tasks.try_add(other));
    EXPECT_FALSE(tasks.contains(other));
    EXPECT_TRUE(tasks.full());
    other.join();
    tasks.join();
}

TENDRIL_HUB_TEST(pool, a_limited_wait_for_a_slot_tracks_nothing_when_it_runs_out) {
    pool tasks{1};
    tasks.spawn(pool_sleeps{2ms});
    EXPECT_FALSE(tasks.spawn_for(1ms, [] {}).has_value());
    EXPECT_EQ(tasks.size(), 1U);
    EXPECT_TRUE(tasks.spawn_for(2ms, [] {}).has_value());
    tasks.join();
    tasks.spawn(pool_sleeps{2ms});
    auto t = spawn(pool_sleeps{1h});
    EXPECT_FALSE(tasks.add_for(1ms, t));
    EXPECT_TRUE(tasks.add_for(2ms, t));
    tasks.kill();
    EXPECT_TRUE(t.was_cancelled());
}

TENDRIL_HUB_TEST(pool, one_that_is_cancelled_while_it_waits_takes_no_slot) {
    pool tasks{1};
    auto first = tasks.spawn(pool_sleeps{1ms});
    attempt waiting;
    start(waiting, [&] { tasks.spawn([] {}); });
    yield();
    waiting.run_by.cancel();
    waiting.run_by.join();
    EXPECT_EQ(waiting.outcome, "cancelled");
    first.join();
    EXPECT_EQ(tasks.free_count(), 1);
}

TENDRIL_HUB_TEST(pool, gives_the_slot_back_when_the_task_cannot_be_made) {
    pool tasks{1};
    EXPECT_EQ(
        outcome_of([&] { tasks.spawn({.stack_size = std::size_t{1} << 40}, [] {}); }), "misuse");
    EXPECT_EQ(tasks.free_count(), 1);
    EXPECT_EQ(outcome_of([&] { tasks.add(any_task{}); }), "misuse");
    EXPECT_EQ(tasks.free_count(), 1);
    tasks.join();
}

TENDRIL_HUB_TEST(pool, a_task_that_is_killed_before_it_begins_gives_its_slot_back) {
    pool tasks{1};
    auto t = tasks.spawn([] {});
    t.kill();
    t.join();
    EXPECT_EQ(tasks.free_count(), 1);
}

TENDRIL_HUB_TEST(pool, discarding_gives_the_slot_back_once) {
    pool tasks{1};
    auto t = tasks.spawn(pool_sleeps{1ms});
    tasks.discard(t);
    EXPECT_EQ(tasks.free_count(), 1);
    t.join();
    EXPECT_EQ(tasks.free_count(), 1);
}

TENDRIL_HUB_TEST(pool, a_task_that_ends_while_it_is_to_be_added_takes_no_slot) {
    pool tasks{1};
    tasks.spawn(pool_sleeps{2ms});
    auto t = spawn(pool_sleeps{1ms});
    tasks.add(t);
    EXPECT_EQ(clock.elapsed(), 2ms);
    EXPECT_EQ(tasks.free_count(), 1);
}

TENDRIL_HUB_TEST(pool, with_no_slot_waits_for_ever_and_with_fewer_is_refused) {
    pool none{0};
    EXPECT_TRUE(none.full());
    EXPECT_FALSE(none.spawn_for(1h, [] {}).has_value());
    EXPECT_EQ(outcome_of([&] { none.spawn([] {}); }), "would block forever");
    EXPECT_EQ(outcome_of([] { pool{-1}; }), "misuse");
    none.join();
}

TENDRIL_HUB_TEST(pool, without_a_bound_never_waits) {
    pool tasks;
    for (int i = 0; i < 100; ++i) {
        EXPECT_TRUE(tasks.try_spawn([] {}).has_value());
    }
    EXPECT_FALSE(tasks.full());
    tasks.join();
}

TENDRIL_HUB_TEST(pool, says_how_many_slots_are_free_and_waits_for_one) {
    pool tasks{2};
    EXPECT_EQ(tasks.wait_available(), 2);
    tasks.spawn(pool_sleeps{2ms});
    EXPECT_EQ(tasks.wait_available(), 1);
    tasks.spawn(pool_sleeps{2ms});
    EXPECT_EQ(tasks.wait_available_for(1ms), 0);
    EXPECT_GE(tasks.wait_available(), 1);
    EXPECT_EQ(clock.elapsed(), 2ms);
    tasks.join();
    EXPECT_EQ(tasks.slots(), 2);
}

TENDRIL_HUB_TEST(pool, apply_returns_the_result_or_throws_the_error) {
    pool tasks{1};
    tasks.spawn(pool_sleeps{1ms});
    EXPECT_EQ(tasks.apply([](int a, int b) { return a + b; }, 1, 2), 3);
    EXPECT_EQ(clock.elapsed(), 1ms);
    EXPECT_EQ(outcome_of([&] { tasks.apply([] { throw std::runtime_error{"bad"}; }); }), "bad");
}

TENDRIL_HUB_TEST(pool, a_member_that_applies_calls_the_function_itself) {
    pool tasks{1};
    auto t = tasks.spawn([&] { return tasks.apply([&] { return tasks.size(); }); });
    EXPECT_EQ(t.get(), 1U);
}

TENDRIL_HUB_TEST(pool, a_member_that_waits_for_a_slot_in_vain_is_named) {
    pool tasks{1};
    auto t = tasks.spawn([&] { tasks.spawn([] {}); });
    std::string told;
    try {
        t.join();
    } catch (would_block_forever const& error) {
        told = error.what();
    }
    EXPECT_TRUE(test::contains(told, "room in a pool, of which it takes a slot itself")) << told;
    tasks.kill();
}

TENDRIL_ORDERED_HUB_TEST(pool, apply_async_never_waits) {
    pool tasks{1};
    bool others_ran = false;
    auto first = tasks.apply_async([&] { others_ran = true; });
    auto second = tasks.apply_async([](int given) { return given; }, 2);
    EXPECT_FALSE(others_ran);
    EXPECT_EQ(tasks.size(), 1U);
    EXPECT_EQ(second.get(), 2);
    EXPECT_TRUE(first.done());
}

TENDRIL_HUB_TEST(pool, apply_async_keeps_to_the_bound) {
    pool tasks{2};
    int running = 0;
    int most = 0;
    std::vector<task<void>> all;
    for (int i = 0; i < 5; ++i) {
        all.push_back(tasks.apply_async([&] {
            most = std::max(most, ++running);
            sleep_for(1ms);
            --running;
        }));
    }
    yield();
    tasks.join();
    EXPECT_EQ(most, 2);
    for (auto& each : all) {
        EXPECT_TRUE(each.done());
    }
}

TENDRIL_HUB_TEST(pool, apply_async_that_is_cancelled_while_it_waits_never_calls) {
    pool tasks{1};
    tasks.spawn(pool_sleeps{1ms});
    bool called = false;
    auto t = tasks.apply_async([&] { called = true; });
    yield();
    t.cancel();
    tasks.join();
    t.join();
    EXPECT_FALSE(called);
    EXPECT_EQ(tasks.free_count(), 1);
}

TENDRIL_HUB_TEST(pool, a_kill_ends_those_too_who_get_their_slot_meanwhile) {
    pool tasks{1};
    tasks.spawn(pool_sleeps{1h});
    bool called = false;
    auto async = tasks.apply_async([&] { called = true; });
    std::optional<task<void>> spawned;
    attempt waiting;
    start(waiting, [&] { spawned = tasks.spawn([&] { called = true; }); });
    yield();
    tasks.kill();
    EXPECT_EQ(tasks.free_count(), 1);
    EXPECT_EQ(waiting.outcome, "returned");
    EXPECT_TRUE(async.was_cancelled());
    EXPECT_TRUE(spawned->was_cancelled());
    EXPECT_FALSE(called);
}

TENDRIL_HUB_TEST(pool, its_members_and_those_who_wait_go_on_when_it_goes) {
    std::optional<pool> tasks{std::in_place, 1};
    auto member = tasks->spawn(pool_sleeps{1ms});
    auto async = tasks->apply_async([] { return 1; });
    attempt waiting;
    start(waiting, [&] { tasks->spawn([] {}).join(); });
    yield();
    tasks.reset();
    EXPECT_EQ(async.get(), 1);
    waiting.run_by.join();
    EXPECT_EQ(waiting.outcome, "returned");
    EXPECT_TRUE(member.done());
}

TENDRIL_HUB_TEST(pool, refuses_another_thread) {
    pool tasks{1};
    tasks.spawn([] {});
    test::run_on_new_thread([&] {
        EXPECT_EQ(outcome_of([&] { tasks.spawn([] {}); }), "wrong thread");
        EXPECT_EQ(outcome_of([&] { tasks.try_spawn([] {}); }), "wrong thread");
        EXPECT_EQ(outcome_of([&] { tasks.wait_available(); }), "wrong thread");
        EXPECT_EQ(outcome_of([&] { tasks.apply_async([] {}); }), "wrong thread");
    });
    tasks.join();
}

TENDRIL_HUB_TEST(pool, takes_all_durations_for_what_they_say) {
    pool tasks{1};
    event go;
    tasks.spawn([&] { go.wait(); });
    test::expect_no_time_is_enough(
        clock, [&](auto const& limit) { return tasks.spawn_for(limit, [] {}).has_value(); });
    test::expect_no_time_is_enough(clock, [&](auto const& limit) { return tasks.join_for(limit); });
    test::expect_no_time_is_enough(
        clock, [&](auto const& limit) { return tasks.wait_available_for(limit) > 0; });
    go.set();
    tasks.join();
}

TENDRIL_HUB_TEST(pool, an_eager_task_waits_for_its_slot_and_begins_with_it) {
    pool tasks{1};
    transcript seen;
    tasks.spawn(pool_sleeps{2ms});
    tasks.spawn_eager([&] {
        seen.push_back(tasks.full() ? "begins in the last slot" : "begins in no slot");
        sleep_for(1ms);
        seen.push_back("ends");
    });
    EXPECT_EQ(clock.elapsed(), 2ms);
    seen.push_back("spawned");
    tasks.join();
    EXPECT_EQ(seen, (transcript{"begins in the last slot", "spawned", "ends"}));
    EXPECT_EQ(tasks.free_count(), 1);
}

TENDRIL_HUB_TEST(pool, an_eager_task_that_cannot_be_made_or_whose_spawner_is_ended_takes_no_slot) {
    pool tasks{1};
    EXPECT_EQ(
        outcome_of([&] { tasks.spawn_eager({.stack_size = std::size_t{1} << 40U}, [] {}); }),
        "misuse");
    EXPECT_EQ(tasks.free_count(), 1);
    tasks.spawn(pool_sleeps{1h});
    task<void> const waiting = spawn([&] { tasks.spawn_eager(pool_sleeps{1h}); });
    yield();
    waiting.cancel();
    waiting.join();
    EXPECT_EQ(tasks.size(), 1U);
    tasks.kill();
    EXPECT_EQ(tasks.free_count(), 1);
}
