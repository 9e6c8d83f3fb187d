// SPDX-License-Identifier: BSL-1.0
#include <harness/tasks.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/together/gather.hpp>

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <variant>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::attempt;
using test::outcome_of;
using test::start;
using test::transcript;

// A task that sleeps and returns a number.
task<int> number_after(std::chrono::milliseconds delay, int number) {
    return spawn([=] {
        sleep_for(delay);
        return number;
    });
}

task<int> failure_after(std::chrono::milliseconds delay, char const* what) {
    return spawn([=]() -> int {
        sleep_for(delay);
        throw std::runtime_error{what};
    });
}

std::string text_of_gathered(std::exception_ptr const& error) {
    return outcome_of([&] { std::rethrow_exception(error); });
}

// A child that takes its time to leave.
struct slow_gather_child {
    void operator()() const {
        try {
            sleep_for(1h);
        } catch (cancelled const&) {
            sleep_for(delay);
            throw;
        }
    }
    std::chrono::milliseconds delay;
};

}  // namespace

TENDRIL_HUB_TEST(gather, returns_results_of_different_types_in_the_order_of_the_arguments) {
    auto t = number_after(2ms, 1);
    auto u = spawn([] { return std::string{"two"}; });
    auto v = spawn([] {});
    auto const all = gather(t, u, v);
    static_assert(
        std::is_same_v<decltype(all), std::tuple<int, std::string, std::monostate> const>);
    EXPECT_EQ(std::get<0>(all), 1);
    EXPECT_EQ(std::get<1>(all), "two");
}

TENDRIL_HUB_TEST(gather, waits_for_all_at_the_same_time) {
    auto t = number_after(3ms, 1);
    auto u = number_after(2ms, 2);
    auto [x, y] = gather(t, u);
    EXPECT_EQ(x + y, 3);
    EXPECT_EQ(clock.elapsed(), 3ms);
}

TENDRIL_HUB_TEST(gather, returns_a_vector_for_a_range_of_tasks) {
    std::vector<task<int>> const tasks{number_after(2ms, 1), number_after(1ms, 2)};
    EXPECT_EQ(gather(tasks), (std::vector{1, 2}));
    std::list<task<int>> const listed{tasks.begin(), tasks.end()};
    EXPECT_EQ(gather(listed), (std::vector{1, 2}));
}

TENDRIL_ORDERED_HUB_TEST(gather, spawns_functions_in_order) {
    transcript seen;
    auto [x, y] = gather(
        [&] {
            seen.push_back("first");
            return 1;
        },
        [&] {
            seen.push_back("second");
            return 2;
        });
    EXPECT_EQ(x + y, 3);
    EXPECT_EQ(seen, (transcript{"first", "second"}));
}

TENDRIL_HUB_TEST(gather, takes_functions_and_tasks_together_and_ranges_of_functions) {
    auto t = number_after(1ms, 1);
    EXPECT_EQ(gather(t, [] { return 2; }), (std::tuple{1, 2}));
    std::vector<std::function<int()>> const calls{[] { return 1; }, [] { return 2; }};
    EXPECT_EQ(gather(calls), (std::vector{1, 2}));
}

TENDRIL_HUB_TEST(gather, moves_results_out_of_handles_that_go_and_copies_others) {
    auto kept = spawn([] { return std::string{"kept"}; });
    EXPECT_EQ(std::get<0>(gather(kept)), "kept");
    EXPECT_EQ(kept.get(), "kept");
    auto alone = spawn([] { return std::make_unique<int>(1); });
    EXPECT_EQ(*std::get<0>(gather(std::move(alone))), 1);
    auto [made] = gather([] { return std::make_unique<int>(2); });
    EXPECT_EQ(*made, 2);
    std::vector<task<std::unique_ptr<int>>> tasks;
    tasks.push_back(spawn([] { return std::make_unique<int>(3); }));
    EXPECT_EQ(*gather(std::move(tasks)).front(), 3);
}

TENDRIL_HUB_TEST(gather, a_task_that_is_given_twice_runs_once_and_fills_both_places) {
    int runs = 0;
    auto t = spawn([&] {
        ++runs;
        return std::string{"once"};
    });
    EXPECT_EQ(gather(t, t), (std::tuple{std::string{"once"}, std::string{"once"}}));
    using strings = std::vector<std::string>;
    EXPECT_EQ(gather(std::vector{t, t}), (strings{"once", "once"}));
    EXPECT_EQ(gather(task{t}, task{t}), (std::tuple{std::string{"once"}, std::string{"once"}}));
    EXPECT_EQ(runs, 1);
}

