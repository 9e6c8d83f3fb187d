// SPDX-License-Identifier: BSL-1.0
#include <harness/greenlets.hpp>
#include <harness/tasks.hpp>
#include <tendril/task/task.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::attempt;
using test::contains;
using test::misuse_of;
using test::outcome_of;
using test::start;
using test::transcript;
using test::traveller;

task<int> fails() {
    return spawn([]() -> int { throw std::runtime_error{"broken"}; });
}

}  // namespace

// Results.

TENDRIL_HUB_TEST(task, get_waits_for_the_result) {
    task<int> t = spawn([] {
        sleep_for(1ms);
        return 7;
    });
    EXPECT_FALSE(t.done());
    EXPECT_EQ(t.get(), 7);
    EXPECT_TRUE(t.done());
    EXPECT_EQ(clock.elapsed(), 1ms);
}

TENDRIL_HUB_TEST(task, get_may_be_called_many_times) {
    task<std::string> t = spawn([] { return std::string{"result"}; });
    for (int lap = 0; lap < 3; ++lap) {
        EXPECT_EQ(t.get(), "result");
    }
}

TENDRIL_HUB_TEST(task, get_gives_a_reference_from_a_handle_that_goes_on_to_exist) {
    traveller::start();
    task<traveller> t = spawn([] { return traveller{7}; });
    traveller& result = t.get();
    EXPECT_EQ(result.luggage, 7);
    result.luggage = 8;
    EXPECT_EQ(t.get().luggage, 8);
    EXPECT_EQ(traveller::copies, 0);
}

TENDRIL_HUB_TEST(task, get_moves_the_result_out_of_a_handle_that_does_not) {
    task<std::unique_ptr<int>> t = spawn([] { return std::make_unique<int>(7); });
    task<std::unique_ptr<int>> const copy = t;
    std::unique_ptr<int> const owned = std::move(t).get();
    EXPECT_EQ(*owned, 7);
    EXPECT_EQ(*spawn([] { return std::make_unique<int>(8); }).get(), 8);
}

TENDRIL_HUB_TEST(task, the_result_is_destroyed_with_the_last_handle) {
    traveller::start();
    {
        task<traveller> t = spawn([] { return traveller{7}; });
        t.join();
        EXPECT_EQ(traveller::alive, 1);
    }
    EXPECT_EQ(traveller::alive, 0);
}

TENDRIL_HUB_TEST(task, a_task_without_a_result_ends_too) {
    bool ran = false;
    task<void> t = spawn([&] { ran = true; });
    t.get();
    EXPECT_TRUE(ran);
    EXPECT_TRUE(t.succeeded());
    EXPECT_NO_THROW(spawn([] {}).get());
}

TENDRIL_HUB_TEST(task, get_does_not_switch_when_the_task_has_ended) {
    task<int> t = spawn([] { return 7; });
    yield();
    std::uint64_t const switches = this_hub().statistics().switches;
    EXPECT_EQ(t.get(), 7);
    t.join();
    EXPECT_TRUE(t.join_for(0s));
    EXPECT_EQ(this_hub().statistics().switches, switches);
}

TENDRIL_TEST(task, the_result_may_be_asked_for_when_the_hub_is_gone) {
    task<int> good;
    task<int> bad;
    run([&] {
        good = spawn([] { return 7; });
        bad = fails();
        yield();
    });
    EXPECT_EQ(good.get(), 7);
    EXPECT_THROW(bad.get(), std::runtime_error);
    EXPECT_FALSE(good.cancel());
    EXPECT_NO_THROW(bad.kill());
    EXPECT_EQ(outcome_of([&] { good.on_done([] {}); }), "wrong thread");
}

// Errors.

TENDRIL_HUB_TEST(task, get_throws_what_the_task_threw_each_time) {
    task<int> t = fails();
    for (int lap = 0; lap < 3; ++lap) {
        EXPECT_THROW(t.get(), std::runtime_error);
    }
    EXPECT_TRUE(t.done());
    EXPECT_FALSE(t.succeeded());
    EXPECT_FALSE(t.was_cancelled());
}

TENDRIL_HUB_TEST(task, exception_returns_what_the_task_threw) {
    task<int> t = fails();
    EXPECT_EQ(t.exception(), nullptr) << "it has not ended";
    t.join();
    EXPECT_EQ(describe(t.exception()), "std::runtime_error: broken");
}

TENDRIL_HUB_TEST(task, exception_is_null_for_a_task_that_has_not_failed) {
    task<void> good = spawn([] {});
    task<void> cancelled_one = spawn([] {});
    cancelled_one.cancel();
    yield();
    EXPECT_EQ(good.exception(), nullptr);
    EXPECT_EQ(cancelled_one.exception(), nullptr);
}

TENDRIL_HUB_TEST(task, an_error_that_nobody_asked_for_is_reported_when_the_last_handle_goes) {
    transcript errors;
    test::collect_errors(errors);
    {
        task<int> const t = fails();
        task<int> const copy = t;
        t.join();
        EXPECT_EQ(errors, transcript{});
    }
    ASSERT_EQ(errors.size(), 1U);
    EXPECT_TRUE(contains(errors[0], "std::runtime_error: broken")) << errors[0];
}

