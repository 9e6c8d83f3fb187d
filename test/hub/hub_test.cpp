// SPDX-License-Identifier: BSL-1.0
#include <harness/hubs.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/support/system_calls.hpp>
#include <tendril/time/sleep.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::contains;
using test::lone_waiter;
using test::misuse_of;
using test::outcome_of;
using test::transcript;

system_calls without_memory() {
    system_calls table = kernel();
    table.mmap = [](void*, std::size_t, int, int, int, off_t) -> void* {
        errno = ENOMEM;
        return MAP_FAILED;
    };
    return table;
}

}  // namespace

// One thread, one hub.

TENDRIL_TEST(hub, a_thread_has_one_hub_at_a_time) {
    hub mine;
    EXPECT_EQ(&this_hub(), &mine);
    EXPECT_TRUE(contains(misuse_of([] { hub other; }), "has a hub already"));
    EXPECT_EQ(&this_hub(), &mine);
}

TENDRIL_TEST(hub, another_may_follow_when_the_first_is_gone) {
    for (int lap = 0; lap < 3; ++lap) {
        hub mine;
        int calls = 0;
        mine.call_soon([&] { ++calls; });
        sleep_for(1us);
        EXPECT_EQ(calls, 1);
    }
}

TENDRIL_TEST(hub, another_may_follow_when_the_first_is_closed) {
    hub first;
    first.close();
    hub second;
    EXPECT_EQ(&this_hub(), &second);
    sleep_for(1us);
}

TENDRIL_TEST(hub, needs_a_budget_of_one_step_at_least) {
    EXPECT_THROW(hub({.budget = 0}), misuse);
    EXPECT_THROW(hub({.budget = -1}), misuse);
    EXPECT_NO_THROW(hub({.budget = 1}));
}

TENDRIL_TEST(hub, a_hub_that_cannot_be_made_leaves_the_thread_without_one) {
    EXPECT_THROW(hub({.budget = 0}), misuse);
    EXPECT_EQ(hub::of(this_thread()), nullptr);
}

TENDRIL_TEST(hub, says_so_when_there_is_no_descriptor_for_it) {
    system_calls table = kernel();
    table.eventfd = [](unsigned, int) {
        errno = EMFILE;
        return -1;
    };
    replaced_system_calls const until_end{table};
    EXPECT_THROW(hub{}, std::system_error);
    EXPECT_EQ(hub::of(this_thread()), nullptr);
}

TENDRIL_TEST(hub, says_so_when_there_is_no_stack_for_it) {
    std::thread{[] {
        system_calls const table = without_memory();
        replaced_system_calls const until_end{table};
        EXPECT_THROW(hub{}, stack_exhausted);
        EXPECT_EQ(hub::of(this_thread()), nullptr);
    }}.join();
}

TENDRIL_HUB_TEST(hub, belongs_to_its_thread) {
    EXPECT_EQ(&this_hub().thread(), &this_thread());
    EXPECT_EQ(hub::of(this_thread()), &this_hub());
}

TENDRIL_HUB_TEST(hub, the_random_numbers_are_those_it_was_given) {
    struct constant final : random_source {
        std::uint64_t next() noexcept override { return 42; }
    };
    test::run_on_new_thread([] { EXPECT_NE(this_hub().random().next(), 42U); });
    std::thread{[] {
        constant source;
        run({.random = &source}, [&] {
            EXPECT_EQ(&this_hub().random(), &source);
            EXPECT_EQ(this_hub().random().next(), 42U);
        });
    }}.join();
}

// Raw greenlets.

TENDRIL_HUB_TEST(hub, a_raw_greenlet_has_not_begun_when_spawn_raw_returns) {
    bool began = false;
    auto const other = this_hub().spawn_raw([&] { began = true; });
    EXPECT_FALSE(began);
    EXPECT_FALSE(other.started());
    yield();
    EXPECT_TRUE(began);
    EXPECT_TRUE(other.dead());
}

TENDRIL_ORDERED_HUB_TEST(hub, raw_greenlets_begin_in_the_order_they_were_made) {
    transcript seen;
    for (char const* word : {"a", "b", "c"}) {
        this_hub().spawn_raw([&seen, word] { seen.push_back(word); });
    }
    yield();
    EXPECT_EQ(seen, (transcript{"a", "b", "c"}));
}

TENDRIL_HUB_TEST(hub, a_raw_greenlet_runs_though_nobody_keeps_a_handle) {
    int laps = 0;
    static_cast<void>(this_hub().spawn_raw([&] {
        for (; laps < 3; ++laps) {
            sleep_for(1ms);
        }
    }));
    sleep_for(1s);
    EXPECT_EQ(laps, 3);
}

