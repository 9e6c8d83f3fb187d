// SPDX-License-Identifier: BSL-1.0
#include <harness/tasks.hpp>
#include <tendril/scope/cancel_scope.hpp>
#include <tendril/scope/task_group.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/time/timeout.hpp>

#include <memory>
#include <stdexcept>
#include <string>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::outcome_of;
using test::transcript;

void sleep_an_hour() { sleep_for(1h); }

[[noreturn]] void fail_with(std::string const& text) { throw std::runtime_error{text}; }

// The texts of the errors that a group throws, in order.
template <typename F>
transcript errors_of(F&& block) {
    transcript texts;
    try {
        block();
    } catch (exception_group const& several) {
        for (std::exception_ptr const& each : several.leaves()) {
            texts.push_back(outcome_of([&] { std::rethrow_exception(each); }));
        }
    }
    return texts;
}

// A child that says how a sleep of an hour has ended.
auto noted_sleep(transcript& seen, std::string name) {
    return [&seen, name = std::move(name)] {
        std::string const outcome = outcome_of(sleep_an_hour);
        seen.push_back(name + " " + outcome);
        if (outcome == "cancelled") {
            throw cancelled{};
        }
    };
}

}  // namespace

TENDRIL_HUB_TEST(task_group, waits_for_all_children) {
    int ended = 0;
    with_task_group([&](task_group& group) {
        for (int child = 1; child <= 3; ++child) {
            group.spawn([&ended, child] {
                sleep_for(child * 1s);
                ++ended;
            });
        }
        EXPECT_EQ(group.size(), 3U);
    });
    EXPECT_EQ(ended, 3);
    EXPECT_EQ(clock.elapsed(), 3s);
}

TENDRIL_HUB_TEST(task_group, returns_what_the_block_returns) {
    auto const made = with_task_group([](task_group&) { return std::make_unique<int>(7); });
    EXPECT_EQ(*made, 7);
    with_task_group([](task_group&) {});
}

TENDRIL_HUB_TEST(task_group, gives_handles_to_its_children) {
    int const sum = with_task_group([](task_group& group) {
        task<int> const first = group.spawn([] { return 1; });
        task<int> second = group.spawn(
            {.name = "second"}, [](int x) { return x; }, 2);
        EXPECT_EQ(second.name(), "second");
        return task<int>{first}.get() + second.get();
    });
    EXPECT_EQ(sum, 3);
}

TENDRIL_HUB_TEST(task_group, children_may_add_children) {
    int ended = 0;
    with_task_group([&](task_group& group) {
        group.spawn([&] {
            sleep_for(1s);
            group.spawn([&] {
                sleep_for(1s);
                ++ended;
            });
        });
    });
    EXPECT_EQ(ended, 1);
    EXPECT_EQ(clock.elapsed(), 2s);
}

// Failures.

TENDRIL_HUB_TEST(task_group, a_child_that_fails_ends_the_others_and_the_block) {
    transcript seen;
    transcript const errors = errors_of([&] {
        with_task_group([&](task_group& group) {
            group.spawn(noted_sleep(seen, "sibling"));
            group.spawn([] {
                sleep_for(1s);
                fail_with("child");
            });
            noted_sleep(seen, "block")();
        });
    });
    EXPECT_EQ(errors, transcript{"child"});
    EXPECT_EQ(seen.size(), 2U);
    EXPECT_EQ(clock.elapsed(), 1s);
}

TENDRIL_HUB_TEST(task_group, the_error_of_one_child_comes_in_a_group_too) {
    EXPECT_THROW(
        with_task_group([](task_group& group) { group.spawn([] { fail_with("only"); }); }),
        exception_group);
}

TENDRIL_HUB_TEST(task_group, an_error_of_the_block_joins_those_of_the_children) {
    transcript const errors = errors_of([] {
        with_task_group([](task_group& group) {
            group.spawn([] {
                try {
                    sleep_an_hour();
                } catch (cancelled const&) {
                    fail_with("in cleanup");
                }
            });
            yield();
            fail_with("block");
        });
    });
    EXPECT_EQ(errors, (transcript{"block", "in cleanup"}));
}

