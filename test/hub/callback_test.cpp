// SPDX-License-Identifier: BSL-1.0
#include <harness/hubs.hpp>
#include <tendril/hub/callback.hpp>
#include <tendril/time/sleep.hpp>

#include <memory>
#include <source_location>
#include <stdexcept>
#include <string_view>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::transcript;

// Calls what is queued now, and everything of this moment.
void let_others_run() { sleep_for(1ns); }

}  // namespace

// Calls soon.

TENDRIL_HUB_TEST(callback, calls_are_made_in_the_order_in_which_they_were_asked_for) {
    transcript seen;
    for (char const* word : {"a", "b", "c"}) {
        this_hub().call_soon([&seen, word] { seen.push_back(word); });
    }
    EXPECT_EQ(seen, transcript{});
    let_others_run();
    EXPECT_EQ(seen, (transcript{"a", "b", "c"}));
}

TENDRIL_HUB_TEST(callback, each_call_is_made_once) {
    int calls = 0;
    this_hub().call_soon([&] { ++calls; });
    let_others_run();
    let_others_run();
    EXPECT_EQ(calls, 1);
}

TENDRIL_ORDERED_HUB_TEST(callback, calls_and_greenlets_take_turns_in_the_order_they_were_queued) {
    transcript seen;
    hub& here = this_hub();
    auto const a = here.spawn_raw([&] { seen.push_back("greenlet a"); });
    here.call_soon([&] { seen.push_back("call b"); });
    auto const c = here.spawn_raw([&] { seen.push_back("greenlet c"); });
    auto const d = here.spawn_raw([&] { seen.push_back("greenlet d"); });
    here.call_soon([&] { seen.push_back("call e"); });
    here.call_soon([&] { seen.push_back("call f"); });
    yield();
    seen.push_back("main");
    EXPECT_EQ(
        seen,
        (transcript{
            "greenlet a", "call b", "greenlet c", "greenlet d", "call e", "call f", "main"}));
}

TENDRIL_HUB_TEST(callback, one_that_a_callback_asks_for_comes_after_those_that_are_queued) {
    transcript seen;
    this_hub().call_soon([&] {
        seen.push_back("first");
        this_hub().call_soon([&] { seen.push_back("third"); });
    });
    this_hub().call_soon([&] { seen.push_back("second"); });
    let_others_run();
    EXPECT_EQ(seen, (transcript{"first", "second", "third"}));
}

TENDRIL_HUB_TEST(callback, runs_in_the_hub_and_not_in_a_greenlet) {
    bool inside = false;
    this_hub().call_soon([&] { inside = this_hub().in_callback(); });
    EXPECT_FALSE(this_hub().in_callback());
    let_others_run();
    EXPECT_TRUE(inside);
}

TENDRIL_HUB_TEST(callback, an_error_in_one_is_reported_and_the_next_is_called) {
    transcript errors;
    test::collect_errors(errors);
    bool called = false;
    this_hub().call_soon([] { throw std::runtime_error{"broken"}; });
    this_hub().call_soon([&] { called = true; });
    let_others_run();
    EXPECT_EQ(errors, (transcript{"a callback of the hub: std::runtime_error: broken"}));
    EXPECT_TRUE(called);
}

TENDRIL_HUB_TEST(callback, may_make_greenlets) {
    transcript seen;
    this_hub().call_soon([&] {
        this_hub().spawn_raw([&] {
            sleep_for(1ms);
            seen.push_back("slept");
        });
        seen.push_back("called");
    });
    sleep_for(2ms);
    EXPECT_EQ(seen, (transcript{"called", "slept"}));
}

// Taking calls back.

TENDRIL_HUB_TEST(callback, a_cancelled_call_is_not_made) {
    bool called = false;
    auto handle = this_hub().call_soon([&] { called = true; });
    EXPECT_TRUE(handle.pending());
    EXPECT_TRUE(handle.cancel());
    EXPECT_FALSE(handle.pending());
    let_others_run();
    EXPECT_FALSE(called);
}

TENDRIL_HUB_TEST(callback, the_second_cancel_returns_false) {
    auto handle = this_hub().call_soon([] {});
    auto delayed = this_hub().call_later(1ms, [] {});
    handle.cancel();
    delayed.cancel();
    EXPECT_FALSE(handle.cancel());
    EXPECT_FALSE(delayed.cancel());
}

TENDRIL_HUB_TEST(callback, cancel_after_the_call_returns_false) {
    auto handle = this_hub().call_soon([] {});
    let_others_run();
    EXPECT_FALSE(handle.pending());
    EXPECT_FALSE(handle.cancel());
}

TENDRIL_HUB_TEST(callback, one_may_cancel_another_that_is_queued_behind_it) {
    transcript seen;
    callback_handle second;
    this_hub().call_soon([&] { seen.push_back(second.cancel() ? "cancelled" : "too late"); });
    second = this_hub().call_soon([&] { seen.push_back("second"); });
    this_hub().call_soon([&] { seen.push_back("third"); });
    let_others_run();
    EXPECT_EQ(seen, (transcript{"cancelled", "third"}));
}