TENDRIL_HUB_TEST(hub, the_parent_of_a_raw_greenlet_is_the_hub) {
    auto const first = this_hub().spawn_raw([] {});
    auto const second = this_hub().spawn_raw([] {});
    EXPECT_EQ(first.parent(), second.parent());
    EXPECT_EQ(first.parent().parent(), greenlet::current());
    EXPECT_NE(first.parent(), greenlet::current());
}

TENDRIL_HUB_TEST(hub, an_error_that_leaves_a_raw_greenlet_is_reported_with_its_number) {
    transcript errors;
    test::collect_errors(errors);
    auto const other = this_hub().spawn_raw([] { throw std::runtime_error{"broken"}; });
    yield();
    std::string const who = "greenlet " + std::to_string(other.id());
    EXPECT_EQ(errors, (transcript{who + ": std::runtime_error: broken"}));
}

TENDRIL_HUB_TEST(hub, an_exit_that_leaves_a_raw_greenlet_is_no_error) {
    transcript errors;
    test::collect_errors(errors);
    this_hub().spawn_raw([] { throw greenlet_exit{}; });
    yield();
    EXPECT_EQ(errors, transcript{});
}

TENDRIL_HUB_TEST(hub, the_captures_of_a_raw_greenlet_go_when_it_ends) {
    auto const captured = std::make_shared<int>(1);
    auto const other = this_hub().spawn_raw([captured] { sleep_for(1ms); });
    sleep_for(2ms);
    EXPECT_EQ(captured.use_count(), 1);
}

TENDRIL_HUB_TEST(hub, captures_that_park_when_they_are_destroyed_can_finish) {
    transcript seen;
    auto cleanup = std::make_unique<test::yields_when_destroyed>(seen, "cleanup");
    auto const other = this_hub().spawn_raw([owned = std::move(cleanup)] { sleep_for(1h); });
    yield();
    request_exit(*other.block());
    sleep_for(1s);
    EXPECT_EQ(seen, (transcript{"cleanup"}));
    EXPECT_TRUE(other.dead());
}

TENDRIL_TEST(hub, a_raw_greenlet_that_gets_no_stack_is_reported) {
    transcript errors;
    auto const captured = std::make_shared<int>(1);
    test::run_on_new_thread([&] {
        test::collect_errors(errors);
        this_hub().spawn_raw([] {});
        yield();
        std::vector<greenlet> all;
        system_calls const table = without_memory();
        replaced_system_calls const until_end{table};
        while (errors.empty() && all.size() < 2000) {
            all.push_back(this_hub().spawn_raw([captured] { sleep_for(1h); }));
            yield();
        }
        EXPECT_GT(all.size(), 1U);
        EXPECT_TRUE(all.back().dead());
        EXPECT_FALSE(all.front().dead());
    });
    ASSERT_EQ(errors.size(), 1U);
    EXPECT_TRUE(contains(errors[0], "could not begin: tendril::stack_exhausted")) << errors[0];
    EXPECT_EQ(captured.use_count(), 1);
}

// Errors that nobody collects.

TENDRIL_HUB_TEST(hub, reports_to_the_handler_that_was_set) {
    transcript errors;
    test::collect_errors(errors);
    this_hub().report_error(std::make_exception_ptr(std::runtime_error{"broken"}), "somebody");
    EXPECT_EQ(errors, (transcript{"somebody: std::runtime_error: broken"}));
}

TENDRIL_HUB_TEST(hub, setting_a_handler_returns_the_previous_one) {
    transcript seen;
    this_hub().set_error_handler([&](auto, auto) { seen.push_back("first"); });
    auto previous = this_hub().set_error_handler([&](auto, auto) { seen.push_back("second"); });
    previous(nullptr, "");
    this_hub().report_error(std::make_exception_ptr(1), "");
    EXPECT_EQ(seen, (transcript{"first", "second"}));
}

TENDRIL_HUB_TEST(hub, prints_when_there_is_no_handler) {
    this_hub().set_error_handler(nullptr);
    ::testing::internal::CaptureStderr();
    this_hub().report_error(std::make_exception_ptr(std::runtime_error{"broken"}), "somebody");
    EXPECT_EQ(
        ::testing::internal::GetCapturedStderr(),
        "tendril: an error that nobody collected, from somebody: std::runtime_error: broken\n");
}

TENDRIL_HUB_TEST(hub, prints_both_errors_when_the_handler_throws) {
    this_hub().set_error_handler([](auto, auto) { throw std::logic_error{"handler"}; });
    ::testing::internal::CaptureStderr();
    this_hub().report_error(std::make_exception_ptr(std::runtime_error{"broken"}), "somebody");
    std::string const printed = ::testing::internal::GetCapturedStderr();
    EXPECT_TRUE(contains(printed, "from somebody: std::runtime_error: broken\n")) << printed;
    EXPECT_TRUE(contains(printed, "std::logic_error: handler\n")) << printed;
}

