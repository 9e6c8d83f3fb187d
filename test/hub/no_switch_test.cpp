// SPDX-License-Identifier: BSL-1.0
#include <harness/hubs.hpp>
#include <tendril/hub/no_switch.hpp>
#include <tendril/time/sleep.hpp>

#include <boost/asio/dispatch.hpp>
#include <boost/asio/io_context.hpp>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::lone_waiter;
using test::misuse_of;
using test::outcome_of;
using test::sleep_outcome;
using test::transcript;

TENDRIL_HUB_TEST(no_switch, refuses_every_park_in_its_scope) {
    no_switch const together;
    EXPECT_TRUE(test::contains(misuse_of([] { lone_waiter{}.park(); }), "no_switch"));
    EXPECT_EQ(outcome_of([] { sleep_for(1s); }), "misuse");
    EXPECT_EQ(outcome_of([] { yield(); }), "misuse");
}

TENDRIL_HUB_TEST(no_switch, allows_parks_again_after_its_scope) {
    { no_switch const together; }
    EXPECT_EQ(outcome_of([] { sleep_for(1s); }), "returned");
}

TENDRIL_HUB_TEST(no_switch, lets_a_wait_return_that_is_over_already) {
    lone_waiter done;
    done.wake();
    no_switch const together;
    EXPECT_EQ(outcome_of([&] { done.park(); }), "returned");
}

TENDRIL_HUB_TEST(no_switch, refuses_until_the_outermost_scope_ends) {
    no_switch const outer;
    { no_switch const inner; }
    EXPECT_EQ(outcome_of([] { yield(); }), "misuse");
}

TENDRIL_HUB_TEST(no_switch, a_refused_wait_leaves_no_trace) {
    lone_waiter me;
    {
        no_switch const together;
        EXPECT_EQ(outcome_of([&] { me.park_until(deadline::after(1s)); }), "misuse");
    }
    EXPECT_EQ(this_hub().statistics().alarms, 0u);
    me.wake();
}

TENDRIL_HUB_TEST(no_switch, reports_a_switch_by_hand_at_its_end) {
    transcript errors;
    test::collect_errors(errors);
    {
        no_switch const together;
        greenlet{[] {}}.switch_to();
    }
    ASSERT_EQ(errors.size(), 1u);
    EXPECT_TRUE(test::contains(errors.front(), "switched by hand"));
}

// Handlers that Asio runs inline, on the stack of a greenlet.

TENDRIL_TEST(no_switch, refuses_a_wait_in_a_handler_that_is_run_on_the_stack_of_a_greenlet) {
    boost::asio::io_context io;
    hub mine{io, embedded};
    std::string outcome;
    bool inside = false;
    mine.spawn_raw([&] {
        no_switch const together;
        boost::asio::dispatch(io, [&] { outcome = sleep_outcome(); });
        inside = !outcome.empty();
    });
    io.run();
    EXPECT_TRUE(inside);
    EXPECT_EQ(outcome, "misuse");
}

TENDRIL_HUB_TEST(no_switch, a_hub_with_a_loop_of_its_own_runs_no_handler_inline) {
    std::string outcome;
    boost::asio::dispatch(this_hub().context(), [&] { outcome = sleep_outcome(); });
    EXPECT_EQ(outcome, "");
    sleep_for(1ms);
    EXPECT_EQ(outcome, "misuse");
}

}  // namespace
