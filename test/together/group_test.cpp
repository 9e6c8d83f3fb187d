// SPDX-License-Identifier: BSL-1.0
#include <harness/tasks.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/together/group.hpp>

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::outcome_of;
using test::transcript;

void sleep_an_hour() { sleep_for(1h); }

}  // namespace

TENDRIL_HUB_TEST(group, tracks_a_task_until_it_has_ended) {
    group tasks;
    EXPECT_TRUE(tasks.empty());
    auto t = tasks.spawn([] { return 1; });
    EXPECT_TRUE(tasks.contains(t));
    EXPECT_EQ(tasks.size(), 1U);
    EXPECT_EQ(t.get(), 1);
    EXPECT_FALSE(tasks.contains(t));
    EXPECT_TRUE(tasks.empty());
}

TENDRIL_HUB_TEST(group, tracks_a_task_that_was_spawned_elsewhere) {
    group tasks;
    auto t = spawn(sleep_an_hour);
    tasks.add(t);
    tasks.add(t);
    EXPECT_EQ(tasks.size(), 1U);
    EXPECT_EQ(tasks.tasks(), std::vector<any_task>{t});
    tasks.kill();
    EXPECT_TRUE(t.was_cancelled());
    tasks.add(t);
    EXPECT_TRUE(tasks.empty());
}

TENDRIL_HUB_TEST(group, a_task_may_be_a_member_of_several) {
    group one;
    group other;
    auto t = one.spawn(sleep_an_hour);
    other.add(t);
    one.kill();
    EXPECT_TRUE(other.empty());
}

TENDRIL_HUB_TEST(group, passes_arguments_and_options_on) {
    group tasks;
    auto t = tasks.spawn(
        {.name = "adds"}, [](int a, int b) { return a + b; }, 1, 2);
    EXPECT_EQ(tasks.tasks().front().name(), "adds");
    EXPECT_EQ(t.get(), 3);
}

TENDRIL_HUB_TEST(group, discarding_stops_tracking_and_does_not_kill) {
    group tasks;
    auto t = tasks.spawn([] {
        sleep_for(1ms);
        return 1;
    });
    tasks.discard(t);
    tasks.discard(t);
    EXPECT_TRUE(tasks.empty());
    tasks.join();
    EXPECT_EQ(t.get(), 1);
}

TENDRIL_ORDERED_HUB_TEST(group, joining_an_empty_one_does_not_switch) {
    group tasks;
    bool others_ran = false;
    auto t = spawn([&] { others_ran = true; });
    tasks.join();
    tasks.kill();
    EXPECT_FALSE(others_ran);
    t.join();
}

TENDRIL_HUB_TEST(group, a_join_waits_until_every_member_has_ended) {
    group tasks;
    tasks.spawn([] { sleep_for(1ms); });
    tasks.spawn([] { sleep_for(2ms); });
    EXPECT_FALSE(tasks.join_for(1500us));
    EXPECT_TRUE(tasks.join_until(deadline::never()));
    EXPECT_EQ(clock.elapsed(), 2ms);
}

TENDRIL_HUB_TEST(group, a_join_ends_when_it_was_empty_once_even_if_others_have_come) {
    group tasks;
    auto t = tasks.spawn([] { sleep_for(1ms); });
    t.on_done([&] { tasks.spawn(sleep_an_hour); });
    tasks.join();
    yield();
    EXPECT_EQ(tasks.size(), 1U);
    EXPECT_EQ(clock.elapsed(), 1ms);
    tasks.kill();
}

TENDRIL_HUB_TEST(group, a_join_leaves_errors_with_their_tasks) {
    transcript reported;
    test::collect_errors(reported);
    group tasks;
    tasks.spawn([] { throw std::runtime_error{"dropped"}; });
    auto kept = tasks.spawn([] { throw std::runtime_error{"kept"}; });
    tasks.join();
    EXPECT_EQ(reported.size(), 1U);
    EXPECT_EQ(outcome_of([&] { kept.get(); }), "kept");
}

