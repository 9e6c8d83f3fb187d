// SPDX-License-Identifier: BSL-1.0
//
// How main lets the others run: run_forever and stop, run_until_complete, join; and what counts as
// a reason to go on.
#include <harness/hubs.hpp>
#include <tendril/hub/callback.hpp>
#include <tendril/hub/run.hpp>
#include <tendril/time/sleep.hpp>

#include <memory>
#include <optional>
#include <stdexcept>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::lone_waiter;
using test::outcome_of;
using test::transcript;

// What run_until_complete asks of a task.
class toy_task {
public:
    void finish(int result) {
        result_ = result;
        if (link_) {
            link_();
        }
    }
    void on_done(unique_function<void()> link) {
        link_ = std::move(link);
        if (done()) {
            this_hub().call_soon([this] { link_(); });
        }
    }
    bool done() const { return result_.has_value(); }
    int get() const { return result_.value(); }

private:
    std::optional<int> result_;
    unique_function<void()> link_;
};

TENDRIL_HUB_TEST(hub, runs_for_ever_until_it_is_stopped) {
    transcript seen;
    this_hub().call_later(1s, [&] { seen.push_back("call"); });
    this_hub().call_later(2s, [] { this_hub().stop(); });
    this_hub().run_forever();
    EXPECT_EQ(seen, transcript{"call"});
    EXPECT_EQ(clock.elapsed(), 2s);
}

TENDRIL_HUB_TEST(hub, a_stop_lets_those_run_first_who_are_ready) {
    transcript seen;
    this_hub().call_soon([&] {
        this_hub().stop();
        seen.push_back("stop");
    });
    this_hub().call_soon([&] { seen.push_back("after"); });
    this_hub().run_forever();
    EXPECT_EQ(seen, (transcript{"stop", "after"}));
}

TENDRIL_HUB_TEST(hub, a_stop_before_the_run_lets_the_others_run_for_one_turn) {
    int calls = 0;
    this_hub().stop();
    this_hub().call_soon([&] { ++calls; });
    this_hub().call_later(1s, [&] { ++calls; });
    this_hub().run_forever();
    EXPECT_EQ(calls, 1);
}

TENDRIL_HUB_TEST(hub, a_stop_is_used_up_by_one_run) {
    this_hub().stop();
    this_hub().run_forever();
    this_hub().call_later(1s, [] { this_hub().stop(); });
    this_hub().run_forever();
    EXPECT_EQ(clock.elapsed(), 1s);
}

TENDRIL_HUB_TEST(hub, a_run_that_nothing_can_stop_would_block_forever) {
    EXPECT_EQ(outcome_of([] { this_hub().run_forever(); }), "would block forever");
}

TENDRIL_HUB_TEST(hub, running_for_ever_is_for_main) {
    std::string outcome;
    this_hub().spawn_raw([&] { outcome = outcome_of([] { this_hub().run_forever(); }); });
    yield();
    EXPECT_EQ(outcome, "misuse");
}

TENDRIL_HUB_TEST(hub, running_for_ever_inside_itself_is_misuse) {
    std::string outcome;
    this_hub().call_soon([&] {
        outcome = outcome_of([] { this_hub().run_forever(); });
        this_hub().stop();
    });
    this_hub().run_forever();
    EXPECT_EQ(outcome, "misuse");
}

TENDRIL_HUB_TEST(hub, runs_until_a_task_has_its_result) {
    toy_task task;
    this_hub().call_later(1s, [&] { task.finish(7); });
    EXPECT_EQ(this_hub().run_until_complete(task), 7);
    EXPECT_EQ(clock.elapsed(), 1s);
}

TENDRIL_HUB_TEST(hub, running_until_a_finished_task_returns_its_result) {
    toy_task task;
    task.finish(7);
    EXPECT_EQ(this_hub().run_until_complete(task), 7);
}

TENDRIL_HUB_TEST(hub, says_so_when_it_is_stopped_before_the_task_is_done) {
    toy_task task;
    this_hub().call_soon([] { this_hub().stop(); });
    EXPECT_THROW(this_hub().run_until_complete(task), stopped_early);
}

