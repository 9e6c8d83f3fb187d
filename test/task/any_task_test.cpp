// SPDX-License-Identifier: BSL-1.0
#include <harness/tasks.hpp>
#include <tendril/task/any_task.hpp>
#include <tendril/task/wait.hpp>

#include <string>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::outcome_of;

}  // namespace

TENDRIL_HUB_TEST(any_task, names_a_task_of_any_type) {
    auto t = spawn({.name = "number"}, [] { return 1; });
    auto u = spawn([] { return std::string{"text"}; });
    std::vector<any_task> const both{t, u};
    EXPECT_EQ(both[0].name(), "number");
    EXPECT_EQ(both[1].id(), u.id());
    EXPECT_TRUE(both[0] == any_task{t});
    EXPECT_FALSE(both[0] == both[1]);
    EXPECT_TRUE(wait_all(both).all_done());
    EXPECT_TRUE(both[0].done());
}

TENDRIL_HUB_TEST(any_task, waits_cancels_and_kills) {
    auto t = spawn([] { sleep_for(1h); });
    any_task const handle{t};
    EXPECT_FALSE(handle.join_until(deadline::after(1ms)));
    EXPECT_TRUE(handle.cancel());
    handle.join();
    EXPECT_TRUE(t.was_cancelled());
    EXPECT_FALSE(handle.cancel());
    auto u = spawn([] { sleep_for(1h); });
    any_task{u}.kill();
    u.join();
    EXPECT_TRUE(u.was_cancelled());
}

TENDRIL_HUB_TEST(any_task, a_handle_to_no_task_refuses_everything) {
    any_task nobody;
    EXPECT_FALSE(nobody.valid());
    EXPECT_EQ(outcome_of([&] { nobody.join(); }), "misuse");
    EXPECT_EQ(outcome_of([&] { any_task{task<int>{}}; }), "misuse");
}

TENDRIL_HUB_TEST(any_task, keeps_its_task_when_other_handles_go) {
    any_task kept;
    {
        auto t = spawn([] { return 1; });
        kept = t;
        any_task moved = std::move(kept);
        kept = moved;
    }
    kept.join();
    EXPECT_TRUE(kept.done());
}
