// SPDX-License-Identifier: BSL-1.0
//
// What goes wrong around a task group when it is used from where it should not be, by several at a
// time, or for longer than what it was made in.
#include <harness/tasks.hpp>
#include <tendril/hub/no_switch.hpp>
#include <tendril/scope/cancel_scope.hpp>
#include <tendril/scope/exception_group.hpp>
#include <tendril/scope/task_group.hpp>
#include <tendril/sync/event.hpp>

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::outcome_of;
using test::transcript;

void sleep_for_long() { sleep_for(1h); }

// Groups in groups, and something at the bottom.
void nest_groups(int levels, std::function<void()> const& bottom) {
    if (levels == 0) {
        bottom();
        return;
    }
    with_task_group([&](task_group& group) {
        group.spawn([&bottom, levels] { nest_groups(levels - 1, bottom); });
    });
}

// What leaves a block of a group that is left by a timeout of its function's own: in which way.
template <typename F>
std::string way_of_a_timeout(F&& block) {
    try {
        with_task_group([&](task_group&) { block(); });
    } catch (timed_out const&) {
        return "from outside";
    } catch (exception_group const& several) {
        return several.contains<timed_out>() ? "an error of the block" : "another error";
    }
    return "nothing";
}

}  // namespace

TENDRIL_HUB_TEST(task_group, a_timeout_of_an_older_task_is_an_error_of_the_block) {
    task<void> older = spawn([] {
        timeout const limit{1s};
        sleep_for_long();
    });
    yield();
    EXPECT_EQ(way_of_a_timeout([&] { older.get(); }), "an error of the block");
    task<void> scoped = spawn([] { fail_after(1s, sleep_for_long); });
    yield();
    timeout const further_out{5s};
    EXPECT_EQ(way_of_a_timeout([&] { scoped.get(); }), "an error of the block");
}

TENDRIL_HUB_TEST(task_group, a_timeout_that_is_over_and_thrown_again_is_an_error_of_the_block) {
    std::exception_ptr kept;
    try {
        with_timeout(1s, sleep_for_long);
    } catch (timed_out const&) {
        kept = std::current_exception();
    }
    EXPECT_EQ(way_of_a_timeout([&] { std::rethrow_exception(kept); }), "an error of the block");
}

TENDRIL_HUB_TEST(task_group, an_outer_timeout_that_comes_in_a_scope_of_the_block_passes) {
    timeout const limit{1s};
    std::string const way = way_of_a_timeout([&] {
        cancel_scope{}.run([&] {
            with_task_group([&](task_group& inner) {
                inner.spawn(sleep_for_long);
                sleep_for_long();
            });
        });
    });
    EXPECT_EQ(way, "from outside");
    EXPECT_EQ(clock.elapsed(), 1s);
}

TENDRIL_HUB_TEST(task_group, an_outer_timeout_that_the_block_throws_again_passes) {
    timeout const limit{1s};
    std::string const way = way_of_a_timeout([&] {
        try {
            cancel_scope{}.run(sleep_for_long);
        } catch (timed_out const&) {
            sleep_for(1s);
            throw;
        }
    });
    EXPECT_EQ(way, "from outside");
    EXPECT_EQ(clock.elapsed(), 2s);
}

TENDRIL_HUB_TEST(task_group, a_cancel_of_one_who_joins_is_not_that_of_another) {
    task_group kept;
    kept.spawn(sleep_for_long);
    task<void> const first = spawn([&] { kept.join(); });
    yield();
    task<void> const second = spawn([&] { kept.join(); });
    yield();
    yield();
    second.cancel();
    first.join();
    second.join();
    EXPECT_TRUE(first.succeeded());
    EXPECT_TRUE(second.was_cancelled());
}

TENDRIL_HUB_TEST(task_group, a_join_where_nobody_may_wait_is_misuse_and_ends_nobody) {
    task_group kept;
    task<void> const child = kept.spawn([] { sleep_for(1s); });
    std::string in_callback;
    this_hub().call_soon([&] { in_callback = outcome_of([&] { kept.join(); }); });
    yield();
    yield();
    EXPECT_EQ(in_callback, "misuse");
    {
        no_switch const nobody_else;
        EXPECT_EQ(outcome_of([&] { kept.join(); }), "misuse");
    }
    kept.join();
    EXPECT_TRUE(child.succeeded());
}

TENDRIL_HUB_TEST(task_group, a_block_where_nobody_may_wait_is_misuse) {
    transcript seen;
    auto const block = [&] {
        with_task_group([&](task_group& group) { group.spawn(sleep_for_long); });
    };
    this_hub().call_soon([&] { seen.push_back(outcome_of(block)); });
    yield();
    yield();
    {
        no_switch const nobody_else;
        seen.push_back(outcome_of(block));
    }
    EXPECT_EQ(seen, (transcript{"misuse", "misuse"}));
}