TENDRIL_HUB_TEST(task_group, the_code_behind_it_is_not_cancelled) {
    errors_of([] {
        with_task_group([](task_group& group) { group.spawn([] { fail_with("child"); }); });
    });
    EXPECT_EQ(outcome_of(sleep_an_hour), "returned");
}

TENDRIL_ORDERED_HUB_TEST(task_group, a_group_in_a_group_keeps_the_nesting) {
    std::string text;
    try {
        with_task_group([](task_group& outer) {
            outer.spawn([] {
                with_task_group([](task_group& inner) {
                    inner.spawn([] {
                        try {
                            sleep_an_hour();
                        } catch (cancelled const&) {
                            fail_with("second");
                        }
                    });
                    inner.spawn([] { fail_with("first"); });
                });
            });
        });
    } catch (exception_group const& several) {
        text = several.what();
    }
    EXPECT_EQ(
        text,
        "in a task group: 1 error\n"
        "  - in a task group: 2 errors\n"
        "    - std::runtime_error: first\n"
        "    - std::runtime_error: second");
}

TENDRIL_HUB_TEST(task_group, a_child_that_was_cancelled_is_no_error) {
    transcript seen;
    with_task_group([&](task_group& group) {
        task<void> const child = group.spawn(sleep_an_hour);
        group.spawn(noted_sleep(seen, "other"));
        yield();
        child.cancel();
    });
    EXPECT_EQ(seen, transcript{"other returned"});
}

TENDRIL_HUB_TEST(task_group, a_child_that_was_killed_with_an_error_fails_it) {
    transcript const errors = errors_of([] {
        with_task_group([](task_group& group) {
            task<void> const child = group.spawn(sleep_an_hour);
            yield();
            child.kill(std::runtime_error{"killed"});
        });
    });
    EXPECT_EQ(errors, transcript{"killed"});
}

TENDRIL_HUB_TEST(task_group, a_child_that_has_not_begun_when_another_fails_never_does) {
    bool began = false;
    errors_of([&] {
        with_task_group([&](task_group& group) {
            group.spawn([&group, &began] {
                group.spawn([&began] { began = true; });
                fail_with("first");
            });
        });
    });
    EXPECT_FALSE(began);
}

// From outside.

TENDRIL_HUB_TEST(task_group, a_cancel_of_the_task_ends_the_children_and_goes_its_way) {
    transcript seen;
    task<void> const t = spawn([&] {
        with_task_group([&](task_group& group) { group.spawn(noted_sleep(seen, "child")); });
    });
    yield();
    yield();
    t.cancel();
    t.join();
    EXPECT_TRUE(t.was_cancelled());
    EXPECT_EQ(seen, transcript{"child cancelled"});
}

TENDRIL_HUB_TEST(task_group, a_second_cancel_does_not_leave_children_behind) {
    transcript seen;
    task<void> const t = spawn([&] {
        with_task_group([&](task_group& group) {
            group.spawn([&] {
                cancel_scope{{.shield = true}}.run([] { sleep_for(5s); });
                seen.push_back("child done");
            });
        });
    });
    yield();
    yield();
    t.cancel();
    this_hub().call_later(1s, [&] { t.cancel(); });
    t.join();
    EXPECT_EQ(seen, transcript{"child done"});
    EXPECT_EQ(clock.elapsed(), 5s);
}

TENDRIL_HUB_TEST(task_group, an_outer_timeout_ends_the_children_and_passes) {
    transcript seen;
    timeout const limit{1s};
    try {
        with_task_group([&](task_group& group) { group.spawn(noted_sleep(seen, "child")); });
        ADD_FAILURE() << "nothing was thrown";
    } catch (timed_out const& late) {
        EXPECT_TRUE(late.by(limit));
    }
    EXPECT_EQ(seen, transcript{"child cancelled"});
}

TENDRIL_HUB_TEST(task_group, a_timeout_of_the_blocks_own_is_an_error_of_the_block) {
    transcript const errors = errors_of([] {
        with_task_group([](task_group&) {
            timeout const limit{1s};
            sleep_an_hour();
        });
    });
    EXPECT_EQ(errors, transcript{"timed out"});
}

