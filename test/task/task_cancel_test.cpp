// SPDX-License-Identifier: BSL-1.0
//
// Cancel and kill, at each stage of a task's life.
#include <harness/greenlets.hpp>
#include <harness/tasks.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/task/task.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::outcome_of;
using test::transcript;

std::string sleep_outcome() {
    return outcome_of([] { sleep_for(1h); });
}

// A task that notes how three sleeps of it end.
task<void> sleeps_thrice(transcript& seen) {
    return spawn([&seen] {
        for (int sleep = 0; sleep < 3; ++sleep) {
            try {
                seen.push_back(sleep_outcome());
            } catch (std::runtime_error const& error) {
                seen.push_back(error.what());
            }
        }
    });
}

}  // namespace

// Before it begins.

TENDRIL_HUB_TEST(task_cancel, a_task_that_has_not_begun_never_does) {
    bool began = false;
    task<void> const t = spawn([&] { began = true; });
    EXPECT_TRUE(t.cancel());
    EXPECT_FALSE(t.done()) << "it ends in its turn";
    t.join();
    EXPECT_FALSE(began);
    EXPECT_TRUE(t.was_cancelled());
}

TENDRIL_HUB_TEST(task_cancel, one_that_has_not_begun_never_does_though_another_unwinds) {
    bool began = false;
    transcript seen;
    task<void> const t = spawn([&] { began = true; });
    t.cancel();
    seen.push_back(outcome_of([&] {
        test::yields_when_destroyed const cleanup{seen, "cleanup"};
        throw std::string{"thrown"};
    }));
    EXPECT_TRUE(t.was_cancelled());
    EXPECT_FALSE(began);
}

TENDRIL_HUB_TEST(task_cancel, the_captures_of_one_that_never_begins_are_destroyed) {
    auto const captured = std::make_shared<int>(1);
    task<void> const t = spawn([captured] {});
    t.cancel();
    t.join();
    EXPECT_EQ(captured.use_count(), 1);
}

TENDRIL_HUB_TEST(task_cancel, captures_of_one_that_never_begins_may_park) {
    transcript seen;
    auto owned = std::make_unique<test::yields_when_destroyed>(seen, "captures");
    task<void> const t = spawn([owned = std::move(owned)] {});
    t.cancel();
    spawn([&] { seen.push_back("other"); });
    yield();
    seen.push_back("main");
    EXPECT_FALSE(t.done());
    t.join();
    EXPECT_EQ(seen, (transcript{"other", "main", "captures"}));
}

TENDRIL_HUB_TEST(task_cancel, a_kill_before_it_begins_is_its_error) {
    bool began = false;
    task<void> t = spawn([&] { began = true; });
    t.kill(std::runtime_error{"killed"});
    EXPECT_THROW(t.get(), std::runtime_error);
    EXPECT_FALSE(began);
    EXPECT_FALSE(t.was_cancelled());
}

// While it waits.

TENDRIL_HUB_TEST(task_cancel, a_task_that_waits_is_cancelled_where_it_waits) {
    transcript seen;
    task<void> t = spawn([&] {
        test::note_at_end const note{seen, "unwound"};
        sleep_for(1h);
        seen.push_back("went on");
    });
    yield();
    EXPECT_TRUE(t.cancel());
    EXPECT_EQ(seen, transcript{});
    EXPECT_THROW(t.get(), task_cancelled);
    EXPECT_EQ(seen, (transcript{"unwound"}));
    EXPECT_EQ(clock.elapsed(), 0ns);
    EXPECT_TRUE(t.was_cancelled());
}

TENDRIL_HUB_TEST(task_cancel, one_that_is_ready_has_what_it_waited_for_and_is_cancelled_then) {
    transcript seen;
    event given;
    task<void> const t = spawn([&] {
        seen.push_back(outcome_of([&] { given.wait(); }));
        seen.push_back(sleep_outcome());
    });
    yield();
    given.set();
    t.cancel();
    t.join();
    EXPECT_EQ(seen, (transcript{"returned", "cancelled"}));
}

TENDRIL_HUB_TEST(task_cancel, one_that_cancels_itself_goes_on_to_its_next_park) {
    transcript seen;
    task<void> const t = spawn([&] {
        EXPECT_TRUE(t.cancel());
        seen.push_back("goes on");
        seen.push_back(sleep_outcome());
    });
    t.join();
    EXPECT_EQ(seen, (transcript{"goes on", "cancelled"}));
}

TENDRIL_HUB_TEST(task_cancel, one_that_returns_before_its_next_park_is_not_cancelled) {
    task<int> t = spawn([&] {
        t.cancel();
        return 7;
    });
    EXPECT_EQ(t.get(), 7);
    EXPECT_FALSE(t.was_cancelled());
}

