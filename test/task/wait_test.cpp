// SPDX-License-Identifier: BSL-1.0
#include <harness/tasks.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/task/wait.hpp>

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using wait_positions = std::vector<std::size_t>;
using test::attempt;
using test::outcome_of;
using test::start;
using test::transcript;

task<int> sleeping_task(std::chrono::milliseconds delay) {
    return spawn([=] {
        sleep_for(delay);
        return static_cast<int>(delay.count());
    });
}

task<int> failing_task(std::chrono::milliseconds delay) {
    return spawn([=]() -> int {
        sleep_for(delay);
        throw std::runtime_error{"failed after " + std::to_string(delay.count())};
    });
}

}  // namespace

TENDRIL_HUB_TEST(wait, for_all_says_in_which_order_they_have_ended) {
    std::vector const tasks{sleeping_task(3ms), failing_task(1ms), sleeping_task(2ms)};
    wait_status const found = wait_all(tasks);
    EXPECT_EQ(found.done, (wait_positions{1, 2, 0}));
    EXPECT_TRUE(found.all_done());
    EXPECT_EQ(clock.elapsed(), 3ms);
    EXPECT_EQ(outcome_of([&] { task{tasks[1]}.get(); }), "failed after 1");
}

TENDRIL_HUB_TEST(wait, for_all_takes_tasks_of_different_types) {
    auto t = sleeping_task(1ms);
    auto u = spawn([] {});
    EXPECT_EQ(wait_all(t, u).done, (wait_positions{1, 0}));
    EXPECT_TRUE(wait_all(std::vector<task<int>>{}).all_done());
}

TENDRIL_HUB_TEST(wait, for_all_with_a_limit_says_which_have_not_ended) {
    std::vector const tasks{sleeping_task(3ms), sleeping_task(1ms)};
    wait_status const found = wait_all_for(2ms, tasks);
    EXPECT_EQ(found.done, (wait_positions{1}));
    EXPECT_EQ(found.pending, (wait_positions{0}));
    EXPECT_FALSE(tasks[0].done());
    EXPECT_TRUE(wait_all_until(deadline::after(1h), tasks[0]).all_done());
    EXPECT_EQ(clock.elapsed(), 3ms);
}

TENDRIL_HUB_TEST(wait, an_interruption_leaves_the_tasks_running) {
    auto t = sleeping_task(2ms);
    attempt waiter;
    start(waiter, [&] { wait_all(t); });
    yield();
    waiter.run_by.cancel();
    waiter.run_by.join();
    EXPECT_EQ(waiter.outcome, "cancelled");
    EXPECT_EQ(t.get(), 2);
}

TENDRIL_HUB_TEST(wait, a_limit_is_no_reason_to_cancel) {
    auto t = sleeping_task(2ms);
    EXPECT_FALSE(wait_any_for(1ms, t).has_value());
    EXPECT_EQ(t.get(), 2);
}

TENDRIL_ORDERED_HUB_TEST(wait, a_task_that_ends_at_the_limit_counts) {
    auto t = sleeping_task(1ms);
    yield();
    EXPECT_TRUE(wait_all_for(1ms, t).all_done());
    EXPECT_EQ(clock.elapsed(), 1ms);
}

TENDRIL_HUB_TEST(wait, never_throws_the_error_of_a_task_which_stays_to_be_reported) {
    transcript reported;
    test::collect_errors(reported);
    EXPECT_TRUE(wait_all(std::vector{failing_task(1ms)}).all_done());
    ASSERT_EQ(reported.size(), 1U);
}

TENDRIL_HUB_TEST(wait, for_all_or_an_error_ends_at_the_first_error) {
    auto t = sleeping_task(3ms);
    auto u = failing_task(1ms);
    EXPECT_EQ(wait_all_or_error(t, u).pending, (wait_positions{0}));
    EXPECT_EQ(clock.elapsed(), 1ms);
    EXPECT_EQ(wait_all_or_error_for(1h, t, u).done, (wait_positions{1}));
    EXPECT_EQ(outcome_of([&] { u.get(); }), "failed after 1");
    t.join();
}