TENDRIL_HUB_TEST(task, an_error_of_a_detached_task_is_reported_when_it_ends) {
    transcript errors;
    test::collect_errors(errors);
    std::uint32_t const id = fails().id();
    yield();
    EXPECT_EQ(errors, (transcript{"task " + std::to_string(id) + ": std::runtime_error: broken"}));
}

TENDRIL_HUB_TEST(task, an_error_that_somebody_asked_for_is_not_reported) {
    transcript errors;
    test::collect_errors(errors);
    EXPECT_THROW(fails().get(), std::runtime_error);
    {
        task<int> const t = fails();
        t.join();
        EXPECT_NE(t.exception(), nullptr);
    }
    EXPECT_EQ(errors, transcript{});
}

TENDRIL_HUB_TEST(task, asking_before_the_error_is_there_does_not_count) {
    transcript errors;
    test::collect_errors(errors);
    {
        task<int> const t = fails();
        EXPECT_EQ(t.exception(), nullptr);
        t.join();
    }
    EXPECT_EQ(errors.size(), 1U);
}

TENDRIL_HUB_TEST(task, a_task_that_was_cancelled_or_has_exited_is_not_reported) {
    transcript errors;
    test::collect_errors(errors);
    spawn([] { sleep_for(1h); }).cancel();
    spawn([] { throw cancelled{}; });
    spawn([] { throw greenlet_exit{}; });
    yield();
    EXPECT_EQ(errors, transcript{});
}

TENDRIL_HUB_TEST(task, a_timeout_that_leaves_a_task_is_an_error_of_it) {
    task<void> t = spawn([] {
        timeout const limit{1ms};
        sleep_for(1h);
    });
    EXPECT_EQ(outcome_of([&] { t.get(); }), "timed out");
    EXPECT_FALSE(t.was_cancelled());
}

// Waiting.

TENDRIL_HUB_TEST(task, join_waits_for_the_end_however_it_comes) {
    task<int> const bad = fails();
    EXPECT_NO_THROW(bad.join());
    EXPECT_TRUE(bad.done());
    EXPECT_NE(bad.exception(), nullptr);
    task<void> const cancelled_one = spawn([] { sleep_for(1h); });
    cancelled_one.cancel();
    EXPECT_NO_THROW(cancelled_one.join());
    EXPECT_TRUE(cancelled_one.was_cancelled());
}

TENDRIL_ORDERED_HUB_TEST(task, all_who_wait_wake_in_the_order_they_came) {
    transcript seen;
    task<int> const t = spawn([] {
        sleep_for(1ms);
        return 7;
    });
    for (char const* word : {"a", "b", "c"}) {
        spawn([&, word] {
            t.join();
            seen.push_back(word);
        });
    }
    sleep_for(2ms);
    EXPECT_EQ(seen, (transcript{"a", "b", "c"}));
}

TENDRIL_HUB_TEST(task, join_for_gives_up_at_its_limit) {
    task<void> const t = spawn([] { sleep_for(10ms); });
    EXPECT_FALSE(t.join_for(5ms));
    EXPECT_EQ(clock.elapsed(), 5ms);
    EXPECT_FALSE(t.join_until(deadline::after(1ms)));
    EXPECT_TRUE(t.join_for(1h));
    EXPECT_EQ(clock.elapsed(), 10ms);
}

TENDRIL_HUB_TEST(task, join_takes_any_duration) {
    task<void> const t = spawn([] { sleep_until(deadline::never()); });
    test::expect_no_time_is_enough(clock, [&](auto limit) { return t.join_for(limit); });
    t.cancel();
    task<void> again;
    test::expect_an_age_is_enough(
        [&](auto limit) {
            again = spawn([] { sleep_until(deadline::never()); });
            return again.join_for(limit);
        },
        [&] { again.cancel(); });
}

TENDRIL_HUB_TEST(task, a_task_cannot_wait_for_itself) {
    std::string text;
    task<void> t = spawn([&] { text = misuse_of([&] { t.join(); }); });
    yield();
    EXPECT_TRUE(contains(text, "a task waits for itself")) << text;
    EXPECT_TRUE(t.succeeded());
}

TENDRIL_HUB_TEST(task, two_that_wait_for_each_other_are_named_when_main_waits_too) {
    task<void> first;
    task<void> second;
    first = spawn({.name = "first"}, [&] { second.join(); });
    second = spawn({.name = "second"}, [&] { first.join(); });
    std::string text;
    try {
        first.join();
    } catch (would_block_forever const& error) {
        text = error.what();
    }
    EXPECT_TRUE(contains(text, "'first' parked, waits for a task")) << text;
    EXPECT_TRUE(contains(text, "'second' parked, waits for a task")) << text;
    first.cancel();
    EXPECT_NO_THROW(second.join());
}

