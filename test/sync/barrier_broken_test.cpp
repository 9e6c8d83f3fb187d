// SPDX-License-Identifier: BSL-1.0
//
// A phase that is given up.
#include <harness/tasks.hpp>
#include <tendril/sync/barrier.hpp>

#include <utility>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::attempt;
using test::outcome_of;
using test::start;

// As `outcome_of`, and "broken" for a barrier that is.
template <typename F>
std::string barrier_outcome(F&& function) {
    return outcome_of([&] {
        try {
            function();
        } catch (broken_barrier const&) {
            throw std::string{"broken"};
        }
    });
}
void start_arrival(attempt& into, tendril::barrier<>& step) {
    start(into, [&] {
        std::string const outcome = barrier_outcome([&] { step.arrive_and_wait(); });
        if (outcome != "returned") {
            throw outcome;
        }
    });
}

}  // namespace

TENDRIL_HUB_TEST(barrier_broken, abort_breaks_it_for_those_who_wait_and_those_who_come) {
    tendril::barrier step{3};
    attempt first;
    attempt second;
    start_arrival(first, step);
    start_arrival(second, step);
    yield();
    step.abort();
    EXPECT_TRUE(step.broken());
    yield();
    EXPECT_EQ(first.outcome, "broken");
    EXPECT_EQ(second.outcome, "broken");
    EXPECT_EQ(barrier_outcome([&] { step.arrive_and_wait(); }), "broken");
    EXPECT_EQ(barrier_outcome([&] { static_cast<void>(step.arrive()); }), "broken");
    EXPECT_EQ(barrier_outcome([&] { step.arrive_and_drop(); }), "broken");
}

TENDRIL_HUB_TEST(barrier_broken, reset_breaks_the_phase_for_those_who_wait_and_begins_a_new_one) {
    tendril::barrier step{2};
    attempt old;
    attempt fresh;
    start_arrival(old, step);
    yield();
    step.reset();
    EXPECT_FALSE(step.broken());
    EXPECT_EQ(step.still_expected(), 2);
    start_arrival(fresh, step);
    yield();
    EXPECT_EQ(old.outcome, "broken");
    EXPECT_EQ(fresh.outcome, "waits");
    step.arrive_and_wait();
    yield();
    EXPECT_EQ(fresh.outcome, "returned");
}

TENDRIL_HUB_TEST(barrier_broken, reset_puts_a_broken_one_in_order) {
    tendril::barrier step{1};
    step.abort();
    step.abort();
    step.reset();
    EXPECT_FALSE(step.broken());
    step.arrive_and_wait();
}

TENDRIL_HUB_TEST(barrier_broken, a_reset_with_nobody_there_forgets_earlier_arrivals) {
    tendril::barrier step{2};
    static_cast<void>(step.arrive());
    step.reset();
    EXPECT_EQ(step.still_expected(), 2);
}

TENDRIL_HUB_TEST(barrier_broken, one_that_was_cancelled_before_the_reset_changes_no_count) {
    tendril::barrier step{2};
    attempt first;
    start_arrival(first, step);
    yield();
    first.run_by.cancel();
    step.reset();
    yield();
    EXPECT_EQ(first.outcome, "cancelled");
    EXPECT_EQ(step.still_expected(), 2);
}

TENDRIL_HUB_TEST(barrier_broken, one_that_is_cancelled_after_the_abort_gets_the_error) {
    tendril::barrier step{2};
    attempt first;
    start_arrival(first, step);
    yield();
    step.abort();
    first.run_by.cancel();
    yield();
    EXPECT_EQ(first.outcome, "broken");
    step.reset();
    EXPECT_EQ(step.still_expected(), 2);
}

TENDRIL_HUB_TEST(barrier_broken, who_was_let_through_before_the_abort_goes_on) {
    tendril::barrier step{2};
    attempt first;
    start_arrival(first, step);
    yield();
    static_cast<void>(step.arrive());
    step.abort();
    yield();
    EXPECT_EQ(first.outcome, "returned");
}

TENDRIL_HUB_TEST(barrier_broken, a_token_of_a_phase_that_was_given_up_says_so) {
    tendril::barrier step{2};
    auto complete = step.arrive(2);
    auto token = step.arrive();
    step.abort();
    EXPECT_EQ(barrier_outcome([&] { step.wait_for(token, 1ms); }), "broken");
    EXPECT_TRUE(step.try_wait(complete));
    step.reset();
    EXPECT_EQ(barrier_outcome([&] { static_cast<void>(step.try_wait(token)); }), "broken");
    EXPECT_EQ(barrier_outcome([&] { step.wait(std::move(token)); }), "broken");
}

TENDRIL_HUB_TEST(barrier_broken, the_completion_function_may_break_it) {
    struct breaks {
        tendril::detail::barrier_core*& at;
        void operator()() const noexcept { at->abort(); }
    };
    tendril::detail::barrier_core* at = nullptr;
    tendril::barrier step{2, breaks{at}};
    at = &step;
    attempt first;
    start(first, [&] { throw barrier_outcome([&] { step.arrive_and_wait(); }); });
    yield();
    EXPECT_EQ(barrier_outcome([&] { step.arrive_and_wait(); }), "broken");
    yield();
    EXPECT_EQ(first.outcome, "broken");
    EXPECT_TRUE(step.broken());
}

TENDRIL_HUB_TEST(barrier_broken, another_thread_cannot_break_it_while_somebody_waits) {
    tendril::barrier step{2};
    attempt first;
    start_arrival(first, step);
    yield();
    EXPECT_EQ(test::outcome_elsewhere([&] { step.abort(); }), "wrong thread");
    EXPECT_EQ(test::outcome_elsewhere([&] { step.reset(); }), "wrong thread");
    EXPECT_FALSE(step.broken());
    step.arrive_and_wait();
    yield();
    EXPECT_EQ(first.outcome, "returned");
}
