// SPDX-License-Identifier: BSL-1.0
//
// Tasks that begin later, and kills that wait.
#include <harness/greenlets.hpp>
#include <harness/tasks.hpp>
#include <tendril/task/spawn.hpp>

#include <limits>
#include <memory>
#include <stdexcept>
#include <string>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::contains;
using test::misuse_of;
using test::outcome_of;
using test::transcript;

}  // namespace

TENDRIL_HUB_TEST(spawn_later, a_task_begins_after_its_while) {
    auto t = spawn_after(
        10s, [&](int number) { return clock.elapsed() + number * 1ns; }, 0);
    EXPECT_FALSE(t.done());
    EXPECT_EQ(t.get(), 10s);
}

TENDRIL_HUB_TEST(spawn_later, a_task_begins_at_its_moment_and_has_its_options) {
    auto const when = this_hub().now() + 1h;
    auto t = spawn_at(when, {.name = "late"}, [&] { return this_hub().now(); });
    EXPECT_EQ(t.name(), "late");
    EXPECT_EQ(t.get(), when);
    EXPECT_EQ(spawn_after(1s, {.name = "later"}, [] { return 7; }).get(), 7);
}

TENDRIL_HUB_TEST(spawn_later, those_of_different_moments_begin_in_the_order_of_time) {
    transcript seen;
    spawn_after(2s, [&] { seen.push_back("b"); });
    spawn_after(3s, [&] { seen.push_back("c"); });
    spawn_after(1s, [&] { seen.push_back("a"); });
    sleep_for(4s);
    EXPECT_EQ(seen, (transcript{"a", "b", "c"}));
}

TENDRIL_HUB_TEST(spawn_later, takes_no_stack_before_it_begins) {
    hub_statistics const before = this_hub().statistics();
    auto const t = spawn_after(1s, [] { sleep_for(2s); });
    yield();
    EXPECT_EQ(this_hub().statistics().stacks.in_use, before.stacks.in_use);
    EXPECT_EQ(this_hub().statistics().alarms, before.alarms + 1);
    sleep_for(2s);
    EXPECT_EQ(this_hub().statistics().stacks.in_use, before.stacks.in_use + 1);
    t.join();
}

TENDRIL_HUB_TEST(spawn_later, a_moment_that_is_past_is_now_and_never_is_never) {
    bool began = false;
    auto const t = spawn_after(-1h, [&] { began = true; });
    EXPECT_FALSE(began);
    t.join();
    EXPECT_TRUE(began);
    EXPECT_EQ(clock.elapsed(), 0s);
    auto const never = spawn_after(std::chrono::hours::max(), [] {});
    sleep_for(24h * 365);
    EXPECT_FALSE(never.done());
    never.cancel();
    double const nan = std::numeric_limits<double>::quiet_NaN();
    misuse_of([=] { spawn_after(std::chrono::duration<double>{nan}, [] {}); });
}

TENDRIL_HUB_TEST(spawn_later, a_cancel_before_it_begins_ends_it_at_once) {
    bool began = false;
    transcript seen;
    auto const captured = std::make_shared<int>(1);
    auto t = spawn_after(10s, [&began, captured] { began = true; });
    t.on_done([&] { seen.push_back("link"); });
    EXPECT_TRUE(t.cancel());
    EXPECT_TRUE(t.done());
    EXPECT_TRUE(t.was_cancelled());
    EXPECT_EQ(captured.use_count(), 1);
    EXPECT_EQ(this_hub().statistics().alarms, 0U);
    EXPECT_FALSE(t.cancel());
    EXPECT_THROW(t.get(), task_cancelled);
    EXPECT_EQ(seen, transcript{});
    sleep_for(20s);
    EXPECT_FALSE(began);
    EXPECT_EQ(seen, transcript{"link"});
}

TENDRIL_HUB_TEST(spawn_later, a_kill_before_it_begins_is_how_it_ended_and_wakes_who_waits) {
    auto exits = spawn_after(10s, [] {});
    exits.kill();
    EXPECT_TRUE(exits.was_cancelled());
    auto t = spawn_after(10s, [] {});
    transcript seen;
    auto const joiner = spawn([&] {
        t.join();
        seen.push_back("joined");
    });
    yield();
    t.kill(std::runtime_error{"killed"});
    EXPECT_TRUE(t.done());
    joiner.join();
    EXPECT_THROW(t.get(), std::runtime_error);
    EXPECT_EQ(seen, transcript{"joined"});
    EXPECT_EQ(clock.elapsed(), 0s);
}

TENDRIL_HUB_TEST(spawn_later, an_error_that_killed_it_and_that_nobody_asks_for_is_reported) {
    transcript errors;
    test::collect_errors(errors);
    spawn_after(1s, {.name = "late"}, [] {}).kill(std::runtime_error{"killed"});
    ASSERT_EQ(errors.size(), 1U);
    EXPECT_TRUE(contains(errors[0], "'late'")) << errors[0];
}