TENDRIL_HUB_TEST(hub, goes_on_when_the_handler_throws) {
    this_hub().set_error_handler([](auto, auto) { throw 1; });
    ::testing::internal::CaptureStderr();
    bool called = false;
    this_hub().call_soon([] { throw 2; });
    this_hub().call_soon([&] { called = true; });
    yield();
    static_cast<void>(::testing::internal::GetCapturedStderr());
    EXPECT_TRUE(called);
}

// Where nobody may park.

TENDRIL_HUB_TEST(hub, a_callback_that_parks_is_misuse) {
    std::string text;
    lone_waiter waits;
    this_hub().call_soon([&] { text = misuse_of([&] { waits.park(); }); });
    yield();
    EXPECT_TRUE(contains(text, "a callback of the hub must not wait")) << text;
    EXPECT_TRUE(contains(text, "spawn a task that waits")) << text;
}

TENDRIL_HUB_TEST(hub, a_callback_that_sleeps_or_yields_is_misuse) {
    std::string sleep;
    std::string yielding;
    this_hub().call_soon([&] {
        sleep = misuse_of([] { sleep_for(1ms); });
        yielding = misuse_of([] { yield(); });
    });
    tendril::yield();
    EXPECT_TRUE(contains(sleep, "must not wait")) << sleep;
    EXPECT_TRUE(contains(yielding, "must not wait")) << yielding;
}

TENDRIL_HUB_TEST(hub, a_handler_of_the_reactor_that_parks_is_misuse) {
    transcript errors;
    test::collect_errors(errors);
    boost::asio::post(this_hub().context(), [] { sleep_for(1ms); });
    sleep_for(1ms);
    ASSERT_EQ(errors.size(), 1U);
    EXPECT_TRUE(contains(errors[0], "a handler that the reactor has called")) << errors[0];
    EXPECT_TRUE(contains(errors[0], "must not wait")) << errors[0];
}

TENDRIL_HUB_TEST(hub, a_callback_can_do_what_does_not_park) {
    lone_waiter waits;
    this_hub().call_soon([&] { EXPECT_TRUE(waits.wake()); });
    EXPECT_NO_THROW(waits.park());
}

// The reactor.

TENDRIL_HUB_TEST(hub, handlers_of_the_reactor_run_in_the_hub) {
    bool inside = false;
    boost::asio::post(this_hub().context(), [&] { inside = this_hub().in_callback(); });
    sleep_for(1ms);
    EXPECT_TRUE(inside);
}

TENDRIL_HUB_TEST(hub, an_error_in_a_handler_is_reported_and_the_next_is_called) {
    transcript errors;
    test::collect_errors(errors);
    bool called = false;
    boost::asio::post(this_hub().context(), [] { throw std::runtime_error{"broken"}; });
    boost::asio::post(this_hub().context(), [&] { called = true; });
    sleep_for(1ms);
    EXPECT_EQ(
        errors, (transcript{"a handler that the reactor has called: std::runtime_error: broken"}));
    EXPECT_TRUE(called);
}

// Numbers.

TENDRIL_HUB_TEST(hub, counts_greenlets_from_their_first_turn_to_their_end) {
    std::size_t const before = this_hub().statistics().greenlets;
    auto const other = this_hub().spawn_raw([] { sleep_for(1ms); });
    EXPECT_EQ(this_hub().statistics().greenlets, before);
    yield();
    EXPECT_EQ(this_hub().statistics().greenlets, before + 1);
    sleep_for(2ms);
    EXPECT_EQ(this_hub().statistics().greenlets, before);
}

TENDRIL_HUB_TEST(hub, counts_those_that_wait_for_their_turn) {
    EXPECT_EQ(this_hub().statistics().ready, 0U);
    auto const a = this_hub().spawn_raw([] {});
    auto const b = this_hub().spawn_raw([] {});
    EXPECT_EQ(this_hub().statistics().ready, 2U);
    yield();
    EXPECT_EQ(this_hub().statistics().ready, 0U);
}

TENDRIL_ORDERED_HUB_TEST(hub, counts_alarms_switches_and_turns) {
    hub_statistics const before = this_hub().statistics();
    auto const sleeper = this_hub().spawn_raw([] { sleep_for(1h); });
    yield();
    hub_statistics const after = this_hub().statistics();
    EXPECT_EQ(after.alarms, before.alarms + 1);
    EXPECT_EQ(after.switches, before.switches + 2);
    sleep_for(1ms);
    EXPECT_GT(this_hub().statistics().turns, after.turns);
}

TENDRIL_HUB_TEST(hub, counts_stacks) {
    std::size_t const before = this_hub().statistics().stacks.in_use;
    auto const sleeper = this_hub().spawn_raw([] { sleep_for(1ms); });
    yield();
    EXPECT_EQ(this_hub().statistics().stacks.in_use, before + 1);
    sleep_for(2ms);
    EXPECT_EQ(this_hub().statistics().stacks.in_use, before);
}
