// SPDX-License-Identifier: BSL-1.0
#include <harness/tasks.hpp>
#include <tendril/sync/barrier.hpp>

#include <memory>
#include <utility>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::attempt;
using test::contains;
using test::misuse_of;
using test::outcome_of;
using test::start;
using test::transcript;

}  // namespace

TENDRIL_HUB_TEST(barrier, all_go_on_when_the_last_has_arrived) {
    tendril::barrier step{3};
    attempt first;
    attempt second;
    start(first, [&] { step.arrive_and_wait(); });
    start(second, [&] { step.arrive_and_wait(); });
    yield();
    EXPECT_EQ(step.still_expected(), 1);
    EXPECT_EQ(first.outcome, "waits");
    step.arrive_and_wait();
    yield();
    EXPECT_EQ(first.outcome, "returned");
    EXPECT_EQ(second.outcome, "returned");
    EXPECT_EQ(step.still_expected(), 3);
}

TENDRIL_ORDERED_HUB_TEST(barrier, works_again_and_again) {
    transcript seen;
    tendril::barrier step{2, [&]() noexcept { seen.push_back("step"); }};
    for (char const* word : {"a", "b"}) {
        spawn([&, word] {
            for (int lap = 0; lap < 3; ++lap) {
                seen.push_back(word);
                step.arrive_and_wait();
            }
        });
    }
    sleep_for(1ms);
    EXPECT_EQ(seen, (transcript{"a", "b", "step", "b", "a", "step", "a", "b", "step"}));
}

TENDRIL_HUB_TEST(barrier, who_comes_before_the_woken_have_run_belongs_to_the_next_phase) {
    tendril::barrier step{2};
    attempt first;
    start(first, [&] { step.arrive_and_wait(); });
    yield();
    static_cast<void>(step.arrive());
    auto next = step.arrive();
    EXPECT_EQ(first.outcome, "waits");
    yield();
    EXPECT_EQ(first.outcome, "returned");
    EXPECT_FALSE(step.try_wait(next));
    step.arrive_and_wait();
    EXPECT_TRUE(step.try_wait(next));
}

TENDRIL_HUB_TEST(barrier, the_last_calls_the_completion_function_before_anybody_goes_on) {
    transcript seen;
    tendril::barrier step{2, [&]() noexcept { seen.push_back("complete"); }};
    spawn([&] {
        step.arrive_and_wait();
        seen.push_back("first");
    });
    yield();
    std::uint64_t const switches = this_hub().statistics().switches;
    step.arrive_and_wait();
    EXPECT_EQ(this_hub().statistics().switches, switches);
    seen.push_back("last");
    yield();
    EXPECT_EQ(seen, (transcript{"complete", "last", "first"}));
}

TENDRIL_HUB_TEST(barrier, one_may_arrive_now_and_wait_later) {
    tendril::barrier step{2};
    auto token = step.arrive();
    EXPECT_FALSE(step.try_wait(token));
    EXPECT_FALSE(step.wait_for(token, 1ms));
    EXPECT_FALSE(step.wait_until(token, now() + 1ms));
    static_cast<void>(step.arrive());
    EXPECT_TRUE(step.try_wait(token));
    EXPECT_TRUE(step.wait_for(token, 1ms));
    step.wait(std::move(token));
    EXPECT_EQ(clock.elapsed(), 2ms);
}

TENDRIL_HUB_TEST(barrier, one_may_arrive_for_several) {
    tendril::barrier step{3};
    attempt waiting;
    start(waiting, [&] { step.arrive_and_wait(); });
    yield();
    static_cast<void>(step.arrive(2));
    yield();
    EXPECT_EQ(waiting.outcome, "returned");
}

TENDRIL_HUB_TEST(barrier, one_that_drops_out_is_not_expected_any_more) {
    tendril::barrier step{2};
    attempt waiting;
    start(waiting, [&] {
        step.arrive_and_wait();
        step.arrive_and_wait();
    });
    yield();
    step.arrive_and_drop();
    EXPECT_EQ(step.still_expected(), 1);
    yield();
    EXPECT_EQ(waiting.outcome, "returned");
}

TENDRIL_TEST(barrier, more_than_are_expected_are_refused) {
    tendril::barrier step{2};
    EXPECT_TRUE(contains(misuse_of([&] { static_cast<void>(step.arrive(3)); }), "more arrive"));
    EXPECT_THROW(static_cast<void>(step.arrive(0)), misuse);
    EXPECT_EQ(step.still_expected(), 2);
    step.arrive_and_drop();
    step.arrive_and_drop();
    EXPECT_THROW(step.arrive_and_drop(), misuse);
    EXPECT_THROW(tendril::barrier{-1}, misuse);
}