TENDRIL_HUB_TEST(spawn_later, once_begun_it_is_killed_like_any_task) {
    transcript seen;
    auto const t = spawn_after(1s, [&] { seen.push_back(outcome_of([] { sleep_for(1h); })); });
    sleep_for(2s);
    t.kill();
    EXPECT_FALSE(t.done());
    t.join();
    EXPECT_EQ(seen, transcript{"exit"});
}

TENDRIL_HUB_TEST(spawn_later, a_task_that_nobody_holds_begins_all_the_same) {
    bool began = false;
    spawn_after(1s, [&] { began = true; });
    sleep_for(2s);
    EXPECT_TRUE(began);
}

TENDRIL_HUB_TEST(spawn_later, captures_may_hold_the_task_itself) {
    auto const self = std::make_shared<task<void>>();
    *self = spawn_after(1s, [self] {});
    self->kill();
    EXPECT_EQ(self.use_count(), 1);
    EXPECT_TRUE(self->done());
}

TENDRIL_TEST(spawn_later, a_hub_that_closes_ends_those_that_have_not_begun) {
    bool began = false;
    auto const captured = std::make_shared<int>(1);
    task<void> t;
    run([&] { t = spawn_after(1h, [&began, captured] { began = true; }); });
    EXPECT_TRUE(t.was_cancelled());
    EXPECT_FALSE(began);
    EXPECT_EQ(captured.use_count(), 1);
}

// kill_and_join

TENDRIL_HUB_TEST(spawn_later, a_kill_may_wait_for_the_death) {
    transcript seen;
    auto const t = spawn([&] {
        test::note_at_end const note{seen, "unwound"};
        sleep_for(1h);
    });
    yield();
    EXPECT_TRUE(t.kill_and_join());
    EXPECT_EQ(seen, transcript{"unwound"});
    EXPECT_TRUE(t.done());
    EXPECT_TRUE(t.kill_and_join()) << "it has ended already";
}

TENDRIL_HUB_TEST(spawn_later, a_kill_that_waits_gives_up_at_its_limit_without_an_error) {
    auto const t = spawn([] {
        try {
            sleep_for(1h);
        } catch (greenlet_exit const&) {}
        sleep_for(10s);
    });
    yield();
    EXPECT_FALSE(t.kill_and_join(1s));
    EXPECT_EQ(clock.elapsed(), 1s);
    EXPECT_TRUE(t.kill_and_join(100s));
    EXPECT_TRUE(t.was_cancelled()) << "the second kill";
}

TENDRIL_HUB_TEST(spawn_later, one_that_swallows_its_kill_is_joined) {
    transcript seen;
    auto const t = spawn([&] {
        seen.push_back(outcome_of([] { sleep_for(1h); }));
        seen.push_back(outcome_of([] { sleep_for(1s); }));
    });
    yield();
    EXPECT_TRUE(t.kill_and_join());
    EXPECT_EQ(seen, (transcript{"exit", "returned"}));
    EXPECT_EQ(clock.elapsed(), 1s);
}

TENDRIL_HUB_TEST(spawn_later, one_that_has_not_begun_is_killed_and_joined) {
    bool began = false;
    auto const t = spawn([&] { began = true; });
    EXPECT_TRUE(t.kill_and_join());
    EXPECT_FALSE(began);
}

TENDRIL_HUB_TEST(spawn_later, one_that_kills_itself_and_waits_gets_the_exit_there) {
    transcript seen;
    task<void> t;
    t = spawn([&] { seen.push_back(outcome_of([&] { t.kill_and_join(); })); });
    t.join();
    EXPECT_EQ(seen, transcript{"exit"});
}

TENDRIL_HUB_TEST(spawn_later, who_is_killed_while_it_waits_for_a_death_has_sent_its_kill) {
    transcript seen;
    auto const victim = spawn([&] {
        seen.push_back(outcome_of([] { sleep_for(1h); }));
        sleep_for(1s);
        seen.push_back("victim ends");
    });
    yield();
    auto const killer = spawn([&] { victim.kill_and_join(); });
    yield();
    yield();
    killer.cancel();
    killer.join();
    EXPECT_TRUE(killer.was_cancelled());
    victim.join();
    EXPECT_EQ(seen, (transcript{"exit", "victim ends"}));
}

TENDRIL_HUB_TEST(spawn_later, one_that_has_captured_its_last_handle_can_be_cancelled_by_it) {
    auto own = std::make_shared<task<void>>();
    *own = spawn_after(1h, [own] {});
    task<void> const& handle = *own;
    own.reset();
    EXPECT_TRUE(handle.cancel());
}
