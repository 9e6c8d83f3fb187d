// SPDX-License-Identifier: BSL-1.0
#include <harness/tasks.hpp>
#include <tendril/sync/auto_reset_event.hpp>

#include <memory>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::attempt;
using test::outcome_of;
using test::start;
using test::transcript;

}  // namespace

TENDRIL_HUB_TEST(auto_reset_event, a_signal_is_used_up_by_the_wait_that_it_ends) {
    auto_reset_event e;
    e.set();
    EXPECT_TRUE(e.is_set());
    e.wait();
    EXPECT_FALSE(e.is_set());
    EXPECT_FALSE(e.wait_for(1ms));
}

TENDRIL_HUB_TEST(auto_reset_event, two_signals_before_a_wait_are_one) {
    auto_reset_event e;
    e.set();
    e.set();
    EXPECT_TRUE(e.try_wait());
    EXPECT_FALSE(e.try_wait());
}

TENDRIL_ORDERED_HUB_TEST(auto_reset_event, each_signal_wakes_the_one_that_has_waited_longest) {
    auto_reset_event e;
    transcript seen;
    for (char const* word : {"a", "b", "c"}) {
        spawn([&, word] {
            e.wait();
            seen.push_back(word);
        });
    }
    yield();
    e.set();
    yield();
    EXPECT_EQ(seen, (transcript{"a"}));
    e.set();
    e.set();
    yield();
    EXPECT_EQ(seen, (transcript{"a", "b", "c"}));
    EXPECT_FALSE(e.is_set());
}

TENDRIL_HUB_TEST(auto_reset_event, nobody_can_take_the_signal_of_one_that_was_woken) {
    auto_reset_event e;
    attempt waiting;
    start(waiting, [&] { e.wait(); });
    yield();
    e.set();
    EXPECT_FALSE(e.try_wait());
    EXPECT_FALSE(e.is_set());
    yield();
    EXPECT_EQ(waiting.outcome, "returned");
}

TENDRIL_HUB_TEST(auto_reset_event, reset_takes_back_a_signal_that_nobody_has_used) {
    auto_reset_event e;
    e.set();
    e.reset();
    EXPECT_FALSE(e.wait_for(1ms));
}

TENDRIL_HUB_TEST(auto_reset_event, a_wait_with_a_signal_there_does_not_switch) {
    auto_reset_event e;
    e.set();
    std::uint64_t const switches = this_hub().statistics().switches;
    EXPECT_TRUE(e.wait_until(now() - 1h));
    EXPECT_EQ(this_hub().statistics().switches, switches);
}

TENDRIL_HUB_TEST(auto_reset_event, takes_any_duration) {
    auto_reset_event e;
    test::expect_no_time_is_enough(clock, [&](auto limit) { return e.wait_for(limit); });
    test::expect_an_age_is_enough([&](auto limit) { return e.wait_for(limit); }, [&] { e.set(); });
}

TENDRIL_HUB_TEST(auto_reset_event, a_waiter_that_is_cancelled_leaves_the_signal_to_the_next) {
    auto_reset_event e;
    attempt first;
    attempt second;
    start(first, [&] { e.wait(); });
    start(second, [&] { e.wait(); });
    yield();
    first.run_by.cancel();
    e.set();
    yield();
    EXPECT_EQ(first.outcome, "cancelled");
    EXPECT_EQ(second.outcome, "returned");
}

TENDRIL_HUB_TEST(auto_reset_event, set_on_another_thread_than_the_waiters_is_refused) {
    auto_reset_event e;
    attempt waiting;
    start(waiting, [&] { e.wait(); });
    yield();
    EXPECT_EQ(test::outcome_elsewhere([&] { e.set(); }), "wrong thread");
    EXPECT_FALSE(e.is_set());
    e.set();
}

TENDRIL_TEST(auto_reset_event, stops_the_program_when_it_is_destroyed_while_somebody_waits) {
    EXPECT_DEATH(
        run([] {
            auto e = std::make_unique<auto_reset_event>();
            spawn([&] { e->wait(); });
            yield();
            e.reset();
        }),
        "an auto_reset_event was destroyed while a greenlet waits for it");
}