TENDRIL_HUB_TEST(wait, for_all_or_an_error_takes_no_cancelled_task_for_an_error) {
    auto t = sleeping_task(2ms);
    auto u = sleeping_task(1h);
    this_hub().call_soon([&] { u.cancel(); });
    EXPECT_TRUE(wait_all_or_error(t, u).all_done());
    EXPECT_EQ(clock.elapsed(), 2ms);
}

TENDRIL_HUB_TEST(wait, for_any_returns_the_first_in_time) {
    auto t = sleeping_task(2ms);
    auto u = sleeping_task(1ms);
    EXPECT_EQ(wait_any(t, u), 1U);
    EXPECT_EQ(wait_any(std::vector{t, u}), 1U);
    EXPECT_EQ(wait_any_until(deadline::after(1h), t), 0U);
}

TENDRIL_HUB_TEST(wait, for_any_of_nothing_is_refused) {
    EXPECT_EQ(outcome_of([] { wait_any(std::vector<task<int>>{}); }), "misuse");
}

TENDRIL_HUB_TEST(wait, for_some_counts_those_that_fail) {
    std::vector const tasks{sleeping_task(3ms), failing_task(1ms), sleeping_task(2ms)};
    EXPECT_EQ(wait_some(2, tasks).done, (wait_positions{1, 2}));
    EXPECT_EQ(clock.elapsed(), 2ms);
    EXPECT_TRUE(wait_some_for(1h, 7, tasks).all_done());
    EXPECT_EQ(wait_some_for(0ms, 1, sleeping_task(1ms)).pending, (wait_positions{0}));
    EXPECT_EQ(outcome_of([&] { task{tasks[1]}.get(); }), "failed after 1");
}

TENDRIL_HUB_TEST(wait, a_task_that_is_given_twice_counts_once) {
    auto t = sleeping_task(1ms);
    auto u = sleeping_task(2ms);
    EXPECT_EQ(wait_some(2, t, t, u).done, (wait_positions{0, 2}));
    EXPECT_EQ(clock.elapsed(), 2ms);
    EXPECT_EQ(wait_some(2, t, t, u).done, (wait_positions{0, 2}));
}

TENDRIL_ORDERED_HUB_TEST(wait, of_tasks_that_have_ended_does_not_switch) {
    auto t = sleeping_task(0ms);
    t.join();
    bool others_ran = false;
    auto u = spawn([&] { others_ran = true; });
    wait_all(t);
    wait_any(t);
    kill_all(std::vector{t});
    kill_all(std::vector<task<int>>{});
    EXPECT_FALSE(others_ran);
    u.join();
}

TENDRIL_HUB_TEST(wait, takes_all_durations_for_what_they_say) {
    event go;
    auto t = spawn([&] { go.wait(); });
    test::expect_no_time_is_enough(
        clock, [&](auto const& limit) { return wait_all_for(limit, t).all_done(); });
    test::expect_an_age_is_enough(
        [&](auto const& limit) {
            auto u = spawn([&] { go.wait(); });
            bool const done = wait_any_for(limit, u).has_value();
            go.reset();
            return done;
        },
        [&] { go.set(); });
    t.join();
}

TENDRIL_HUB_TEST(wait, refuses_the_caller_itself_and_tasks_of_another_thread) {
    task<void> self;
    std::string refused;
    self = spawn([&] { refused = outcome_of([&] { wait_all(self); }); });
    self.join();
    EXPECT_EQ(refused, "misuse");
    auto t = sleeping_task(1ms);
    test::run_on_new_thread([&] { refused = outcome_of([&] { wait_any(t); }); });
    EXPECT_EQ(refused, "wrong thread");
    t.join();
}

TENDRIL_HUB_TEST(wait, main_is_told_what_it_waits_for_when_nothing_can_end_it) {
    event never;
    auto t = spawn([&] { never.wait(); });
    std::string told;
    try {
        wait_all(t);
    } catch (would_block_forever const& error) {
        told = error.what();
    }
    EXPECT_TRUE(test::contains(told, "wait_all")) << told;
    never.set();
    t.join();
}

TENDRIL_HUB_TEST(wait, as_completed_yields_in_the_order_of_their_ends) {
    std::vector const tasks{sleeping_task(3ms), sleeping_task(1ms), sleeping_task(2ms)};
    std::vector<int> seen;
    for (task<int>& each : as_completed(tasks)) {
        EXPECT_TRUE(each.done());
        seen.push_back(each.get());
    }
    EXPECT_EQ(seen, (std::vector{1, 2, 3}));
}

