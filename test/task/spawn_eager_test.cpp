// SPDX-License-Identifier: BSL-1.0
//
// Tasks that begin on their spawner's turn.
#include <harness/greenlets.hpp>
#include <harness/tasks.hpp>
#include <tendril/hub/no_switch.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/task/spawn.hpp>
#include <tendril/testing/seeded_order.hpp>

#include <algorithm>
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

// How many tasks a tree has in which each has so many children.
int count_tree(int depth, int children) {
    int sum = 1;
    for (int child = 0; depth > 0 && child < children; ++child) {
        sum += spawn_eager(count_tree, depth - 1, children).get();
    }
    return sum;
}

}  // namespace

TENDRIL_HUB_TEST(spawn_eager, a_task_runs_until_it_waits_and_its_spawner_goes_on_then) {
    transcript seen;
    auto const t = spawn_eager([&] {
        seen.push_back("begins");
        sleep_for(1ms);
        seen.push_back("ends");
    });
    seen.push_back("spawned");
    t.join();
    EXPECT_EQ(seen, (transcript{"begins", "spawned", "ends"}));
}

TENDRIL_HUB_TEST(spawn_eager, a_yield_is_a_wait) {
    transcript seen;
    auto const t = spawn_eager([&] {
        seen.push_back("begins");
        yield();
        seen.push_back("ends");
    });
    seen.push_back("spawned");
    t.join();
    EXPECT_EQ(seen, (transcript{"begins", "spawned", "ends"}));
}

TENDRIL_HUB_TEST(spawn_eager, the_task_is_the_running_greenlet_meanwhile) {
    control_block const* inside = nullptr;
    auto const outside = greenlet::current();
    auto const t = spawn_eager({.name = "child"}, [&] {
        inside = greenlet::current().block();
        EXPECT_STREQ(inside->name, "child");
        EXPECT_FALSE(outside.dead());
    });
    EXPECT_NE(inside, nullptr);
    EXPECT_NE(inside, outside.block());
    EXPECT_EQ(greenlet::current(), outside);
}

TENDRIL_ORDERED_HUB_TEST(spawn_eager, one_that_ends_without_a_wait_was_never_queued) {
    hub_statistics const before = this_hub().statistics();
    auto t = spawn_eager([] { return this_hub().statistics().ready; });
    EXPECT_TRUE(t.done());
    EXPECT_EQ(t.get(), before.ready + 1) << "its spawner, who goes on first";
    EXPECT_EQ(this_hub().statistics().switches, before.switches + 2);
    EXPECT_EQ(this_hub().statistics().stacks.in_use, before.stacks.in_use);
}

TENDRIL_ORDERED_HUB_TEST(spawn_eager, nobody_runs_between_the_task_and_its_spawner) {
    transcript seen;
    auto const ready = spawn([&] { seen.push_back("was ready"); });
    this_hub().call_soon([&] { seen.push_back("a callback"); });
    auto const ended = spawn_eager([&] { seen.push_back("ends"); });
    auto const waits = spawn_eager([&] {
        seen.push_back("waits");
        yield();
    });
    seen.push_back("spawner");
    waits.join();
    EXPECT_EQ(seen.at(0) + seen.at(1) + seen.at(2), "endswaitsspawner");
    EXPECT_TRUE(ready.done());
}

TENDRIL_ORDERED_HUB_TEST(spawn_eager, nested_ones_go_back_one_by_one) {
    transcript seen;
    auto const outer = spawn_eager([&] {
        auto const inner = spawn_eager([&] {
            seen.push_back("inner waits");
            sleep_for(1ms);
            seen.push_back("inner ends");
        });
        seen.push_back("outer waits");
        inner.join();
        seen.push_back("outer ends");
    });
    seen.push_back("spawner");
    outer.join();
    EXPECT_EQ(
        seen, (transcript{"inner waits", "outer waits", "spawner", "inner ends", "outer ends"}));
}

TENDRIL_HUB_TEST(spawn_eager, returns_results_and_errors_like_any_task) {
    EXPECT_EQ(spawn_eager([](int number) { return 2 * number; }, 21).get(), 42);
    auto t = spawn_eager([] { throw std::runtime_error{"broken"}; });
    EXPECT_THROW(t.get(), std::runtime_error);
}