TENDRIL_HUB_TEST(group, a_join_may_throw_the_first_error_in_time) {
    group tasks;
    auto late = tasks.spawn([] {
        sleep_for(2ms);
        throw std::runtime_error{"late"};
    });
    tasks.spawn([] {
        sleep_for(1ms);
        throw std::runtime_error{"early"};
    });
    EXPECT_EQ(outcome_of([&] { tasks.join_and_raise(); }), "early");
    EXPECT_TRUE(tasks.empty());
    EXPECT_NE(late.exception(), nullptr);
    tasks.join_and_raise();
}

TENDRIL_HUB_TEST(group, a_member_that_joins_it_is_refused) {
    group tasks;
    std::string refused;
    tasks.spawn([&] { refused = outcome_of([&] { tasks.join(); }); });
    tasks.join();
    EXPECT_EQ(refused, "misuse");
}

TENDRIL_ORDERED_HUB_TEST(group, a_kill_ends_every_member_and_lets_none_begin) {
    group tasks;
    auto t = tasks.spawn(sleep_an_hour);
    yield();
    bool began = false;
    auto u = tasks.spawn([&] { began = true; });
    tasks.kill();
    EXPECT_TRUE(t.was_cancelled());
    EXPECT_TRUE(u.was_cancelled());
    EXPECT_FALSE(began);
    EXPECT_TRUE(tasks.empty());
}

TENDRIL_HUB_TEST(group, a_kill_goes_on_with_those_who_become_members_meanwhile) {
    group tasks;
    int left = 3;
    std::vector<task<void>> added;
    std::function<void()> spawn_another = [&] {
        scope_exit const again{[&] {
            if (--left > 0) {
                added.push_back(tasks.spawn(spawn_another));
            }
        }};
        sleep_for(1h);
    };
    tasks.spawn(spawn_another);
    yield();
    tasks.kill();
    EXPECT_TRUE(tasks.empty());
    ASSERT_EQ(added.size(), 1U);
    EXPECT_TRUE(added[0].was_cancelled());
    EXPECT_EQ(clock.elapsed(), 0ms);
}

TENDRIL_HUB_TEST(group, a_member_that_is_being_killed_is_not_killed_again) {
    group tasks;
    int exits = 0;
    event go;
    tasks.spawn([&] {
        while (!go.is_set()) {
            try {
                go.wait();
            } catch (greenlet_exit const&) {
                ++exits;
            }
        }
    });
    yield();
    EXPECT_FALSE(tasks.kill_for(1ms));
    EXPECT_FALSE(tasks.kill_for(1ms));
    EXPECT_EQ(exits, 1);
    go.set();
    EXPECT_TRUE(tasks.kill_for(1ms));
}

TENDRIL_HUB_TEST(group, a_member_may_kill_it_and_is_ended_too) {
    group tasks;
    auto t = tasks.spawn(sleep_an_hour);
    std::string outcome;
    tasks.spawn([&] {
        outcome = outcome_of([&] { tasks.kill(); });
        throw greenlet_exit{};
    });
    tasks.join();
    EXPECT_EQ(outcome, "exit");
    EXPECT_TRUE(t.was_cancelled());
}

TENDRIL_HUB_TEST(group, one_member_can_be_killed_and_the_others_go_on) {
    group tasks;
    auto t = tasks.spawn(sleep_an_hour);
    auto u = tasks.spawn([] {
        sleep_for(1ms);
        return 1;
    });
    tasks.kill_one(t);
    EXPECT_TRUE(t.was_cancelled());
    EXPECT_EQ(u.get(), 1);
}

TENDRIL_HUB_TEST(group, killing_one_that_is_no_member_does_nothing) {
    group tasks;
    auto stranger = spawn([] { return 1; });
    tasks.kill_one(stranger);
    EXPECT_EQ(stranger.get(), 1);
}

TENDRIL_HUB_TEST(group, its_members_go_on_when_it_goes) {
    std::optional<group> tasks{std::in_place};
    auto t = tasks->spawn([] {
        sleep_for(1ms);
        return 1;
    });
    tasks.reset();
    EXPECT_EQ(t.get(), 1);
}