TENDRIL_HUB_TEST(wait, as_completed_loses_none_that_ends_while_the_caller_is_busy) {
    auto ended = sleeping_task(0ms);
    ended.join();
    std::vector const tasks{
        sleeping_task(3ms), ended, sleeping_task(1ms), sleeping_task(2ms), ended};
    std::vector<int> seen;
    for (task<int>& each : as_completed(tasks)) {
        seen.push_back(each.get());
        sleep_for(5ms);
    }
    EXPECT_EQ(seen, (std::vector{0, 1, 2, 3}));
}

TENDRIL_HUB_TEST(wait, as_completed_throws_at_its_limit_for_the_rest) {
    std::vector const tasks{sleeping_task(1ms), sleeping_task(1h)};
    std::vector<int> seen;
    EXPECT_THROW(
        {
            for (task<int>& each : as_completed_for(1s, tasks)) {
                seen.push_back(each.get());
            }
        },
        not_all_completed);
    EXPECT_EQ(seen, (std::vector{1}));
    EXPECT_FALSE(tasks[1].done());
    kill_all(tasks);
}

TENDRIL_HUB_TEST(wait, leaving_as_completed_leaves_the_others_running) {
    std::vector const tasks{sleeping_task(2ms), sleeping_task(1ms)};
    for (task<int>& each : as_completed(tasks)) {
        EXPECT_EQ(each.get(), 1);
        break;
    }
    EXPECT_EQ(task{tasks[0]}.get(), 2);
    for (task<int>& each : as_completed(std::vector<task<int>>{})) {
        FAIL() << each.id();
    }
}

TENDRIL_HUB_TEST(wait, join_all_may_end_after_a_number_of_tasks_or_at_a_limit) {
    std::vector const tasks{sleeping_task(2ms), failing_task(1ms), sleeping_task(1h)};
    EXPECT_EQ(join_all(tasks, {.count = 1}).done, (wait_positions{1}));
    EXPECT_EQ(join_all(tasks, {.limit = deadline::after(1s)}).done, (wait_positions{1, 0}));
    EXPECT_EQ(outcome_of([&] { task{tasks[1]}.get(); }), "failed after 1");
    kill_all(tasks);
    EXPECT_TRUE(join_all(tasks).all_done());
}

TENDRIL_HUB_TEST(wait, join_all_throws_the_first_error_in_time_if_asked) {
    std::vector const tasks{failing_task(2ms), failing_task(1ms), sleeping_task(1h)};
    EXPECT_EQ(outcome_of([&] { join_all(tasks, {.raise_error = true}); }), "failed after 1");
    EXPECT_EQ(clock.elapsed(), 1ms);
    kill_all(tasks);
    EXPECT_TRUE(tasks[0].was_cancelled());
}

TENDRIL_HUB_TEST(wait, kill_all_lets_none_begin_that_has_not_and_ends_the_others) {
    auto t = sleeping_task(1h);
    yield();
    bool began = false;
    auto u = spawn([&] {
        began = true;
        return 1;
    });
    kill_all(std::vector{t, u});
    EXPECT_TRUE(t.was_cancelled());
    EXPECT_TRUE(u.was_cancelled());
    EXPECT_FALSE(began);
    EXPECT_EQ(clock.elapsed(), 0ms);
}

TENDRIL_HUB_TEST(wait, kill_all_with_a_limit_says_whether_all_have_ended) {
    event go;
    std::vector const tasks{spawn([&] {
        interruption_shield const until_told;
        go.wait();
    })};
    yield();
    EXPECT_FALSE(kill_all_for(1ms, tasks));
    go.set();
    EXPECT_TRUE(kill_all_for(1ms, tasks));
}

TENDRIL_HUB_TEST(wait, kill_all_may_be_called_by_one_of_them) {
    std::vector<task<void>> tasks{spawn([] { sleep_for(1h); })};
    std::string outcome;
    tasks.push_back(spawn([&] { outcome = outcome_of([&] { kill_all(tasks); }); }));
    wait_all(tasks);
    EXPECT_EQ(outcome, "exit");
    EXPECT_TRUE(tasks[0].was_cancelled());
}
