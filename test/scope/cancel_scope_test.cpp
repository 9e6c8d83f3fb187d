// SPDX-License-Identifier: BSL-1.0
#include <harness/tasks.hpp>
#include <tendril/scope/cancel_scope.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/task/task.hpp>
#include <tendril/time/timeout.hpp>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::outcome_of;
using test::transcript;

// How a sleep of an hour ends: "returned", "cancelled", …
std::string hour_asleep() {
    return outcome_of([] { sleep_for(1h); });
}

// The same, for a scope's own cancellation, whose reason is given.
std::string reason_of_hour_asleep() {
    try {
        sleep_for(1h);
    } catch (scope_cancelled const& ended) {
        return ended.reason();
    }
    return "returned";
}

}  // namespace

TENDRIL_HUB_TEST(cancel_scope, does_nothing_to_a_block_that_returns) {
    cancel_scope scope;
    EXPECT_TRUE(scope.run([] { sleep_for(1s); }));
    EXPECT_FALSE(scope.cancel_called());
    EXPECT_FALSE(scope.caught());
    EXPECT_EQ(clock.elapsed(), 1s);
}

TENDRIL_HUB_TEST(cancel_scope, passes_on_what_the_block_returns) {
    cancel_scope scope;
    std::optional<std::unique_ptr<int>> const kept = scope.run(
        [] { return std::make_unique<int>(7); });
    ASSERT_TRUE(kept.has_value());
    EXPECT_EQ(**kept, 7);
}

TENDRIL_HUB_TEST(cancel_scope, passes_on_what_the_block_throws) {
    cancel_scope scope;
    EXPECT_EQ(outcome_of([&] { scope.run([] { throw std::runtime_error{"mine"}; }); }), "mine");
    EXPECT_EQ(hour_asleep(), "returned");
}

TENDRIL_HUB_TEST(cancel_scope, ends_a_block_that_cancels_it_at_the_next_park) {
    cancel_scope scope;
    bool went_on = false;
    bool const finished = scope.run([&] {
        scope.cancel();
        went_on = true;
        sleep_for(1h);
    });
    EXPECT_TRUE(went_on);
    EXPECT_FALSE(finished);
    EXPECT_TRUE(scope.caught());
    EXPECT_EQ(clock.elapsed(), 0s);
    EXPECT_EQ(hour_asleep(), "returned") << "it is over";
}

TENDRIL_HUB_TEST(cancel_scope, ends_a_park_that_is_under_way) {
    cancel_scope scope;
    this_hub().call_later(1s, [&] { scope.cancel("enough"); });
    std::string reason;
    EXPECT_TRUE(scope.run([&] { reason = reason_of_hour_asleep(); }));
    EXPECT_EQ(reason, "enough");
    EXPECT_EQ(clock.elapsed(), 1s);
    EXPECT_FALSE(scope.caught()) << "the block has swallowed it and returned";
}

TENDRIL_HUB_TEST(cancel_scope, ends_every_park_within_it_until_it_is_left) {
    cancel_scope scope;
    transcript seen;
    scope.cancel();
    scope.run([&] {
        seen.push_back(hour_asleep());
        seen.push_back(hour_asleep());
        try {
            sleep_for(1h);
        } catch (cancelled const&) {
            seen.push_back(hour_asleep());
        }
    });
    EXPECT_EQ(seen, (transcript{"cancelled", "cancelled", "cancelled"}));
    EXPECT_EQ(hour_asleep(), "returned");
}

TENDRIL_HUB_TEST(cancel_scope, is_cancelled_at_the_first_park_when_it_was_before_entry) {
    cancel_scope scope;
    scope.cancel();
    bool began = false;
    EXPECT_FALSE(scope.run([&] {
        began = true;
        yield();
    }));
    EXPECT_TRUE(began);
}

TENDRIL_HUB_TEST(cancel_scope, is_entered_once) {
    cancel_scope scope;
    scope.run([] {});
    EXPECT_EQ(outcome_of([&] { scope.run([] {}); }), "misuse");
    cancel_scope outer;
    outer.run([&] { EXPECT_EQ(outcome_of([&] { outer.run([] {}); }), "misuse"); });
}

