// SPDX-License-Identifier: BSL-1.0
#include <harness/tasks.hpp>
#include <tendril/task/shield.hpp>

#include <memory>
#include <stdexcept>
#include <utility>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::attempt;
using test::outcome_of;
using test::start;
using test::transcript;

}  // namespace

TENDRIL_HUB_TEST(shield, returns_the_result_of_a_task_or_a_function) {
    auto t = spawn([] { return 1; });
    int& result = shield(t);
    EXPECT_EQ(result, 1);
    EXPECT_EQ(shield([] { return 2; }), 2);
    EXPECT_EQ(*shield(spawn([] { return std::make_unique<int>(3); })), 3);
    shield([] {});
}

TENDRIL_HUB_TEST(shield, cancelling_the_waiter_leaves_the_task_running) {
    auto t = spawn([] {
        sleep_for(1ms);
        return 1;
    });
    attempt waiter;
    start(waiter, [&] { shield(t); });
    yield();
    waiter.run_by.cancel();
    waiter.run_by.join();
    EXPECT_EQ(waiter.outcome, "cancelled");
    EXPECT_FALSE(t.done());
    EXPECT_EQ(t.get(), 1);
}

TENDRIL_HUB_TEST(shield, cancelling_the_waiter_leaves_a_function_running) {
    bool finished = false;
    attempt waiter;
    start(waiter, [&] {
        shield([&] {
            sleep_for(1ms);
            finished = true;
        });
    });
    yield();
    waiter.run_by.kill();
    waiter.run_by.join();
    EXPECT_EQ(waiter.outcome, "exit");
    EXPECT_FALSE(finished);
    sleep_for(2ms);
    EXPECT_TRUE(finished);
}

TENDRIL_HUB_TEST(shield, cancelling_the_task_itself_reaches_the_waiter) {
    auto t = spawn([] { sleep_for(1h); });
    this_hub().call_soon([&] { t.cancel(); });
    EXPECT_THROW(shield(t), task_cancelled);
}

TENDRIL_HUB_TEST(shield, throws_what_the_task_throws) {
    EXPECT_EQ(outcome_of([] { shield([] { throw std::runtime_error{"bad"}; }); }), "bad");
}

TENDRIL_HUB_TEST(shield, a_late_error_is_reported_when_the_waiter_has_left) {
    transcript reported;
    test::collect_errors(reported);
    attempt waiter;
    start(waiter, [] {
        shield([] {
            sleep_for(1ms);
            throw std::runtime_error{"late"};
        });
    });
    yield();
    waiter.run_by.cancel();
    waiter.run_by.join();
    sleep_for(2ms);
    ASSERT_EQ(reported.size(), 1U);
    EXPECT_TRUE(test::contains(reported[0], "late"));
}

TENDRIL_ORDERED_HUB_TEST(shield, a_task_that_has_ended_is_returned_without_a_switch) {
    auto t = spawn([] { return 1; });
    t.join();
    bool others_ran = false;
    auto u = spawn([&] { others_ran = true; });
    EXPECT_EQ(shield(t), 1);
    EXPECT_FALSE(others_ran);
    u.join();
}

TENDRIL_HUB_TEST(shield, one_that_was_cancelled_before_begins_nothing) {
    bool began = false;
    attempt waiter;
    start(waiter, [&] {
        waiter.run_by.cancel();
        shield([&] { began = true; });
    });
    waiter.run_by.join();
    yield();
    EXPECT_EQ(waiter.outcome, "cancelled");
    EXPECT_FALSE(began);
}