TENDRIL_HUB_TEST(task_group, a_scope_further_out_ends_it_and_absorbs) {
    transcript seen;
    EXPECT_FALSE(move_on_after(1s, [&] {
        with_task_group([&](task_group& group) { group.spawn(noted_sleep(seen, "child")); });
    }));
    EXPECT_EQ(seen, transcript{"child cancelled"});
    EXPECT_EQ(clock.elapsed(), 1s);
}

TENDRIL_HUB_TEST(task_group, a_shield_around_it_holds_for_the_children) {
    transcript seen;
    EXPECT_FALSE(move_on_after(1s, [&] {
        cancel_scope{{.shield = true}}.run([&] {
            with_task_group([&](task_group& group) { group.spawn(noted_sleep(seen, "child")); });
        });
        yield();
    }));
    EXPECT_EQ(seen, transcript{"child returned"});
}

TENDRIL_HUB_TEST(task_group, an_error_of_a_child_wins_over_what_comes_from_outside) {
    transcript seen;
    task<void> const t = spawn([&] {
        seen = errors_of([] {
            with_task_group([](task_group& group) {
                group.spawn([] {
                    try {
                        sleep_an_hour();
                    } catch (cancelled const&) {
                        fail_with("in cleanup");
                    }
                });
            });
        });
    });
    yield();
    yield();
    t.cancel();
    t.join();
    EXPECT_EQ(seen, transcript{"in cleanup"});
}

// Early stop.

TENDRIL_HUB_TEST(task_group, a_cancel_ends_it_early_and_is_no_error) {
    transcript seen;
    with_task_group([&](task_group& group) {
        group.spawn(noted_sleep(seen, "child"));
        yield();
        group.cancel();
        sleep_an_hour();
        ADD_FAILURE() << "the block is within the group";
    });
    EXPECT_EQ(seen, transcript{"child cancelled"});
    EXPECT_EQ(clock.elapsed(), 0s);
}

TENDRIL_HUB_TEST(task_group, a_block_that_owes_a_result_throws_when_it_was_cancelled) {
    EXPECT_THROW(
        with_task_group([](task_group& group) {
            group.cancel();
            sleep_an_hour();
            return 7;
        }),
        task_cancelled);
}

TENDRIL_HUB_TEST(task_group, takes_no_more_children_when_it_ends_or_has_ended) {
    with_task_group([](task_group& group) {
        group.cancel();
        EXPECT_THROW(group.spawn([] {}), task_group_closed);
    });
    task_group kept;
    kept.spawn([] {});
    kept.join();
    EXPECT_THROW(kept.spawn([] {}), task_group_closed);
}

TENDRIL_HUB_TEST(task_group, refuses_other_threads) {
    with_task_group([](task_group& group) {
        EXPECT_EQ(test::outcome_elsewhere([&] { group.spawn([] {}); }), "wrong thread");
        EXPECT_EQ(test::outcome_elsewhere([&] { group.cancel(); }), "wrong thread");
    });
}

// As a member of an object.

TENDRIL_HUB_TEST(task_group, an_object_may_keep_one_and_join_it) {
    task_group kept;
    kept.spawn([] { fail_with("child"); });
    task<void> const sibling = kept.spawn(sleep_an_hour);
    EXPECT_EQ(errors_of([&] { kept.join(); }), transcript{"child"});
    EXPECT_TRUE(sibling.was_cancelled());
}

TENDRIL_HUB_TEST(task_group, its_destructor_ends_the_children) {
    transcript seen;
    {
        task_group kept;
        kept.spawn(noted_sleep(seen, "child"));
        yield();
    }
    EXPECT_EQ(seen, transcript{"child cancelled"});
}

TENDRIL_HUB_TEST(task_group, its_destructor_reports_errors_that_nobody_was_told_of) {
    transcript seen;
    this_hub().set_error_handler([&](std::exception_ptr const& error, std::string_view whose) {
        seen.push_back(outcome_of([&] { std::rethrow_exception(error); }));
        seen.emplace_back(whose);
    });
    {
        task_group kept;
        kept.spawn([] { fail_with("child"); });
        yield();
    }
    EXPECT_EQ(seen, (transcript{"child", "a task group that nobody has joined"}));
}