TENDRIL_HUB_TEST(task, who_waits_can_be_cancelled_and_the_task_goes_on) {
    task<int> t = spawn([] {
        sleep_for(1ms);
        return 7;
    });
    attempt joiner;
    start(joiner, [&] { t.join(); });
    yield();
    joiner.run_by.cancel();
    EXPECT_EQ(t.get(), 7);
    EXPECT_EQ(joiner.outcome, "cancelled");
}

TENDRIL_HUB_TEST(task, an_outer_limit_passes_through_a_join) {
    task<void> const t = spawn([] { sleep_for(1h); });
    timeout const outer{1ms};
    try {
        t.join_for(2ms);
        ADD_FAILURE();
    } catch (timed_out const& late) {
        EXPECT_TRUE(late.by(outer));
    }
    EXPECT_FALSE(t.done());
}

TENDRIL_HUB_TEST(task, join_and_get_look_for_cancellation_even_if_the_task_has_ended) {
    task<int> t = spawn([] { return 7; });
    yield();
    transcript seen;
    task<void> const other = spawn([&] {
        other.cancel();
        seen.push_back(outcome_of([&] { t.join(); }));
        other.cancel();
        seen.push_back(outcome_of([&] { t.get(); }));
        other.cancel();
        seen.push_back(outcome_of([&] { t.join_for(1s); }));
    });
    yield();
    EXPECT_EQ(seen, transcript(3, "cancelled"));
}

// Handles.

TENDRIL_TEST(task, an_empty_handle_names_no_task_and_refuses_every_use) {
    task<int> const nothing;
    EXPECT_FALSE(nothing.valid());
    EXPECT_EQ(nothing, task<int>{});
    EXPECT_THROW(nothing.done(), misuse);
    EXPECT_THROW(nothing.join(), misuse);
    EXPECT_THROW(task<int>{nothing}.get(), misuse);
    EXPECT_THROW(nothing.cancel(), misuse);
    EXPECT_THROW(nothing.kill(), misuse);
    EXPECT_THROW(nothing.exception(), misuse);
    EXPECT_THROW(nothing.on_done([] {}), misuse);
    EXPECT_TRUE(contains(misuse_of([&] { nothing.id(); }), "it names no task"));
}

TENDRIL_HUB_TEST(task, copies_name_the_same_task) {
    task<int> t = spawn([] { return 7; });
    task<int> copy = t;
    task<int> moved = std::move(t);
    EXPECT_FALSE(t.valid());  // NOLINT: that is the question
    EXPECT_EQ(copy, moved);
    EXPECT_NE(copy, spawn([] { return 8; }));
    EXPECT_EQ(copy.get(), 7);
    EXPECT_EQ(moved.get(), 7);
}

TENDRIL_HUB_TEST(task, dropping_the_handle_does_not_end_it) {
    int laps = 0;
    static_cast<void>(spawn([&] {
        for (; laps < 3; ++laps) {
            sleep_for(1ms);
        }
    }));
    sleep_for(10ms);
    EXPECT_EQ(laps, 3);
}

TENDRIL_HUB_TEST(task, a_handle_may_be_dropped_on_another_thread) {
    task<int> finished = spawn([] { return 7; });
    bool ran = false;
    task<void> running = spawn([&] {
        sleep_for(1ms);
        ran = true;
    });
    finished.join();
    std::thread{[a = std::move(finished), b = std::move(running)] {}}.join();
    sleep_for(2ms);
    EXPECT_TRUE(ran);
}

TENDRIL_HUB_TEST(task, tasks_have_different_numbers) {
    task<void> const a = spawn([] {});
    task<void> const b = spawn([] {});
    EXPECT_NE(a.id(), b.id());
    EXPECT_EQ(spawn([] { return greenlet::current().id(); }).get(), b.id() + 1);
}

// Other threads.

TENDRIL_HUB_TEST(task, waiting_for_it_on_another_thread_is_refused) {
    task<void> const t = spawn([] { sleep_for(1ms); });
    EXPECT_EQ(test::outcome_elsewhere([&] { t.join(); }), "wrong thread");
    EXPECT_EQ(test::outcome_elsewhere([&] { t.join_for(0s); }), "wrong thread");
    EXPECT_EQ(test::outcome_elsewhere([&] { task<void>{t}.get(); }), "wrong thread");
}

TENDRIL_HUB_TEST(task, cancelling_it_on_another_thread_is_refused_and_changes_nothing) {
    task<int> t = spawn([] {
        sleep_for(1ms);
        return 7;
    });
    yield();
    EXPECT_EQ(test::outcome_elsewhere([&] { t.cancel(); }), "wrong thread");
    EXPECT_EQ(test::outcome_elsewhere([&] { t.kill(); }), "wrong thread");
    EXPECT_EQ(test::outcome_elsewhere([&] { t.on_done([] {}); }), "wrong thread");
    EXPECT_EQ(t.get(), 7);
}

TENDRIL_HUB_TEST(task, its_handle_may_go_while_somebody_asks_for_its_result) {
    task<void> t = spawn([] { sleep_for(1s); });
    task<void> const asks = spawn([&] { t.get(); });
    yield();
    yield();
    t = task<void>{};
    asks.join();
    EXPECT_TRUE(asks.succeeded());
}