TENDRIL_HUB_TEST(task_cancel, captures_that_park_after_a_late_cancel_can_finish) {
    transcript seen;
    auto owned = std::make_unique<test::yields_when_destroyed>(seen, "captures");
    task<int> t;
    t = spawn([&t, owned = std::move(owned)] {
        t.cancel();
        return 7;
    });
    EXPECT_EQ(t.get(), 7);
    EXPECT_EQ(seen, (transcript{"captures"}));
}

TENDRIL_HUB_TEST(task_cancel, captures_that_park_after_a_cancel_can_finish) {
    transcript seen;
    auto owned = std::make_unique<test::yields_when_destroyed>(seen, "captures");
    task<void> const t = spawn([owned = std::move(owned)] { sleep_for(1h); });
    yield();
    t.cancel();
    yield();
    EXPECT_TRUE(t.cancel()) << "it has not ended";
    t.join();
    EXPECT_EQ(seen, (transcript{"captures"}));
}

// After its end.

TENDRIL_HUB_TEST(task_cancel, one_that_has_ended_cannot_be_cancelled) {
    task<int> t = spawn([] { return 7; });
    t.join();
    EXPECT_FALSE(t.cancel());
    t.kill();
    t.kill(std::runtime_error{"killed"});
    EXPECT_EQ(t.get(), 7);
}

// How often.

TENDRIL_HUB_TEST(task_cancel, is_used_up_by_delivery) {
    transcript seen;
    task<void> const t = sleeps_thrice(seen);
    yield();
    t.cancel();
    t.join();
    EXPECT_EQ(seen, (transcript{"cancelled", "returned", "returned"}));
    EXPECT_TRUE(t.succeeded()) << "it caught the cancellation and went on";
}

TENDRIL_HUB_TEST(task_cancel, twice_while_it_waits_is_delivered_once) {
    transcript seen;
    task<void> const t = sleeps_thrice(seen);
    yield();
    EXPECT_TRUE(t.cancel());
    EXPECT_TRUE(t.cancel());
    t.join();
    EXPECT_EQ(seen, (transcript{"cancelled", "returned", "returned"}));
}

TENDRIL_HUB_TEST(task_cancel, twice_while_it_runs_is_delivered_once) {
    transcript seen;
    task<void> const t = sleeps_thrice(seen);
    t.cancel();
    t.cancel();
    t.join();
    EXPECT_EQ(seen, transcript{}) << "it has not begun";
    task<void> const other = spawn([&] {
        other.cancel();
        other.cancel();
        seen.push_back(sleep_outcome());
        seen.push_back(sleep_outcome());
    });
    other.join();
    EXPECT_EQ(seen, (transcript{"cancelled", "returned"}));
}

TENDRIL_HUB_TEST(task_cancel, may_be_sent_again_after_its_delivery) {
    transcript seen;
    task<void> const t = sleeps_thrice(seen);
    for (int lap = 0; lap < 3; ++lap) {
        yield();
        t.cancel();
    }
    t.join();
    EXPECT_EQ(seen, transcript(3, "cancelled"));
}

// Kill.

TENDRIL_HUB_TEST(task_cancel, kill_throws_any_exception_where_the_task_waits) {
    task<void> number = spawn([] { sleep_for(1h); });
    task<void> error = spawn([] { sleep_for(1h); });
    task<void> pointer = spawn([] { sleep_for(1h); });
    yield();
    number.kill(7);
    error.kill(std::runtime_error{"killed"});
    pointer.kill(std::make_exception_ptr(std::logic_error{"killed"}));
    EXPECT_THROW(number.get(), int);
    EXPECT_THROW(error.get(), std::runtime_error);
    EXPECT_THROW(pointer.get(), std::logic_error);
}

TENDRIL_HUB_TEST(task_cancel, kill_without_an_exception_is_an_exit) {
    task<void> t = spawn([] { sleep_for(1h); });
    yield();
    t.kill();
    EXPECT_THROW(t.get(), task_cancelled);
    EXPECT_TRUE(t.was_cancelled());
}

TENDRIL_HUB_TEST(task_cancel, kill_with_an_exit_is_not_insisted_on) {
    transcript seen;
    task<void> const t = sleeps_thrice(seen);
    yield();
    t.kill();
    t.join();
    EXPECT_EQ(seen, (transcript{"exit", "returned", "returned"}));
}

TENDRIL_HUB_TEST(task_cancel, kill_needs_an_exception) {
    task<void> const t = spawn([] {});
    EXPECT_THROW(t.kill(std::exception_ptr{}), misuse);
    t.join();
    EXPECT_TRUE(t.succeeded());
}

