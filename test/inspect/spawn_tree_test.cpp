// SPDX-License-Identifier: BSL-1.0
#include <harness/tasks.hpp>
#include <tendril/inspect/spawn_tree.hpp>
#include <tendril/scope/task_group.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/testing/settle.hpp>

#include <algorithm>
#include <functional>
#include <sstream>
#include <vector>

namespace {

using namespace tendril;
using test::contains;

// "0:main 1:worker", of all that have a name but the hub.
std::string outline_of(spawn_tree const& tree) {
    std::string outline;
    for (spawn_tree::node const& each : tree.nodes()) {
        if (!each.name.empty() && each.name != "hub") {
            outline += std::to_string(each.level) + ':' + each.name + ' ';
        }
    }
    return outline;
}

std::string text_of_tree(spawn_tree const& tree) {
    std::ostringstream text;
    text << tree;
    return text.str();
}

// Spawns a task that spawns a task, and so on; the last one waits, and the others too if they are
// to live.
void spawn_chain(int levels, event& ends, std::vector<task<void>>& all) {
    all.push_back(spawn([levels, &ends, &all] {
        if (levels > 1) {
            spawn_chain(levels - 1, ends, all);
        }
        ends.wait();
    }));
}

}  // namespace

TENDRIL_HUB_TEST(spawn_tree, each_hangs_under_the_one_that_has_spawned_it) {
    event ends;
    std::vector<task<void>> inner;
    task<void> const first = spawn({.name = "first"}, [&] {
        inner.push_back(spawn({.name = "inner"}, [&] { ends.wait(); }));
        ends.wait();
    });
    task<void> const second = spawn({.name = "second"}, [&] { ends.wait(); });
    tendril::testing::settle();
    EXPECT_EQ(outline_of(spawn_tree{}), "0:main 1:first 2:inner 1:second ");
    EXPECT_EQ(inner.front().spawner_id(), first.id());
    EXPECT_EQ(first.spawner_id(), 0U);
    ends.set();
    first.join();
    second.join();
    inner.front().join();
    EXPECT_EQ(outline_of(spawn_tree{}), "0:main ");
    EXPECT_EQ(inner.front().spawner_id(), first.id());
}

TENDRIL_HUB_TEST(spawn_tree, children_of_a_dead_spawner_hang_under_the_root) {
    event ends;
    task<void> orphan;
    spawn({.name = "first"}, [&] {
        orphan = spawn({.name = "orphan"}, [&] { ends.wait(); });
    }).join();
    EXPECT_EQ(outline_of(spawn_tree{}), "0:main 1:orphan ");
    EXPECT_NE(orphan.spawner_id(), 0U);
    ends.set();
    orphan.join();
}

TENDRIL_HUB_TEST(spawn_tree, its_text_says_what_each_waits_for_and_where_it_was_made) {
    event ends;
    task<void> const waiting = spawn({.name = "waiting"}, [&] { ends.wait(); });
    tendril::testing::settle();
    std::string const text = text_of_tree(spawn_tree{});
    EXPECT_EQ(text.rfind("greenlet 0 'main' running\n  greenlet ", 0), 0U) << text;
    EXPECT_TRUE(contains(
        text, "\n  greenlet " + std::to_string(waiting.id()) + " 'waiting' parked, waits for "))
        << text;
    EXPECT_TRUE(contains(text, "spawn_tree_test.cpp:")) << text;
    ends.set();
    waiting.join();
}

TENDRIL_HUB_TEST(spawn_tree, knows_those_that_have_not_begun_and_those_that_run) {
    std::vector<greenlet_state> seen;
    task<void> const later = spawn_after(std::chrono::seconds{1}, {.name = "later"}, [] {});
    task<void> const looks = spawn([&] {
        for (spawn_tree::node const& each : spawn_tree{}.nodes()) {
            if (each.name == "later" || each.state == greenlet_state::running) {
                seen.push_back(each.state);
            }
        }
    });
    looks.join();
    later.join();
    EXPECT_EQ(
        seen, (std::vector<greenlet_state>{greenlet_state::unstarted, greenlet_state::running}));
}