TENDRIL_HUB_TEST(cancel_scope, refuses_other_threads_while_it_is_entered) {
    cancel_scope scope;
    scope.run([&] {
        std::thread{[&] {
            EXPECT_EQ(outcome_of([&] { scope.cancel(); }), "wrong thread");
            EXPECT_EQ(outcome_of([&] { scope.set_shield(true); }), "wrong thread");
            EXPECT_EQ(outcome_of([&] { scope.set_limit(deadline::never()); }), "wrong thread");
        }}.join();
    });
}

// Of several.

TENDRIL_HUB_TEST(cancel_scope, the_one_that_was_cancelled_absorbs) {
    cancel_scope outer;
    cancel_scope inner;
    transcript seen;
    outer.run([&] {
        bool const finished = inner.run([&] {
            outer.cancel();
            sleep_for(1h);
        });
        seen.push_back(finished ? "inner finished" : "inner absorbed");
    });
    EXPECT_TRUE(seen.empty());
    EXPECT_TRUE(outer.caught());
    EXPECT_FALSE(inner.caught());
}

TENDRIL_HUB_TEST(cancel_scope, an_inner_one_leaves_the_outer_one_alone) {
    cancel_scope outer;
    cancel_scope inner;
    outer.run([&] {
        EXPECT_FALSE(inner.run([&] {
            inner.cancel();
            sleep_for(1h);
        }));
        EXPECT_EQ(hour_asleep(), "returned");
    });
    EXPECT_FALSE(outer.cancel_called());
}

TENDRIL_HUB_TEST(cancel_scope, the_outermost_of_two_that_are_cancelled_absorbs) {
    cancel_scope outer;
    cancel_scope inner;
    outer.run([&] {
        inner.run([&] {
            inner.cancel();
            outer.cancel();
            sleep_for(1h);
        });
        ADD_FAILURE() << "the inner one has absorbed";
    });
    EXPECT_FALSE(inner.caught());
    EXPECT_TRUE(outer.caught());
}

TENDRIL_HUB_TEST(cancel_scope, a_cancel_of_the_task_is_not_absorbed) {
    transcript seen;
    task<void> const t = spawn([&] {
        cancel_scope scope;
        scope.run([&] {
            try {
                sleep_for(1h);
            } catch (cancelled const&) {
                seen.push_back("thrown");
                throw;
            }
        });
        seen.push_back("absorbed");
    });
    yield();
    t.cancel();
    t.join();
    EXPECT_TRUE(t.was_cancelled());
    EXPECT_EQ(seen, transcript{"thrown"});
}

TENDRIL_HUB_TEST(cancel_scope, an_edge_comes_before_a_scope) {
    transcript seen;
    task<void> const t = spawn([&] {
        cancel_scope scope;
        scope.run([&] {
            yield();
            scope.cancel();
            t.kill(std::runtime_error{"killed"});
            seen.push_back(hour_asleep());
            seen.push_back(hour_asleep());
        });
    });
    t.join();
    EXPECT_EQ(seen, (transcript{"killed", "cancelled"}));
}

TENDRIL_HUB_TEST(cancel_scope, a_plain_task_is_not_within_the_scope_that_it_was_spawned_in) {
    cancel_scope scope;
    task<void> t;
    scope.run([&] {
        t = spawn([] { sleep_for(1s); });
        scope.cancel();
        yield();
    });
    t.join();
    EXPECT_TRUE(t.succeeded());
}

TENDRIL_HUB_TEST(cancel_scope, a_raw_greenlet_may_have_one) {
    cancel_scope scope;
    bool finished = true;
    this_hub().spawn_raw([&] { finished = scope.run([] { sleep_for(1h); }); });
    yield();
    scope.cancel();
    this_hub().join();
    EXPECT_FALSE(finished);
}

// Deadlines.

TENDRIL_HUB_TEST(cancel_scope, a_limit_cancels_it) {
    cancel_scope scope{{.limit = deadline::after(2s)}};
    EXPECT_FALSE(scope.run([] { sleep_for(1h); }));
    EXPECT_TRUE(scope.expired());
    EXPECT_TRUE(scope.caught());
    EXPECT_EQ(clock.elapsed(), 2s);
}

TENDRIL_HUB_TEST(cancel_scope, a_result_that_is_ready_beats_its_limit) {
    event ready;
    this_hub().call_soon([&] {
        clock.advance(2s);
        ready.set();
    });
    cancel_scope scope{{.limit = deadline::after(2s)}};
    std::string slept;
    EXPECT_FALSE(scope.run([&] {
        slept = outcome_of([&] { ready.wait(); });
        sleep_for(1h);
    }));
    EXPECT_EQ(slept, "returned");
}

