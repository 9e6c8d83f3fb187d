// SPDX-License-Identifier: BSL-1.0
#include <harness/tasks.hpp>
#include <tendril/sync/condition_variable.hpp>

#include <deque>
#include <memory>
#include <mutex>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::attempt;
using test::contains;
using test::misuse_of;
using test::outcome_of;
using test::start;
using test::transcript;

// Something that a mutex guards and a condition variable tells of.
struct guarded_word {
    tendril::mutex m;
    tendril::condition_variable changed;
    bool ready = false;

    void wait() {
        std::unique_lock lock{m};
        changed.wait(lock);
    }
};

}  // namespace

TENDRIL_HUB_TEST(condition_variable, wait_gives_the_lock_up_and_owns_it_again) {
    guarded_word word;
    attempt waiting;
    start(waiting, [&] {
        std::unique_lock lock{word.m};
        word.changed.wait(lock);
        EXPECT_TRUE(lock.owns_lock());
        EXPECT_TRUE(word.m.owned_by_caller());
    });
    yield();
    EXPECT_TRUE(word.m.try_lock());
    word.changed.notify_one();
    yield();
    EXPECT_EQ(waiting.outcome, "waits");
    word.m.unlock();
    yield();
    EXPECT_EQ(waiting.outcome, "returned");
}

TENDRIL_ORDERED_HUB_TEST(condition_variable, notify_one_wakes_the_one_that_has_waited_longest) {
    guarded_word word;
    transcript seen;
    for (char const* name : {"a", "b", "c"}) {
        spawn([&, name] {
            word.wait();
            seen.push_back(name);
        });
    }
    yield();
    word.changed.notify_one();
    yield();
    EXPECT_EQ(seen, (transcript{"a"}));
    word.changed.notify_all();
    yield();
    EXPECT_EQ(seen, (transcript{"a", "b", "c"}));
}

TENDRIL_HUB_TEST(condition_variable, notifying_nobody_is_forgotten) {
    guarded_word word;
    word.changed.notify_one();
    word.changed.notify_all();
    std::unique_lock lock{word.m};
    EXPECT_EQ(word.changed.wait_for(lock, 1ms), std::cv_status::timeout);
}

TENDRIL_HUB_TEST(condition_variable, a_wait_for_a_condition_tests_it_with_the_lock_owned) {
    guarded_word word;
    int tests = 0;
    attempt waiting;
    start(waiting, [&] {
        std::unique_lock lock{word.m};
        word.changed.wait(lock, [&] {
            EXPECT_TRUE(word.m.owned_by_caller());
            ++tests;
            return word.ready;
        });
    });
    yield();
    word.changed.notify_one();
    yield();
    EXPECT_EQ(waiting.outcome, "waits");
    word.ready = true;
    word.changed.notify_one();
    yield();
    EXPECT_EQ(waiting.outcome, "returned");
    EXPECT_EQ(tests, 3);
}

TENDRIL_HUB_TEST(condition_variable, a_condition_that_holds_is_not_waited_for) {
    guarded_word word;
    std::unique_lock lock{word.m};
    std::uint64_t const switches = this_hub().statistics().switches;
    word.changed.wait(lock, [] { return true; });
    EXPECT_TRUE(word.changed.wait_for(lock, 1h, [] { return true; }));
    EXPECT_EQ(this_hub().statistics().switches, switches);
}

TENDRIL_HUB_TEST(condition_variable, producers_and_consumers_lose_nothing) {
    guarded_word word;
    std::deque<int> items;
    int sum = 0;
    attempt consumers[3];
    for (attempt& each : consumers) {
        start(each, [&] {
            while (true) {
                std::unique_lock lock{word.m};
                word.changed.wait(lock, [&] { return !items.empty(); });
                sum += items.front();
                items.pop_front();
                yield();
            }
        });
    }
    for (int item = 1; item <= 100; ++item) {
        std::lock_guard const lock{word.m};
        items.push_back(item);
        word.changed.notify_one();
    }
    sleep_for(1ms);
    EXPECT_EQ(sum, 5050);
}

// Limits.