TENDRIL_HUB_TEST(task_cancel, kill_takes_the_place_of_a_cancel_that_is_on_its_way) {
    for (bool const waits : {true, false}) {
        transcript seen;
        task<void> const t = sleeps_thrice(seen);
        yield();
        if (!waits) {
            // It is ready and has what it waited for: an hour has passed.
            sleep_for(1h);
            seen.clear();
        }
        t.cancel();
        t.kill(std::runtime_error{"killed"});
        t.cancel();
        sleep_for(3h);
        EXPECT_EQ(std::count(seen.begin(), seen.end(), "killed"), 1);
        EXPECT_EQ(std::count(seen.begin(), seen.end(), "cancelled"), 0);
    }
}

TENDRIL_HUB_TEST(task_cancel, the_later_kill_takes_the_place_of_the_earlier) {
    transcript seen;
    task<void> const t = sleeps_thrice(seen);
    yield();
    t.kill(std::runtime_error{"first"});
    t.kill(std::runtime_error{"second"});
    t.join();
    EXPECT_EQ(seen, (transcript{"second", "returned", "returned"}));
}

TENDRIL_HUB_TEST(task_cancel, neither_reaches_cleanup_that_waits) {
    transcript seen;
    task<void> t = spawn([&] {
        test::yields_when_destroyed const cleanup{seen, "cleanup"};
        sleep_for(1h);
    });
    yield();
    t.cancel();
    yield();
    t.cancel();
    t.kill(std::runtime_error{"killed"});
    EXPECT_THROW(t.get(), task_cancelled);
    EXPECT_EQ(seen, (transcript{"cleanup"}));
}

// What the task makes of it.

TENDRIL_HUB_TEST(task_cancel, a_task_may_return_a_result_all_the_same) {
    task<int> t = spawn([] {
        try {
            sleep_for(1h);
        } catch (cancelled const&) {
            return 7;
        }
        return 8;
    });
    yield();
    t.cancel();
    EXPECT_EQ(t.get(), 7);
    EXPECT_TRUE(t.succeeded());
}

TENDRIL_HUB_TEST(task_cancel, a_task_may_fail_with_something_else) {
    task<void> t = spawn([] {
        try {
            sleep_for(1h);
        } catch (cancelled const&) {
            throw std::runtime_error{"broken"};
        }
    });
    yield();
    t.cancel();
    EXPECT_THROW(t.get(), std::runtime_error);
    EXPECT_FALSE(t.was_cancelled());
}

TENDRIL_HUB_TEST(task_cancel, a_task_that_throws_cancelled_by_itself_is_cancelled) {
    task<void> t = spawn([] { throw cancelled{}; });
    EXPECT_THROW(t.get(), task_cancelled);
    EXPECT_TRUE(t.was_cancelled());
}

TENDRIL_HUB_TEST(task_cancel, the_one_who_asks_for_the_result_has_not_been_cancelled) {
    task<void> t = spawn({.name = "worker"}, [] { sleep_for(1h); });
    yield();
    t.cancel();
    std::string text;
    try {
        t.get();
    } catch (std::exception const& error) {
        text = error.what();
    }
    EXPECT_TRUE(test::contains(text, "'worker'")) << text;
    EXPECT_TRUE(test::contains(text, "was cancelled")) << text;
}

// Counting.

TENDRIL_HUB_TEST(task_cancel, counts_its_cancels_and_delivers_one_that_is_pending_once) {
    transcript seen;
    task<void> const t = sleeps_thrice(seen);
    yield();
    t.cancel();
    t.cancel();
    EXPECT_EQ(t.cancelling(), 2U);
    t.join();
    EXPECT_EQ(seen, (transcript{"cancelled", "returned", "returned"}));
    EXPECT_FALSE(t.cancel());
    EXPECT_EQ(t.cancelling(), 2U);
}

TENDRIL_HUB_TEST(task_cancel, taking_the_last_one_back_takes_back_what_was_not_delivered) {
    transcript seen;
    task<void> const t = sleeps_thrice(seen);
    t.cancel();
    t.cancel();
    EXPECT_EQ(t.uncancel(), 1U);
    EXPECT_EQ(t.uncancel(), 0U);
    EXPECT_EQ(t.uncancel(), 0U);
    t.join();
    EXPECT_EQ(seen, (transcript{"returned", "returned", "returned"}));
}

TENDRIL_HUB_TEST(task_cancel, taking_one_back_leaves_a_kill_alone) {
    transcript seen;
    task<void> const t = sleeps_thrice(seen);
    yield();
    t.cancel();
    t.kill(std::runtime_error{"killed"});
    t.uncancel();
    t.join();
    EXPECT_EQ(seen.front(), "killed");
}