TENDRIL_HUB_TEST(cancel_scope, a_limit_can_be_moved_while_it_is_active) {
    cancel_scope scope{{.limit = deadline::after(2s)}};
    this_hub().call_later(1s, [&] { scope.set_limit(deadline::after(5s)); });
    EXPECT_FALSE(scope.run([] { sleep_for(1h); }));
    EXPECT_EQ(clock.elapsed(), 6s);
}

TENDRIL_HUB_TEST(cancel_scope, a_limit_can_be_taken_back) {
    cancel_scope scope{{.limit = deadline::after(2s)}};
    this_hub().call_later(1s, [&] { scope.set_limit(deadline::never()); });
    EXPECT_TRUE(scope.run([] { sleep_for(1h); }));
    EXPECT_EQ(this_hub().statistics().alarms, 0U);
}

TENDRIL_HUB_TEST(cancel_scope, a_limit_that_is_past_cancels_at_the_first_park) {
    bool began = false;
    EXPECT_FALSE(move_on_after(0s, [&] {
        began = true;
        yield();
    }));
    EXPECT_TRUE(began);
    EXPECT_TRUE(move_on_after(-1s, [] {})) << "a block that never parks is never interrupted";
}

TENDRIL_HUB_TEST(cancel_scope, a_limit_that_is_no_number_is_misuse) {
    auto const nan = std::chrono::duration<double>{std::numeric_limits<double>::quiet_NaN()};
    EXPECT_EQ(outcome_of([&] { move_on_after(nan, [] {}); }), "misuse");
    EXPECT_EQ(outcome_of([&] { fail_after(nan, [] {}); }), "misuse");
}

TENDRIL_HUB_TEST(cancel_scope, the_nearest_limit_of_several_counts) {
    EXPECT_FALSE(move_on_after(1s, [] { fail_after(2s, [] { sleep_for(1h); }); }));
    EXPECT_EQ(clock.elapsed(), 1s);
}

TENDRIL_HUB_TEST(move_on_after, says_whether_or_what_the_block_has_returned) {
    EXPECT_TRUE(move_on_after(1s, [] {}));
    EXPECT_FALSE(move_on_after(1s, [] { sleep_for(2s); }));
    EXPECT_EQ(move_on_after(1s, [] { return 7; }), std::optional{7});
    auto const nothing = move_on_after(1s, [] {
        sleep_for(2s);
        return 7;
    });
    EXPECT_EQ(nothing, std::nullopt);
}

TENDRIL_HUB_TEST(fail_after, throws_when_the_limit_has_passed) {
    EXPECT_EQ(outcome_of([] { fail_after(1s, [] { sleep_for(2s); }); }), "timed out");
    EXPECT_EQ(fail_after(1s, [] { return 7; }), 7);
}

TENDRIL_HUB_TEST(fail_after, does_not_answer_for_a_timeout_further_out) {
    timeout const outer{1s};
    try {
        fail_after(2s, [] { sleep_for(1h); });
        ADD_FAILURE() << "nothing was thrown";
    } catch (timed_out const& late) {
        EXPECT_TRUE(late.by(outer));
    }
}

TENDRIL_HUB_TEST(fail_after, does_not_answer_for_one_further_in) {
    EXPECT_EQ(
        outcome_of([] {
            move_on_after(1s, [] {
                timeout const inner{1ms};
                sleep_for(1h);
            });
        }),
        "timed out");
}

// Shields.

TENDRIL_HUB_TEST(cancel_scope, a_shield_holds_back_a_scope_further_out) {
    cancel_scope outer;
    transcript seen;
    outer.run([&] {
        outer.cancel();
        cancel_scope{{.shield = true}}.run([&] { seen.push_back(hour_asleep()); });
        seen.push_back(hour_asleep());
    });
    EXPECT_EQ(seen, (transcript{"returned", "cancelled"}));
}

TENDRIL_HUB_TEST(cancel_scope, a_shield_holds_back_a_timeout_further_out) {
    transcript seen;
    timeout const limit{1s};
    cancel_scope{{.shield = true}}.run([&] { seen.push_back(hour_asleep()); });
    seen.push_back(hour_asleep());
    EXPECT_EQ(seen, (transcript{"returned", "timed out"}));
}