TENDRIL_HUB_TEST(gather, of_nothing_returns_nothing) {
    EXPECT_EQ(gather(), std::tuple<>{});
    EXPECT_TRUE(gather(std::vector<task<int>>{}).empty());
    EXPECT_EQ(gather_results(), std::tuple<>{});
    EXPECT_TRUE(gather_results(std::vector<task<int>>{}).empty());
}

TENDRIL_HUB_TEST(gather, throws_the_first_failure_in_time_at_once_and_the_others_go_on) {
    auto slow = number_after(5ms, 1);
    auto late = failure_after(3ms, "late");
    auto early = failure_after(2ms, "early");
    EXPECT_EQ(outcome_of([&] { gather(slow, late, early); }), "early");
    EXPECT_EQ(clock.elapsed(), 2ms);
    EXPECT_FALSE(slow.done());
    EXPECT_EQ(slow.get(), 1);
    EXPECT_EQ(clock.elapsed(), 5ms);
}

TENDRIL_HUB_TEST(gather, errors_after_the_first_count_as_asked_for) {
    transcript reported;
    test::collect_errors(reported);
    EXPECT_EQ(
        outcome_of([] {
            gather(
                [] { throw std::runtime_error{"early"}; },
                [] {
                    sleep_for(1ms);
                    throw std::runtime_error{"late"};
                });
        }),
        "early");
    sleep_for(2ms);
    EXPECT_EQ(reported, transcript{});
}

TENDRIL_HUB_TEST(gather, the_parent_may_go_on_with_the_next_child_after_a_failure) {
    int sum = 0;
    for (int each = 1; each <= 3; ++each) {
        try {
            auto [got] = gather([=] { return each == 2 ? throw std::runtime_error{"no"} : each; });
            sum += got;
        } catch (std::runtime_error const&) {}
    }
    EXPECT_EQ(sum, 4);
}

TENDRIL_HUB_TEST(gather, a_child_that_is_cancelled_is_a_failure_and_not_a_cancel_of_the_caller) {
    auto t = number_after(1h, 1);
    auto u = number_after(1ms, 2);
    this_hub().call_soon([&] { t.cancel(); });
    EXPECT_THROW(gather(t, u), task_cancelled);
    EXPECT_FALSE(u.done());
    EXPECT_EQ(u.get(), 2);
}

TENDRIL_HUB_TEST(gather, cancelling_the_one_who_gathers_cancels_every_child) {
    auto t = number_after(1h, 1);
    auto u = number_after(1h, 2);
    attempt parent;
    start(parent, [&] { gather(t, u); });
    yield();
    parent.run_by.cancel();
    parent.run_by.join();
    EXPECT_EQ(parent.outcome, "cancelled");
    t.join();
    u.join();
    EXPECT_TRUE(t.was_cancelled());
    EXPECT_TRUE(u.was_cancelled());
    EXPECT_EQ(clock.elapsed(), 0ms);
}

TENDRIL_ORDERED_HUB_TEST(gather, one_that_was_cancelled_before_cancels_the_children_too) {
    bool began = false;
    attempt parent;
    start(parent, [&] {
        parent.run_by.cancel();
        gather([&] { began = true; });
    });
    parent.run_by.join();
    EXPECT_EQ(parent.outcome, "cancelled");
    EXPECT_FALSE(began);
}

TENDRIL_HUB_TEST(gather, a_cancelled_one_waits_for_the_first_child_to_end) {
    attempt parent;
    start(parent, [] { gather(slow_gather_child{2ms}, slow_gather_child{1ms}); });
    sleep_for(1ms);
    parent.run_by.cancel();
    parent.run_by.join();
    EXPECT_EQ(parent.outcome, "cancelled");
    EXPECT_EQ(clock.elapsed(), 2ms);
    sleep_for(2ms);
}

TENDRIL_HUB_TEST(gather, a_cancelled_one_that_collects_waits_for_all_children_to_end) {
    attempt parent;
    start(parent, [] { gather_results(slow_gather_child{2ms}, slow_gather_child{1ms}); });
    sleep_for(1ms);
    parent.run_by.cancel();
    parent.run_by.join();
    EXPECT_EQ(parent.outcome, "cancelled");
    EXPECT_EQ(clock.elapsed(), 3ms);
}

TENDRIL_HUB_TEST(gather, a_timeout_around_it_cancels_the_children) {
    auto t = number_after(1h, 1);
    EXPECT_EQ(outcome_of([&] { with_timeout(1ms, [&] { gather(t); }); }), "timed out");
    t.join();
    EXPECT_TRUE(t.was_cancelled());
}