TENDRIL_HUB_TEST(condition_variable, wait_for_gives_up_at_its_limit_and_owns_the_lock) {
    guarded_word word;
    std::unique_lock lock{word.m};
    EXPECT_EQ(word.changed.wait_for(lock, 5ms), std::cv_status::timeout);
    EXPECT_EQ(word.changed.wait_until(lock, now() + 5ms), std::cv_status::timeout);
    EXPECT_EQ(clock.elapsed(), 10ms);
    EXPECT_TRUE(word.m.owned_by_caller());
    EXPECT_EQ(this_hub().statistics().alarms, 0U);
}

TENDRIL_HUB_TEST(condition_variable, wait_for_is_notified_in_time) {
    guarded_word word;
    std::unique_lock lock{word.m};
    this_hub().call_later(1ms, [&] { word.changed.notify_one(); });
    EXPECT_EQ(word.changed.wait_for(lock, 5ms), std::cv_status::no_timeout);
    EXPECT_EQ(clock.elapsed(), 1ms);
}

TENDRIL_ORDERED_HUB_TEST(condition_variable, owning_the_lock_again_may_take_longer_than_the_limit) {
    guarded_word word;
    spawn([&] {
        std::lock_guard const lock{word.m};
        sleep_for(1h);
    });
    std::unique_lock lock{word.m};
    EXPECT_EQ(word.changed.wait_for(lock, 1ms), std::cv_status::timeout);
    EXPECT_EQ(clock.elapsed(), 1h);
    EXPECT_TRUE(word.m.owned_by_caller());
}

TENDRIL_HUB_TEST(condition_variable, a_limit_on_a_condition_is_one_for_all_notifications) {
    guarded_word word;
    std::unique_lock lock{word.m};
    for (int after = 1; after <= 9; ++after) {
        this_hub().call_later(after * 1ms, [&] { word.changed.notify_one(); });
    }
    EXPECT_FALSE(word.changed.wait_for(lock, 5ms, [&] { return word.ready; }));
    EXPECT_EQ(clock.elapsed(), 5ms);
    this_hub().call_later(10ms, [&] { word.ready = true; });
    EXPECT_TRUE(word.changed.wait_until(lock, now() + 20ms, [&] { return word.ready; }));
}

TENDRIL_HUB_TEST(condition_variable, takes_any_duration) {
    guarded_word word;
    std::unique_lock lock{word.m};
    auto const notified = [&](auto limit) {
        return word.changed.wait_for(lock, limit) == std::cv_status::no_timeout;
    };
    test::expect_no_time_is_enough(clock, notified);
    test::expect_an_age_is_enough(notified, [&] { word.changed.notify_one(); });
}

// Interruption.

TENDRIL_HUB_TEST(condition_variable, a_waiter_that_is_killed_owns_the_lock_before_it_unwinds) {
    guarded_word word;
    transcript seen;
    task<void> const waiting = spawn([&] {
        std::unique_lock lock{word.m};
        seen.push_back(outcome_of([&] { word.changed.wait(lock); }));
        seen.push_back(word.m.owned_by_caller() ? "owner" : "not owner");
    });
    yield();
    word.m.lock();
    waiting.kill();
    sleep_for(1ms);
    EXPECT_EQ(seen, transcript{});
    word.m.unlock();
    yield();
    EXPECT_EQ(seen, (transcript{"exit", "owner"}));
}

TENDRIL_HUB_TEST(condition_variable, one_cancelled_again_while_it_takes_the_lock_still_owns_it) {
    guarded_word word;
    transcript seen;
    task<void> const waiting = spawn([&] {
        std::unique_lock lock{word.m};
        seen.push_back(outcome_of([&] { word.changed.wait(lock); }));
        seen.push_back(word.m.owned_by_caller() ? "owner" : "not owner");
        seen.push_back(outcome_of([] { yield(); }));
    });
    yield();
    word.m.lock();
    for (int lap = 0; lap < 3; ++lap) {
        waiting.cancel();
        yield();
    }
    word.m.unlock();
    yield();
    EXPECT_EQ(seen, (transcript{"cancelled", "owner", "cancelled"}));
}