TENDRIL_HUB_TEST(task_group, a_child_that_joins_it_is_refused) {
    std::string in_child;
    task_group kept;
    kept.spawn([&] { in_child = outcome_of([&] { kept.join(); }); });
    kept.join();
    EXPECT_EQ(in_child, "misuse");
    with_task_group([&](task_group& group) {
        group.spawn([&] { in_child = outcome_of([&] { group.join(); }); });
    });
    EXPECT_EQ(in_child, "misuse");
}

TENDRIL_HUB_TEST(task_group, is_joined_at_the_end_of_its_block_and_nowhere_else) {
    with_task_group([&](task_group& group) {
        group.spawn([] { sleep_for(1s); });
        cancel_scope scope;
        scope.run([&] { EXPECT_EQ(outcome_of([&] { group.join(); }), "misuse"); });
        EXPECT_EQ(outcome_of([&] { group.join(); }), "misuse");
    });
    EXPECT_EQ(clock.elapsed(), 1s);
}

TENDRIL_HUB_TEST(task_group, that_outlives_its_scope_goes_on_in_the_one_further_out) {
    std::optional<task_group> kept;
    cancel_scope outer;
    EXPECT_FALSE(outer.run([&] {
        cancel_scope inner;
        inner.run([&] { kept.emplace(); });
        task<void> const child = kept->spawn(sleep_for_long);
        yield();
        inner.cancel();
        yield();
        EXPECT_FALSE(child.done());
        outer.cancel();
        child.join();
    }));
    EXPECT_EQ(outcome_of([&] { kept->join(); }), "returned");
    EXPECT_EQ(clock.elapsed(), 0s);
}

TENDRIL_HUB_TEST(task_group, that_outlives_a_cancelled_scope_stays_cancelled) {
    std::optional<task_group> kept;
    int ends = 0;
    {
        cancel_scope scope;
        scope.run([&] {
            kept.emplace();
            kept->spawn([&] {
                for (int attempt = 0; attempt < 3; ++attempt) {
                    ends += outcome_of(sleep_for_long) == "cancelled" ? 1 : 0;
                }
            });
            yield();
            scope.cancel();
        });
    }
    kept->join();
    EXPECT_EQ(ends, 3);
    EXPECT_EQ(clock.elapsed(), 0s);
}

TENDRIL_TEST(task_group, that_outlives_its_hub_reports_its_errors_all_the_same) {
    std::thread{[] {
        std::optional<task_group> kept;
        {
            hub own;
            kept.emplace();
            kept->spawn([] { throw std::runtime_error{"child"}; });
            yield();
        }
        kept.reset();
    }}.join();
}

TENDRIL_HUB_TEST(task_group, groups_in_groups_may_be_deeper_than_the_stack_of_who_cancels) {
    cancel_scope scope;
    EXPECT_FALSE(scope.run([&] {
        nest_groups(1000, [&] {
            spawn([&] { scope.cancel(); });
            sleep_for_long();
        });
    }));
    EXPECT_EQ(clock.elapsed(), 0s);
}

TENDRIL_HUB_TEST(task_group, a_child_that_fails_when_its_start_is_cancelled_fails_the_group) {
    std::size_t errors = 0;
    try {
        with_task_group([](task_group& group) {
            move_on_after(1s, [&] {
                group.start([](task_status<>&) {
                    try {
                        sleep_for_long();
                    } catch (cancelled const&) {
                        throw std::runtime_error{"cannot clean up"};
                    }
                });
            });
            sleep_for_long();
        });
    } catch (exception_group const& several) {
        errors = several.errors().size();
        EXPECT_TRUE(several.contains<std::runtime_error>());
    }
    EXPECT_EQ(errors, 1U);
    EXPECT_EQ(clock.elapsed(), 1s);
}

TENDRIL_TEST(task_group, stops_the_program_when_a_child_of_it_destroys_it) {
    EXPECT_DEATH(
        run([] {
            auto group = std::make_unique<task_group>();
            group->spawn([&] { group.reset(); });
            sleep_for(1ms);
        }),
        "a task group was destroyed while a greenlet waits for it");
}

TENDRIL_HUB_TEST(task_group, one_of_a_scope_that_was_cancelled_and_is_gone_stays_cancelled) {
    std::optional<task_group> kept;
    cancel_scope outer;
    outer.run([&] {
        kept.emplace();
        outer.cancel();
    });
    task<void> const child = kept->spawn([] { sleep_for_long(); });
    kept->join();
    EXPECT_TRUE(child.was_cancelled());
    EXPECT_EQ(clock.elapsed(), 0s);
}

TENDRIL_HUB_TEST(cancel_scope, a_limit_set_before_the_block_counts_from_its_entry_on) {
    cancel_scope scope;
    scope.set_limit(deadline::after(2s));
    EXPECT_FALSE(scope.run(sleep_for_long));
    EXPECT_EQ(clock.elapsed(), 2s);
    scope.set_limit(deadline::after(1s));
    sleep_for(3s);
    EXPECT_TRUE(scope.cancel_called());
}