TENDRIL_HUB_TEST(gather, a_cancel_after_the_failure_does_nothing_to_the_children) {
    auto failing = failure_after(1ms, "failed");
    auto slow = number_after(3ms, 1);
    attempt parent;
    start(parent, [&] {
        EXPECT_EQ(outcome_of([&] { gather(failing, slow); }), "failed");
        sleep_for(1h);
    });
    sleep_for(2ms);
    parent.run_by.cancel();
    parent.run_by.join();
    EXPECT_EQ(parent.outcome, "cancelled");
    EXPECT_EQ(slow.get(), 1);
}

TENDRIL_HUB_TEST(gather, results_and_errors_are_collected_in_their_places) {
    auto good = number_after(2ms, 1);
    auto bad = failure_after(1ms, "bad");
    auto stopped = number_after(1h, 3);
    this_hub().call_soon([&] { stopped.cancel(); });
    auto const [x, y, z] = gather_results(good, bad, stopped);
    EXPECT_EQ(x.value(), 1);
    EXPECT_EQ(x.error(), nullptr);
    EXPECT_FALSE(y.succeeded());
    EXPECT_EQ(text_of_gathered(y.error()), "bad");
    EXPECT_EQ(outcome_of([&, &failed = y] { failed.value(); }), "bad");
    EXPECT_THROW(static_cast<void>(z.value()), task_cancelled);
    EXPECT_EQ(clock.elapsed(), 2ms);
}

TENDRIL_HUB_TEST(gather, collects_from_ranges_and_functions) {
    std::vector<task<int>> const tasks{number_after(1ms, 1), failure_after(1ms, "bad")};
    auto const all = gather_results(tasks);
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].value(), 1);
    EXPECT_EQ(text_of_gathered(all[1].error()), "bad");
    auto [nothing] = gather_results([] {});
    EXPECT_TRUE(nothing.succeeded());
    auto [moved] = gather_results([] { return std::make_unique<int>(5); });
    EXPECT_EQ(*std::move(moved).value(), 5);
}

TENDRIL_HUB_TEST(gather, collected_errors_are_not_reported) {
    transcript reported;
    test::collect_errors(reported);
    static_cast<void>(gather_results([] { throw std::runtime_error{"bad"}; }));
    EXPECT_EQ(reported, transcript{});
}

TENDRIL_HUB_TEST(gather, a_result_that_is_an_error_object_is_a_result) {
    auto const error = std::make_exception_ptr(std::runtime_error{"kept"});
    auto const [got] = gather_results([&] { return error; });
    EXPECT_TRUE(got.succeeded());
    EXPECT_EQ(got.value(), error);
}

TENDRIL_HUB_TEST(gather, refuses_the_caller_itself_and_handles_to_no_task) {
    task<int> self;
    std::string refused;
    self = spawn([&] {
        refused = outcome_of([&] { gather(self); });
        return 1;
    });
    self.join();
    EXPECT_EQ(refused, "misuse");
    task<int> nobody;
    EXPECT_EQ(outcome_of([&] { gather(nobody); }), "misuse");
}

TENDRIL_HUB_TEST(gather, refuses_tasks_of_another_thread) {
    auto t = number_after(1ms, 1);
    std::string refused;
    test::run_on_new_thread([&] { refused = outcome_of([&] { gather(t); }); });
    EXPECT_EQ(refused, "wrong thread");
    EXPECT_EQ(t.get(), 1);
}

TENDRIL_HUB_TEST(gather, in_a_callback_is_misuse_and_cancels_nobody) {
    auto t = number_after(1ms, 1);
    std::string refused;
    this_hub().call_soon([&] { refused = outcome_of([&] { gather(t); }); });
    EXPECT_EQ(t.get(), 1);
    EXPECT_EQ(refused, "misuse");
}

TENDRIL_HUB_TEST(gather, main_that_waits_in_vain_cancels_the_children) {
    event never;
    auto t = spawn([&] { never.wait(); });
    EXPECT_EQ(outcome_of([&] { gather(t); }), "would block forever");
    t.join();
    EXPECT_TRUE(t.was_cancelled());
}

TENDRIL_HUB_TEST(gather, a_child_that_ends_in_the_cancel_is_the_first_to_end) {
    task<void> const late = spawn_after(1h, [] {});
    task<void> const slow = spawn([] {
        interruption_shield const until_the_end;
        sleep_for(5s);
    });
    task<void> const parent = spawn([&] { gather(late, slow); });
    yield();
    yield();
    parent.cancel();
    parent.join();
    EXPECT_EQ(clock.elapsed(), 0s);
    slow.join();
}