TENDRIL_HUB_TEST(cancel_scope, a_shield_holds_back_a_cancel_of_the_task) {
    transcript seen;
    task<void> const t = spawn([&] {
        cancel_scope{{.shield = true}}.run([&] { seen.push_back(hour_asleep()); });
        seen.push_back(hour_asleep());
    });
    yield();
    t.cancel();
    t.join();
    EXPECT_EQ(seen, (transcript{"returned", "cancelled"}));
}

TENDRIL_HUB_TEST(cancel_scope, a_shield_lets_through_its_own_limit_and_what_is_further_in) {
    transcript seen;
    cancel_scope outer;
    outer.run([&] {
        outer.cancel();
        EXPECT_FALSE(cancel_scope({.limit = deadline::after(5s), .shield = true}).run([&] {
            timeout const inner{1s};
            seen.push_back(hour_asleep());
            EXPECT_FALSE(move_on_after(1s, [&] { sleep_for(1h); }));
            EXPECT_EQ(clock.elapsed(), 2s);
            sleep_for(1h);
        }));
    });
    EXPECT_EQ(seen, (transcript{"timed out"}));
    EXPECT_EQ(clock.elapsed(), 5s);
}

TENDRIL_HUB_TEST(cancel_scope, a_shield_that_is_lowered_lets_through_at_once) {
    cancel_scope outer;
    cancel_scope inner{{.shield = true}};
    outer.cancel();
    this_hub().call_later(1s, [&] { inner.set_shield(false); });
    outer.run([&] { inner.run([] { sleep_for(1h); }); });
    EXPECT_TRUE(outer.caught());
    EXPECT_EQ(clock.elapsed(), 1s);
}

TENDRIL_HUB_TEST(cancel_scope, a_shield_that_is_lowered_lets_a_cancel_of_the_task_through) {
    cancel_scope inner{{.shield = true}};
    task<void> const t = spawn([&] { inner.run([] { sleep_for(1h); }); });
    yield();
    t.cancel();
    this_hub().call_later(1s, [&] { inner.set_shield(false); });
    t.join();
    EXPECT_TRUE(t.was_cancelled());
    EXPECT_EQ(clock.elapsed(), 1s);
}

TENDRIL_HUB_TEST(cancel_scope, a_shield_further_out_counts_for_what_is_further_in) {
    cancel_scope shield{{.shield = true}};
    task<void> const t = spawn(
        [&] { shield.run([&] { move_on_after(2s, [] { sleep_for(1h); }); }); });
    yield();
    t.cancel();
    t.join();
    EXPECT_EQ(clock.elapsed(), 2s);
}

TENDRIL_HUB_TEST(cancel_scope, a_shield_raised_later_holds_back_too) {
    cancel_scope outer;
    cancel_scope inner;
    transcript seen;
    outer.run([&] {
        inner.run([&] {
            outer.cancel();
            seen.push_back(hour_asleep());
            inner.set_shield(true);
            seen.push_back(hour_asleep());
            inner.set_shield(false);
            seen.push_back(hour_asleep());
        });
    });
    EXPECT_EQ(seen, (transcript{"cancelled", "returned", "cancelled"}));
}

TENDRIL_TEST(cancel_scope, a_shield_holds_back_the_exit_of_a_hub_that_closes) {
    transcript seen;
    test::virtual_clock clock;
    run({.clock = &clock}, [&] {
        spawn([&] {
            cancel_scope{{.shield = true}}.run([&] { seen.push_back(hour_asleep()); });
            try {
                sleep_for(1h);
            } catch (greenlet_exit const&) {
                seen.push_back("exit");
                throw;
            }
        });
        yield();
    });
    EXPECT_EQ(seen, (transcript{"returned", "exit"}));
}

// Nothing is delivered while a block unwinds.

TENDRIL_HUB_TEST(cancel_scope, a_destructor_that_waits_can_finish) {
    transcript seen;
    cancel_scope scope;
    scope.cancel();
    scope.run([&] {
        struct cleanup {
            transcript& log;
            ~cleanup() { log.push_back(hour_asleep()); }
        } const last{seen};
        sleep_for(1h);
    });
    EXPECT_EQ(seen, transcript{"returned"});
}
