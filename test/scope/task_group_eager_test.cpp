// SPDX-License-Identifier: BSL-1.0
//
// Children of a task group that begin on their spawner's turn.
#include <harness/tasks.hpp>
#include <tendril/scope/exception_group.hpp>
#include <tendril/scope/task_group.hpp>
#include <tendril/sync/event.hpp>

#include <stdexcept>
#include <string>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::contains;
using test::outcome_of;
using test::transcript;

}  // namespace

TENDRIL_HUB_TEST(task_group, an_eager_child_runs_until_it_waits_and_the_block_goes_on_then) {
    transcript seen;
    with_task_group([&](task_group& group) {
        group.spawn_eager([&] {
            seen.push_back("begins as one of " + std::to_string(group.size()));
            sleep_for(1ms);
            seen.push_back("ends");
        });
        seen.push_back("spawned");
    });
    EXPECT_EQ(seen, (transcript{"begins as one of 1", "spawned", "ends"}));
}

TENDRIL_HUB_TEST(task_group, an_eager_child_that_never_waits_has_ended_when_it_is_there) {
    with_task_group([&](task_group& group) {
        auto child = group.spawn_eager(
            {.name = "quick"}, [](int given) { return given + 1; }, 1);
        EXPECT_EQ(group.size(), 0U);
        EXPECT_EQ(child.name(), "quick");
        EXPECT_EQ(child.get(), 2);
    });
}

TENDRIL_HUB_TEST(task_group, an_eager_child_that_fails_at_once_ends_the_block_at_its_next_wait) {
    transcript seen;
    std::string text;
    try {
        with_task_group([&](task_group& group) {
            group.spawn_eager([] { throw std::runtime_error{"at once"}; });
            seen.push_back(outcome_of([&] { sleep_for(1h); }));
            seen.push_back(outcome_of([&] { group.spawn_eager([] {}); }));
        });
    } catch (exception_group const& several) {
        text = several.what();
    }
    EXPECT_EQ(seen, (transcript{"cancelled", "cancelled"}));
    EXPECT_TRUE(contains(text, "at once")) << text;
}

TENDRIL_HUB_TEST(task_group, an_eager_child_stands_in_the_scope_of_its_group) {
    std::string outcome;
    with_task_group([&](task_group& group) {
        group.spawn_eager([&] { outcome = outcome_of([] { sleep_for(1h); }); });
        group.cancel();
    });
    EXPECT_EQ(outcome, "cancelled");
}

TENDRIL_HUB_TEST(task_group, a_closed_group_takes_no_eager_children) {
    task_group kept;
    kept.join();
    EXPECT_THROW(kept.spawn_eager([] {}), task_group_closed);
}

TENDRIL_HUB_TEST(task_group, an_eager_child_that_cannot_be_made_or_may_not_run_now_is_no_child) {
    std::string in_callback;
    with_task_group([&](task_group& group) {
        EXPECT_EQ(
            outcome_of([&] { group.spawn_eager({.stack_size = std::size_t{1} << 40U}, [] {}); }),
            "misuse");
        EXPECT_EQ(group.size(), 0U);
        this_hub().call_soon([&] { in_callback = outcome_of([&] { group.spawn_eager([] {}); }); });
        yield();
        yield();
    });
    EXPECT_EQ(in_callback, "misuse");
}