TENDRIL_TEST(spawn_eager, a_tree_of_tasks_needs_a_stack_for_each_level) {
    // The peak of a thread is that of all its tests.
    test::run_on_new_thread([] {
        std::size_t const before = this_hub().statistics().stacks.in_use;
        EXPECT_EQ(count_tree(4, 10), 11'111);
        EXPECT_EQ(this_hub().statistics().stacks.in_use, before);
        EXPECT_LE(this_hub().statistics().stacks.peak, before + 10);
    });
}

TENDRIL_HUB_TEST(spawn_eager, works_in_a_task_and_in_a_greenlet_that_was_made_by_hand) {
    transcript seen;
    auto const spawner = spawn([&] {
        auto const t = spawn_eager([&] {
            seen.push_back("child");
            yield();
        });
        seen.push_back("task");
        t.join();
    });
    spawner.join();
    greenlet by_hand{[&] {
        auto const t = spawn_eager([&] {
            seen.push_back("child");
            sleep_for(1ms);
        });
        seen.push_back("greenlet");
    }};
    by_hand.switch_to();
    EXPECT_TRUE(by_hand.dead());
    sleep_for(2ms);
    EXPECT_EQ(seen, (transcript{"child", "task", "child", "greenlet"}));
}

// Wishes.

TENDRIL_HUB_TEST(spawn_eager, what_is_pending_for_the_spawner_comes_before_anything_has_begun) {
    bool began = false;
    task<void> spawner;
    spawner = spawn([&] {
        spawner.cancel();
        spawn_eager([&] { began = true; });
    });
    spawner.join();
    EXPECT_TRUE(spawner.was_cancelled());
    EXPECT_FALSE(began);
}

TENDRIL_HUB_TEST(spawn_eager, a_kill_of_the_spawner_by_its_child_comes_at_its_next_wait) {
    transcript seen;
    task<void> spawner;
    spawner = spawn([&] {
        auto const child = spawn_eager([&] {
            spawner.kill();
            seen.push_back("killed");
            sleep_for(1ms);
            seen.push_back("child ends");
        });
        seen.push_back("goes on");
        seen.push_back(outcome_of([&] { child.join(); }));
    });
    spawner.join();
    sleep_for(2ms);
    EXPECT_EQ(seen, (transcript{"killed", "goes on", "exit", "child ends"}));
}

TENDRIL_HUB_TEST(spawn_eager, a_cancel_during_the_first_step_is_not_lost) {
    transcript seen;
    task<void> self;
    auto made = detail::make_task([&] {
        EXPECT_TRUE(self.cancel());
        seen.push_back("cancelled in its first step");
        seen.push_back(outcome_of([] { sleep_for(1h); }));
        throw cancelled{};
    });
    self = made;
    made.state().start_eagerly();
    EXPECT_EQ(seen, (transcript{"cancelled in its first step", "cancelled"}));
    EXPECT_TRUE(self.was_cancelled());
}

// Where it is refused.

TENDRIL_HUB_TEST(spawn_eager, is_misuse_in_a_callback_and_nothing_remains) {
    std::string text;
    auto const captured = std::make_shared<int>(1);
    this_hub().call_soon([&] { text = misuse_of([&] { spawn_eager([captured] { yield(); }); }); });
    yield();
    EXPECT_TRUE(contains(text, "a callback of the hub must not wait")) << text;
    EXPECT_EQ(captured.use_count(), 1);
}

TENDRIL_HUB_TEST(spawn_eager, is_misuse_in_the_scope_of_a_no_switch) {
    no_switch const scope;
    std::string const text = misuse_of([] { spawn_eager([] {}); });
    EXPECT_TRUE(contains(text, "no_switch")) << text;
}

// Each child has a share of steps of its own, and who has begun it comes first when it has ended.
TENDRIL_HUB_TEST(spawn_eager, who_begins_one_after_the_other_lets_others_run) {
    bool others_had_a_turn = false;
    auto const other = spawn([&] { others_had_a_turn = true; });
    for (int begun = 0; begun < 100 && !others_had_a_turn; ++begun) {
        spawn_eager([] { static_cast<void>(this_hub().spend(1)); });
    }
    EXPECT_TRUE(others_had_a_turn);
}

TENDRIL_HUB_TEST(spawn_eager, a_task_that_never_waits_takes_steps_of_the_budget) {
    transcript seen;
    this_hub().call_soon([&] { seen.push_back("callback"); });
    int spawned = 0;
    while (seen.empty() && spawned < 10'000) {
        spawn_eager([] {});
        ++spawned;
    }
    EXPECT_LT(spawned, 10'000) << "callbacks have their turn";
}

TENDRIL_TEST(spawn_eager, no_order_of_a_test_comes_between_the_task_and_its_spawner) {
    tendril::testing::for_each_seed(50, [](tendril::testing::seeded_order& order) {
        test::virtual_clock clock;
        run({.clock = &clock, .order = &order}, [] {
            transcript seen;
            auto const noise = spawn([&] { seen.push_back("noise"); });
            auto const t = spawn_eager([&] {
                seen.push_back("child");
                yield();
            });
            seen.push_back("spawner");
            auto const child = std::find(seen.begin(), seen.end(), "child");
            EXPECT_EQ(*std::next(child), "spawner");
            t.join();
            noise.join();
        });
    });
}