TENDRIL_HUB_TEST(hub, a_task_that_ends_after_it_was_stopped_stops_no_later_run) {
    toy_task task;
    this_hub().stop();
    EXPECT_THROW(this_hub().run_until_complete(task), stopped_early);
    task.finish(7);
    this_hub().call_later(1s, [] { this_hub().stop(); });
    this_hub().run_forever();
    EXPECT_EQ(clock.elapsed(), 1s);
}

// Joining.

TENDRIL_HUB_TEST(hub, a_join_waits_until_nothing_can_happen_any_more) {
    transcript seen;
    this_hub().spawn_raw([&] {
        sleep_for(1s);
        this_hub().call_later(1s, [&] { seen.push_back("last"); });
    });
    this_hub().join();
    EXPECT_EQ(seen, transcript{"last"});
    EXPECT_EQ(clock.elapsed(), 2s);
}

TENDRIL_HUB_TEST(hub, a_join_does_not_wait_for_one_that_waits_in_vain) {
    this_hub().spawn_raw([] { lone_waiter{}.park(); });
    EXPECT_TRUE(this_hub().join_for(1h));
    EXPECT_EQ(clock.elapsed(), 0s);
}

TENDRIL_HUB_TEST(hub, a_join_ends_at_its_limit) {
    this_hub().call_later(1h, [] {});
    EXPECT_FALSE(this_hub().join_for(1s));
    EXPECT_EQ(clock.elapsed(), 1s);
}

TENDRIL_HUB_TEST(hub, a_queued_call_keeps_a_join_waiting) {
    bool called = false;
    this_hub().call_soon([&] { called = true; }).set_reference(reference::unreferenced);
    this_hub().join();
    EXPECT_TRUE(called);
}

TENDRIL_HUB_TEST(hub, a_join_is_for_main) {
    std::string outcome;
    this_hub().spawn_raw([&] { outcome = outcome_of([] { this_hub().join(); }); });
    yield();
    EXPECT_EQ(outcome, "misuse");
}

// What is no reason to go on.

TENDRIL_HUB_TEST(hub, a_join_does_not_wait_for_an_unreferenced_call) {
    auto call = this_hub().call_later(1s, [] {});
    call.set_reference(reference::unreferenced);
    this_hub().join();
    EXPECT_EQ(clock.elapsed(), 0s);
    EXPECT_TRUE(call.cancel());
}

TENDRIL_HUB_TEST(hub, an_unreferenced_call_comes_while_others_keep_the_hub_going) {
    bool called = false;
    this_hub().call_later(1s, [&] { called = true; }).set_reference(reference::unreferenced);
    sleep_for(2s);
    EXPECT_TRUE(called);
}

TENDRIL_HUB_TEST(hub, a_call_may_become_referenced_again) {
    auto call = this_hub().call_later(1s, [] {});
    call.set_reference(reference::unreferenced);
    call.set_reference(reference::referenced);
    this_hub().join();
    EXPECT_EQ(clock.elapsed(), 1s);
}

TENDRIL_HUB_TEST(hub, main_waits_in_vain_when_only_unreferenced_calls_are_left) {
    auto call = this_hub().call_later(1s, [] {});
    call.set_reference(reference::unreferenced);
    EXPECT_EQ(outcome_of([] { lone_waiter{}.park(); }), "would block forever");
    call.cancel();
}

TENDRIL_TEST(hub, main_waits_in_vain_for_an_unreferenced_call_in_real_time_too) {
    run([] {
        auto call = this_hub().call_later(1h, [] {});
        call.set_reference(reference::unreferenced);
        EXPECT_EQ(outcome_of([] { lone_waiter{}.park(); }), "would block forever");
        call.cancel();
    });
}

TENDRIL_HUB_TEST(hub, a_join_does_not_wait_for_an_unreferenced_sleep) {
    this_hub().spawn_raw([] { sleep_for(1s, reference::unreferenced); });
    this_hub().join();
    EXPECT_EQ(clock.elapsed(), 0s);
}

TENDRIL_HUB_TEST(hub, a_cancelled_unreferenced_call_is_counted_off_once) {
    auto call = this_hub().call_later(1s, [] {});
    call.set_reference(reference::unreferenced);
    call.cancel();
    call.set_reference(reference::referenced);
    EXPECT_EQ(outcome_of([] { lone_waiter{}.park(); }), "would block forever");
}

}  // namespace