TENDRIL_HUB_TEST(condition_variable, one_notified_and_cancelled_while_it_takes_the_lock_returns) {
    guarded_word word;
    transcript seen;
    task<void> const waiting = spawn([&] {
        std::unique_lock lock{word.m};
        seen.push_back(outcome_of([&] { word.changed.wait(lock); }));
        seen.push_back(outcome_of([] { yield(); }));
    });
    yield();
    word.m.lock();
    word.changed.notify_one();
    yield();
    waiting.cancel();
    word.m.unlock();
    yield();
    EXPECT_EQ(seen, (transcript{"returned", "cancelled"}));
}

TENDRIL_ORDERED_HUB_TEST(
    condition_variable, one_cancelled_before_it_is_notified_leaves_it_to_the_next) {
    guarded_word word;
    attempt first;
    attempt second;
    start(first, [&] { word.wait(); });
    start(second, [&] { word.wait(); });
    yield();
    first.run_by.cancel();
    word.changed.notify_one();
    yield();
    EXPECT_EQ(first.outcome, "cancelled");
    EXPECT_EQ(second.outcome, "returned");
}

TENDRIL_HUB_TEST(condition_variable, one_cancelled_after_it_was_notified_finds_the_condition) {
    guarded_word word;
    transcript seen;
    task<void> const first = spawn([&] {
        std::unique_lock lock{word.m};
        word.changed.wait(lock, [&] { return word.ready; });
        word.ready = false;
        seen.push_back(outcome_of([] { yield(); }));
    });
    yield();
    word.ready = true;
    word.changed.notify_one();
    first.cancel();
    yield();
    EXPECT_EQ(seen, (transcript{"cancelled"}));
    EXPECT_FALSE(word.ready);
}

TENDRIL_HUB_TEST(condition_variable, an_outer_limit_passes_through_with_the_lock_owned) {
    guarded_word word;
    std::unique_lock lock{word.m};
    timeout const outer{1ms};
    try {
        word.changed.wait_for(lock, 1h);
        ADD_FAILURE();
    } catch (timed_out const& late) {
        EXPECT_TRUE(late.by(outer));
    }
    EXPECT_TRUE(word.m.owned_by_caller());
}

TENDRIL_HUB_TEST(condition_variable, wait_looks_for_cancellation_even_if_the_condition_holds) {
    guarded_word word;
    attempt other;
    start(other, [&] {
        std::unique_lock lock{word.m};
        other.run_by.cancel();
        word.changed.wait(lock, [] { return true; });
    });
    yield();
    EXPECT_EQ(other.outcome, "cancelled");
}

// Where it may be used.

TENDRIL_HUB_TEST(condition_variable, a_callback_is_refused_before_the_lock_is_given_up) {
    guarded_word word;
    std::string text;
    this_hub().call_soon([&] {
        std::unique_lock lock{word.m};
        text = misuse_of([&] { word.changed.wait(lock); });
        EXPECT_TRUE(word.m.owned_by_caller());
    });
    yield();
    EXPECT_TRUE(contains(text, "must not wait")) << text;
}

TENDRIL_HUB_TEST(condition_variable, another_thread_cannot_notify_those_who_wait) {
    guarded_word word;
    attempt waiting;
    start(waiting, [&] { word.wait(); });
    yield();
    auto const elsewhere = [](auto const& call) { return test::outcome_elsewhere(call); };
    EXPECT_EQ(elsewhere([&] { word.changed.notify_one(); }), "wrong thread");
    EXPECT_EQ(elsewhere([&] { word.changed.notify_all(); }), "wrong thread");
    word.changed.notify_one();
    yield();
    EXPECT_EQ(waiting.outcome, "returned");
}

TENDRIL_TEST(condition_variable, stops_the_program_when_it_is_destroyed_while_somebody_waits) {
    EXPECT_DEATH(
        run([] {
            auto word = std::make_unique<guarded_word>();
            spawn([&] { word->wait(); });
            yield();
            word.reset();
        }),
        "a condition_variable was destroyed while a greenlet waits for it");
}