TENDRIL_ORDERED_HUB_TEST(callback, a_greenlet_in_front_of_it_may_cancel_it) {
    transcript seen;
    callback_handle handle;
    auto const first = this_hub().spawn_raw([&] { handle.cancel(); });
    handle = this_hub().call_soon([&] { seen.push_back("call"); });
    auto const second = this_hub().spawn_raw([&] { seen.push_back("greenlet"); });
    yield();
    EXPECT_EQ(seen, (transcript{"greenlet"}));
}

TENDRIL_HUB_TEST(callback, one_cannot_cancel_itself_while_it_is_called) {
    transcript seen;
    callback_handle handle;
    handle = this_hub().call_soon([&] {
        seen.push_back(handle.pending() ? "pending" : "not pending");
        seen.push_back(handle.cancel() ? "cancelled" : "too late");
        seen.push_back("goes on");
    });
    let_others_run();
    EXPECT_EQ(seen, (transcript{"not pending", "too late", "goes on"}));
}

TENDRIL_HUB_TEST(callback, cancel_frees_the_captures_at_once) {
    auto const captured = std::make_shared<int>(1);
    auto handle = this_hub().call_later(1h, [captured] {});
    EXPECT_EQ(captured.use_count(), 2);
    handle.cancel();
    EXPECT_EQ(captured.use_count(), 1);
}

TENDRIL_HUB_TEST(callback, the_call_frees_the_captures_while_a_handle_remains) {
    auto const captured = std::make_shared<int>(1);
    auto const handle = this_hub().call_soon([captured] {});
    let_others_run();
    EXPECT_EQ(captured.use_count(), 1);
}

TENDRIL_HUB_TEST(callback, dropping_the_handle_changes_nothing) {
    int calls = 0;
    static_cast<void>(this_hub().call_soon([&] { ++calls; }));
    static_cast<void>(this_hub().call_later(1ms, [&] { ++calls; }));
    sleep_for(2ms);
    EXPECT_EQ(calls, 2);
}

TENDRIL_HUB_TEST(callback, copies_are_handles_to_the_same_call) {
    bool called = false;
    auto handle = this_hub().call_soon([&] { called = true; });
    callback_handle copy = handle;
    callback_handle assigned;
    assigned = copy;
    EXPECT_TRUE(copy.cancel());
    EXPECT_FALSE(handle.pending());
    EXPECT_FALSE(assigned.cancel());
    let_others_run();
    EXPECT_FALSE(called);
}

TENDRIL_HUB_TEST(callback, a_moved_handle_names_nothing) {
    auto handle = this_hub().call_soon([] {});
    callback_handle moved = std::move(handle);
    EXPECT_FALSE(handle.pending());  // NOLINT: that is the question
    EXPECT_FALSE(handle.cancel());
    EXPECT_TRUE(moved.cancel());
}

TENDRIL_TEST(callback, a_handle_to_nothing_is_not_pending_and_cannot_be_cancelled) {
    callback_handle nothing;
    EXPECT_FALSE(nothing.pending());
    EXPECT_FALSE(nothing.cancel());
    callback_handle const copy = nothing;
    EXPECT_FALSE(copy.pending());
}

TENDRIL_HUB_TEST(callback, captures_that_own_the_handle_go_with_the_cancel) {
    auto owner = std::make_shared<callback_handle>();
    callback_handle& handle = *owner;
    *owner = this_hub().call_later(1h, [owner] {});
    std::weak_ptr<callback_handle> const watch = owner;
    owner.reset();
    EXPECT_TRUE(handle.cancel());
    EXPECT_TRUE(watch.expired());
}

TENDRIL_TEST(callback, a_handle_may_outlive_the_hub) {
    callback_handle handle;
    auto const captured = std::make_shared<int>(1);
    run([&] { handle = this_hub().call_later(1h, [captured] {}); });
    EXPECT_FALSE(handle.pending());
    EXPECT_FALSE(handle.cancel());
    EXPECT_EQ(captured.use_count(), 1);
}

// Delayed calls.

TENDRIL_HUB_TEST(callback, a_delayed_call_is_made_when_its_time_has_come) {
    auto when = 0ns;
    this_hub().call_later(5ms, [&] { when = clock.elapsed(); });
    sleep_for(10ms);
    EXPECT_EQ(when, 5ms);
}

TENDRIL_HUB_TEST(callback, delayed_calls_come_in_the_order_of_their_moments) {
    transcript seen;
    this_hub().call_later(3ms, [&] { seen.push_back("3"); });
    this_hub().call_later(1ms, [&] { seen.push_back("1"); });
    this_hub().call_at(now() + 2ms, [&] { seen.push_back("2"); });
    sleep_for(5ms);
    EXPECT_EQ(seen, (transcript{"1", "2", "3"}));
}