TENDRIL_HUB_TEST(group, may_go_while_somebody_joins_it) {
    std::optional<group> tasks{std::in_place};
    tasks->spawn([] { sleep_for(1ms); });
    test::attempt joins;
    test::start(joins, [&] { tasks->join(); });
    yield();
    tasks.reset();
    joins.run_by.join();
    EXPECT_EQ(joins.outcome, "returned");
    EXPECT_EQ(clock.elapsed(), 1ms);
}

TENDRIL_HUB_TEST(group, refuses_another_thread_and_its_tasks) {
    group tasks;
    auto t = spawn(sleep_an_hour);
    tasks.add(t);
    test::run_on_new_thread([&] {
        group there;
        EXPECT_EQ(outcome_of([&] { there.add(t); }), "wrong thread");
        EXPECT_TRUE(there.empty());
        there.join();
        EXPECT_EQ(outcome_of([&] { tasks.spawn([] {}); }), "wrong thread");
        EXPECT_EQ(outcome_of([&] { tasks.join(); }), "wrong thread");
        EXPECT_EQ(outcome_of([&] { tasks.kill(); }), "wrong thread");
        EXPECT_EQ(outcome_of([&] { tasks.discard(t); }), "wrong thread");
    });
    EXPECT_EQ(tasks.size(), 1U);
    tasks.kill();
}

TENDRIL_HUB_TEST(group, is_left_as_it_was_by_a_handle_to_no_task) {
    group tasks;
    EXPECT_EQ(outcome_of([&] { tasks.add(any_task{}); }), "misuse");
    EXPECT_TRUE(tasks.empty());
    tasks.join();
}

TENDRIL_HUB_TEST(group, a_kill_ends_members_that_begin_later_at_once) {
    group members;
    task<void> const first = spawn_after(1h, [] {});
    task<void> const second = spawn_after(1h, [] {});
    members.add(first);
    members.add(second);
    members.kill();
    EXPECT_TRUE(first.was_cancelled());
    EXPECT_TRUE(second.was_cancelled());
    EXPECT_EQ(clock.elapsed(), 0s);
}

TENDRIL_HUB_TEST(group, an_eager_task_is_a_member_before_it_begins) {
    group tasks;
    transcript seen;
    auto const t = tasks.spawn_eager([&] {
        seen.push_back("begins as one of " + std::to_string(tasks.size()));
        sleep_for(1ms);
        seen.push_back("ends");
    });
    seen.push_back("spawned");
    EXPECT_TRUE(tasks.contains(t));
    tasks.join();
    EXPECT_EQ(seen, (transcript{"begins as one of 1", "spawned", "ends"}));
}

TENDRIL_HUB_TEST(group, an_eager_task_that_never_waits_has_left_when_it_is_there) {
    group tasks;
    auto t = tasks.spawn_eager(
        {.name = "quick"}, [](int given) { return given + 1; }, 1);
    EXPECT_TRUE(t.done());
    EXPECT_TRUE(tasks.empty());
    EXPECT_EQ(t.name(), "quick");
    EXPECT_EQ(t.get(), 2);
}

TENDRIL_HUB_TEST(group, an_eager_task_that_comes_while_it_is_killed_never_begins) {
    group tasks;
    bool begun = false;
    tasks.spawn([&] {
        try {
            sleep_an_hour();
        } catch (greenlet_exit const&) {
            EXPECT_TRUE(tasks.spawn_eager([&] { begun = true; }).was_cancelled());
            throw;
        }
    });
    yield();
    tasks.kill();
    EXPECT_FALSE(begun);
    EXPECT_TRUE(tasks.empty());
}

TENDRIL_HUB_TEST(group, an_eager_task_that_cannot_be_made_or_may_not_run_now_is_no_member) {
    group tasks;
    std::string in_callback;
    EXPECT_EQ(
        outcome_of([&] { tasks.spawn_eager({.stack_size = std::size_t{1} << 40U}, [] {}); }),
        "misuse");
    this_hub().call_soon([&] { in_callback = outcome_of([&] { tasks.spawn_eager([] {}); }); });
    yield();
    yield();
    EXPECT_EQ(in_callback, "misuse");
    EXPECT_TRUE(tasks.empty());
    tasks.join();
}