TENDRIL_HUB_TEST(barrier, the_completion_function_cannot_arrive) {
    std::string text;
    struct arrives {
        tendril::detail::barrier_core*& at;
        std::string& text;
        void operator()() const noexcept {
            text = misuse_of([&] { static_cast<void>(at->arrive()); });
        }
    };
    tendril::detail::barrier_core* at = nullptr;
    tendril::barrier step{1, arrives{at, text}};
    at = &step;
    static_cast<void>(step.arrive());
    EXPECT_TRUE(contains(text, "must not arrive")) << text;
    EXPECT_EQ(step.still_expected(), 1);
}

TENDRIL_HUB_TEST(barrier, another_thread_cannot_arrive_where_somebody_waits) {
    tendril::barrier step{2};
    attempt waiting;
    start(waiting, [&] { step.arrive_and_wait(); });
    yield();
    EXPECT_EQ(test::outcome_elsewhere([&] { static_cast<void>(step.arrive()); }), "wrong thread");
    EXPECT_EQ(test::outcome_elsewhere([&] { step.arrive_and_drop(); }), "wrong thread");
    EXPECT_EQ(step.still_expected(), 1);
    static_cast<void>(step.arrive());
    yield();
    EXPECT_EQ(waiting.outcome, "returned");
}

// Who gives up.

TENDRIL_HUB_TEST(barrier, one_that_is_cancelled_takes_its_arrival_back) {
    tendril::barrier step{2};
    attempt first;
    attempt second;
    start(first, [&] { step.arrive_and_wait(); });
    yield();
    first.run_by.cancel();
    EXPECT_EQ(step.still_expected(), 2);
    start(second, [&] { step.arrive_and_wait(); });
    yield();
    EXPECT_EQ(first.outcome, "cancelled");
    EXPECT_EQ(second.outcome, "waits");
    step.arrive_and_wait();
    yield();
    EXPECT_EQ(second.outcome, "returned");
}

TENDRIL_HUB_TEST(barrier, one_whose_limit_runs_out_takes_its_arrival_back) {
    tendril::barrier step{2};
    EXPECT_FALSE(step.arrive_and_wait_for(5ms));
    EXPECT_FALSE(step.arrive_and_wait_until(now() + 5ms));
    EXPECT_EQ(clock.elapsed(), 10ms);
    EXPECT_EQ(step.still_expected(), 2);
    EXPECT_EQ(this_hub().statistics().alarms, 0U);
}

TENDRIL_HUB_TEST(barrier, one_that_is_cancelled_after_the_last_has_arrived_goes_on) {
    tendril::barrier step{2};
    transcript seen;
    task<void> const first = spawn([&] {
        seen.push_back(outcome_of([&] { step.arrive_and_wait(); }));
        seen.push_back(outcome_of([] { yield(); }));
    });
    yield();
    static_cast<void>(step.arrive());
    first.cancel();
    yield();
    EXPECT_EQ(seen, (transcript{"returned", "cancelled"}));
    EXPECT_EQ(step.still_expected(), 2);
}

TENDRIL_HUB_TEST(barrier, an_arrival_before_the_wait_stays_counted_when_the_wait_is_cancelled) {
    tendril::barrier step{2};
    attempt first;
    start(first, [&] { step.wait(step.arrive()); });
    yield();
    first.run_by.kill();
    yield();
    EXPECT_EQ(first.outcome, "exit");
    EXPECT_EQ(step.still_expected(), 1);
}

TENDRIL_HUB_TEST(barrier, one_that_was_cancelled_before_does_not_arrive) {
    tendril::barrier step{2};
    attempt first;
    start(first, [&] {
        first.run_by.cancel();
        step.arrive_and_wait();
    });
    yield();
    EXPECT_EQ(first.outcome, "cancelled");
    EXPECT_EQ(step.still_expected(), 2);
}

TENDRIL_HUB_TEST(barrier, a_callback_that_would_wait_does_not_arrive) {
    tendril::barrier step{2};
    std::string outcome;
    this_hub().call_soon([&] { outcome = outcome_of([&] { step.arrive_and_wait(); }); });
    yield();
    EXPECT_EQ(outcome, "misuse");
    EXPECT_EQ(step.still_expected(), 2);
}

TENDRIL_HUB_TEST(barrier, takes_any_duration) {
    tendril::barrier step{2};
    test::expect_no_time_is_enough(
        clock, [&](auto limit) { return step.arrive_and_wait_for(limit); });
    test::expect_an_age_is_enough(
        [&](auto limit) { return step.arrive_and_wait_for(limit); },
        [&] { static_cast<void>(step.arrive()); });
}

TENDRIL_TEST(barrier, stops_the_program_when_it_is_destroyed_while_somebody_waits) {
    EXPECT_DEATH(
        run([] {
            auto step = std::make_unique<tendril::barrier<>>(2);
            spawn([&] { step->arrive_and_wait(); });
            yield();
            step.reset();
        }),
        "a barrier was destroyed while a greenlet waits for it");
}