TENDRIL_HUB_TEST(callback, calls_of_one_moment_come_in_the_order_they_were_asked_for) {
    transcript seen;
    time_point const moment = now() + 1ms;
    for (char const* word : {"a", "b", "c", "d"}) {
        this_hub().call_at(moment, [&seen, word] { seen.push_back(word); });
    }
    sleep_for(2ms);
    EXPECT_EQ(seen, (transcript{"a", "b", "c", "d"}));
}

TENDRIL_ORDERED_HUB_TEST(callback, a_delayed_call_and_a_sleep_of_one_moment_keep_their_order) {
    transcript seen;
    auto const sleeper = this_hub().spawn_raw([&] {
        sleep_for(1ms);
        seen.push_back("first sleeper");
    });
    yield();
    this_hub().call_later(1ms, [&] { seen.push_back("call"); });
    sleep_for(1ms);
    seen.push_back("second sleeper");
    EXPECT_EQ(seen, (transcript{"first sleeper", "call", "second sleeper"}));
}

TENDRIL_HUB_TEST(callback, no_delay_and_less_mean_soon_and_not_inside_call_later) {
    int calls = 0;
    this_hub().call_later(0ms, [&] { ++calls; });
    this_hub().call_later(-1h, [&] { ++calls; });
    this_hub().call_at(time_point::min(), [&] { ++calls; });
    EXPECT_EQ(calls, 0);
    sleep_for(1ns);
    EXPECT_EQ(calls, 3);
    EXPECT_EQ(clock.elapsed(), 1ns);
}

TENDRIL_HUB_TEST(callback, a_delay_that_is_too_long_for_the_clock_is_never) {
    int calls = 0;
    hub& here = this_hub();
    using seconds = std::chrono::duration<double>;
    callback_handle all[] = {
        here.call_later(std::chrono::hours::max(), [&] { ++calls; }),
        here.call_later(std::chrono::seconds::max(), [&] { ++calls; }),
        here.call_later(seconds{std::numeric_limits<double>::infinity()}, [&] { ++calls; }),
        here.call_at(deadline::never(), [&] { ++calls; }),
    };
    EXPECT_EQ(here.statistics().alarms, 0U);
    sleep_for(24h * 365);
    EXPECT_EQ(calls, 0);
    for (callback_handle& each : all) {
        EXPECT_TRUE(each.cancel());
    }
}

TENDRIL_HUB_TEST(callback, a_delay_of_four_hundred_years_does_not_come_at_once) {
    int calls = 0;
    this_hub().call_later(24h * 365 * 400, [&] { ++calls; });
    sleep_for(24h * 365);
    EXPECT_EQ(calls, 0);
}

TENDRIL_HUB_TEST(callback, a_delay_that_is_not_a_number_is_refused) {
    using seconds = std::chrono::duration<double>;
    seconds const nan{std::numeric_limits<double>::quiet_NaN()};
    EXPECT_THROW(this_hub().call_later(nan, [] {}), misuse);
}

TENDRIL_HUB_TEST(callback, a_cancelled_delayed_call_leaves_no_alarm_behind) {
    auto handle = this_hub().call_later(1h, [] {});
    EXPECT_EQ(this_hub().statistics().alarms, 1U);
    handle.cancel();
    EXPECT_EQ(this_hub().statistics().alarms, 0U);
    sleep_for(2h);
}

TENDRIL_HUB_TEST(callback, a_delayed_call_can_be_cancelled_when_it_is_due_and_queued) {
    bool called = false;
    callback_handle delayed;
    this_hub().call_later(1ms, [&] { EXPECT_TRUE(delayed.cancel()); });
    delayed = this_hub().call_later(1ms, [&] { called = true; });
    sleep_for(2ms);
    EXPECT_FALSE(called);
}

// Where it comes from.

TENDRIL_HUB_TEST(callback, remembers_where_it_was_asked_for) {
    auto const here = std::source_location::current();
    auto soon = this_hub().call_soon([] {});
    auto late = this_hub().call_later(1h, [] {});
    EXPECT_EQ(soon.origin().line(), here.line() + 1);
    EXPECT_EQ(late.origin().line(), here.line() + 2);
    EXPECT_EQ(std::string_view{late.origin().file_name()}, here.file_name());
    EXPECT_EQ(callback_handle{}.origin().line(), 0U);
    late.cancel();
}

TENDRIL_HUB_TEST(callback, an_empty_one_is_reported_and_the_next_is_called) {
    transcript errors;
    test::collect_errors(errors);
    bool called = false;
    this_hub().call_soon(nullptr);
    this_hub().call_soon([&] { called = true; });
    yield();
    ASSERT_EQ(errors.size(), 1U);
    EXPECT_TRUE(test::contains(errors[0], "an empty unique_function cannot be called"));
    EXPECT_TRUE(called);
}