TENDRIL_HUB_TEST(spawn_tree, children_of_groups_and_eager_tasks_hang_under_their_spawners_too) {
    event ends;
    std::string outline;
    task<void> const block = spawn({.name = "block"}, [&] {
        with_task_group([&](task_group& group) {
            group.spawn({.name = "child"}, [&] {
                spawn_eager({.name = "eager"}, [&] { ends.wait(); }).join();
            });
        });
    });
    tendril::testing::settle();
    outline = outline_of(spawn_tree{});
    ends.set();
    block.join();
    EXPECT_EQ(outline, "0:main 1:block 2:child 3:eager ");
}

TENDRIL_HUB_TEST(spawn_tree, those_of_a_callback_hang_under_the_hub) {
    event ends;
    std::vector<task<void>> made;
    this_hub().call_soon([&] { made.push_back(spawn({.name = "called"}, [&] { ends.wait(); })); });
    tendril::testing::settle();
    EXPECT_EQ(outline_of(spawn_tree{}), "0:main 2:called ");
    ends.set();
    made.front().join();
}

TENDRIL_HUB_TEST(spawn_tree, raw_greenlets_have_spawners_and_those_made_by_hand_have_parents) {
    event ends;
    greenlet by_hand;
    greenlet const raw = this_hub().spawn_raw([&] {
        by_hand = greenlet{[] {}, {.name = "by hand"}};
        ends.wait();
    });
    tendril::testing::settle();
    std::vector<std::size_t> levels;
    for (spawn_tree::node const& each : spawn_tree{}.nodes()) {
        if (each.id == raw.id() || each.name == "by hand") {
            levels.push_back(each.level);
        }
    }
    EXPECT_EQ(levels, (std::vector<std::size_t>{1, 2}));
    by_hand = {};
    ends.set();
}

TENDRIL_HUB_TEST(spawn_tree, the_tree_of_one_greenlet_begins_with_it) {
    event ends;
    std::vector<task<void>> all;
    std::string outline;
    task<void> const top = spawn({.name = "top"}, [&] {
        all.push_back(spawn({.name = "under it"}, [&] { ends.wait(); }));
        all.push_back(spawn({.name = "beside that"}, [&] { ends.wait(); }));
        tendril::testing::settle();
        outline = outline_of(spawn_tree{greenlet::current().id()});
    });
    all.push_back(spawn({.name = "beside it"}, [&] { ends.wait(); }));
    top.join();
    EXPECT_EQ(outline, "0:top 1:under it 1:beside that ");
    ends.set();
    for (task<void> const& each : all) {
        each.join();
    }
}

TENDRIL_HUB_TEST(spawn_tree, the_dead_have_none) {
    greenlet const made{[] {}};
    EXPECT_EQ(spawn_tree{made.id()}.nodes().size(), 1U);
    made.switch_to();
    EXPECT_TRUE(spawn_tree{made.id()}.nodes().empty());
}

TENDRIL_HUB_TEST(spawn_tree, a_long_chain_needs_no_deep_stack_and_no_wide_text) {
    constexpr int levels = 2'000;
    event ends;
    std::vector<task<void>> all;
    all.reserve(levels);
    spawn_chain(levels, ends, all);
    tendril::testing::settle();
    ASSERT_EQ(all.size(), std::size_t{levels});
    spawn([&] {
        spawn_tree const tree;
        auto const deepest = std::max_element(
            tree.nodes().begin(), tree.nodes().end(),
            [](auto const& a, auto const& b) { return a.level < b.level; });
        EXPECT_EQ(deepest->level, static_cast<std::size_t>(levels));
        std::string const text = text_of_tree(tree);
        EXPECT_TRUE(contains(text, "(level 2000) greenlet "));
        EXPECT_LT(text.size(), std::size_t{400} * levels);
    }).join();
    ends.set();
    for (task<void> const& each : all) {
        each.join();
    }
}