TENDRIL_HUB_TEST(task_group, who_joins_one_and_is_cancelled_ends_the_children) {
    transcript seen;
    task_group kept;
    kept.spawn(noted_sleep(seen, "child"));
    task<void> const joiner = spawn([&] { kept.join(); });
    yield();
    joiner.cancel();
    joiner.join();
    EXPECT_TRUE(joiner.was_cancelled());
    EXPECT_EQ(seen, transcript{"child cancelled"});
}

TENDRIL_HUB_TEST(task_group, a_scope_of_the_one_who_joins_is_not_absorbed_by_it) {
    transcript seen;
    task_group kept;
    kept.spawn(noted_sleep(seen, "child"));
    EXPECT_FALSE(move_on_after(1s, [&] { kept.join(); }));
    EXPECT_EQ(seen, transcript{"child cancelled"});
}

// Start.

TENDRIL_HUB_TEST(task_group_start, waits_until_the_child_says_that_it_is_ready) {
    with_task_group([&](task_group& group) {
        int const port = group.start<int>(
            [](task_status<int>& status, int wanted) {
                sleep_for(1s);
                status.started(wanted);
                sleep_for(1s);
            },
            80);
        EXPECT_EQ(port, 80);
        EXPECT_EQ(clock.elapsed(), 1s);
        EXPECT_EQ(group.size(), 1U);
    });
    EXPECT_EQ(clock.elapsed(), 2s);
}

TENDRIL_HUB_TEST(task_group_start, needs_no_value) {
    with_task_group(
        [](task_group& group) { group.start([](task_status<>& status) { status.started(); }); });
}

TENDRIL_HUB_TEST(task_group_start, throws_what_the_child_throws_before_and_the_group_goes_on) {
    transcript seen;
    with_task_group([&](task_group& group) {
        group.spawn(noted_sleep(seen, "sibling"));
        EXPECT_EQ(
            outcome_of([&] { group.start([](task_status<>&) { fail_with("no port"); }); }),
            "no port");
    });
    EXPECT_EQ(seen, transcript{"sibling returned"});
}

TENDRIL_HUB_TEST(task_group_start, an_error_after_the_report_fails_the_group) {
    transcript const errors = errors_of([] {
        with_task_group([](task_group& group) {
            group.start([](task_status<>& status) {
                status.started();
                fail_with("later");
            });
        });
    });
    EXPECT_EQ(errors, transcript{"later"});
}

TENDRIL_HUB_TEST(task_group_start, throws_when_the_child_never_reports) {
    with_task_group(
        [](task_group& group) { EXPECT_THROW(group.start([](task_status<>&) {}), never_started); });
}

TENDRIL_HUB_TEST(task_group_start, a_second_report_is_misuse) {
    with_task_group([](task_group& group) {
        group.start([](task_status<>& status) {
            status.started();
            EXPECT_EQ(outcome_of([&] { status.started(); }), "misuse");
        });
    });
}

TENDRIL_HUB_TEST(task_group_start, the_child_ends_with_the_one_who_waits_for_it) {
    transcript seen;
    with_task_group([&](task_group& group) {
        EXPECT_FALSE(move_on_after(
            1s, [&] { group.start([&](task_status<>&) { noted_sleep(seen, "child")(); }); }));
        EXPECT_EQ(group.size(), 0U);
    });
    EXPECT_EQ(seen, transcript{"child cancelled"});
}

TENDRIL_ORDERED_HUB_TEST(
    task_group_start, a_value_that_came_is_not_lost_to_a_cancel_of_the_same_turn) {
    with_task_group([&](task_group& group) {
        cancel_scope scope;
        int got = 0;
        scope.run([&] {
            got = group.start<int>([&](task_status<int>& status) {
                status.started(7);
                scope.cancel();
            });
        });
        EXPECT_EQ(got, 7);
    });
}
