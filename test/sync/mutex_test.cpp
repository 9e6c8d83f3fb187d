// SPDX-License-Identifier: BSL-1.0
#include <harness/tasks.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/sync/mutex.hpp>

#include <algorithm>
#include <memory>
#include <mutex>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using tendril::mutex;
using test::attempt;
using test::contains;
using test::misuse_of;
using test::outcome_of;
using test::start;
using test::transcript;

}  // namespace

TENDRIL_TEST(mutex, has_one_owner_at_a_time) {
    mutex m;
    EXPECT_TRUE(m.try_lock());
    EXPECT_FALSE(m.try_lock());
    m.unlock();
    EXPECT_TRUE(m.try_lock());
    m.unlock();
}

TENDRIL_HUB_TEST(mutex, lock_and_unlock_do_not_switch_when_nobody_waits) {
    mutex m;
    std::uint64_t const switches = this_hub().statistics().switches;
    m.lock();
    m.unlock();
    EXPECT_EQ(this_hub().statistics().switches, switches);
}

TENDRIL_HUB_TEST(mutex, works_with_the_locks_of_the_standard_library) {
    mutex m;
    mutex other;
    {
        std::lock_guard const lock{m};
        EXPECT_FALSE(m.try_lock());
    }
    {
        std::unique_lock lock{m, std::try_to_lock};
        EXPECT_TRUE(lock.owns_lock());
    }
    {
        std::scoped_lock const both{m, other};
        EXPECT_FALSE(other.try_lock());
    }
    EXPECT_TRUE(m.try_lock());
    m.unlock();
}

TENDRIL_HUB_TEST(mutex, a_critical_section_may_park) {
    mutex m;
    int inside = 0;
    int most = 0;
    for (int number = 0; number < 5; ++number) {
        spawn([&] {
            std::lock_guard const lock{m};
            most = std::max(most, ++inside);
            sleep_for(1ms);
            --inside;
        });
    }
    sleep_for(1s);
    EXPECT_EQ(most, 1);
}

TENDRIL_ORDERED_HUB_TEST(mutex, goes_to_waiters_in_the_order_they_came) {
    mutex m;
    transcript seen;
    m.lock();
    for (char const* word : {"a", "b", "c"}) {
        spawn([&, word] {
            std::lock_guard const lock{m};
            seen.push_back(word);
            yield();
        });
    }
    yield();
    m.unlock();
    sleep_for(1ms);
    EXPECT_EQ(seen, (transcript{"a", "b", "c"}));
}

TENDRIL_HUB_TEST(mutex, unlock_hands_over_directly_and_does_not_switch) {
    mutex m;
    attempt waiting;
    m.lock();
    start(waiting, [&] { std::lock_guard const lock{m}; });
    yield();
    m.unlock();
    EXPECT_EQ(waiting.outcome, "waits");
    EXPECT_FALSE(m.try_lock());
    yield();
    EXPECT_EQ(waiting.outcome, "returned");
    EXPECT_TRUE(m.try_lock());
    m.unlock();
}

TENDRIL_ORDERED_HUB_TEST(mutex, one_that_locks_again_at_once_does_not_starve_the_others) {
    mutex m;
    transcript seen;
    for (char const* word : {"a", "b"}) {
        spawn([&, word] {
            for (int lap = 0; lap < 3; ++lap) {
                std::lock_guard const lock{m};
                seen.push_back(word);
                yield();
            }
        });
    }
    sleep_for(1ms);
    EXPECT_EQ(seen, (transcript{"a", "b", "a", "b", "a", "b"}));
}

// Ownership.

TENDRIL_HUB_TEST(mutex, the_owner_cannot_lock_it_again) {
    mutex m;
    std::lock_guard const lock{m};
    std::string const text = misuse_of([&] { m.lock(); });
    EXPECT_TRUE(contains(text, "it would wait for itself")) << text;
}

TENDRIL_HUB_TEST(mutex, one_that_nobody_owns_cannot_be_unlocked) {
    mutex m;
    std::string const text = misuse_of([&] { m.unlock(); });
    EXPECT_TRUE(contains(text, "the one that locked it unlocks it")) << text;
    EXPECT_TRUE(m.try_lock());
    m.unlock();
}

TENDRIL_HUB_TEST(mutex, another_greenlet_cannot_unlock_it) {
    mutex m;
    m.lock();
    attempt other;
    start(other, [&] { m.unlock(); });
    yield();
    EXPECT_EQ(other.outcome, "misuse");
    EXPECT_FALSE(m.try_lock());
    m.unlock();
}

TENDRIL_HUB_TEST(mutex, who_has_given_it_away_is_not_its_owner_any_more) {
    mutex m;
    m.lock();
    attempt next;
    start(next, [&] { std::lock_guard const lock{m}; });
    yield();
    m.unlock();
    EXPECT_EQ(outcome_of([&] { m.unlock(); }), "misuse");
    yield();
    EXPECT_EQ(next.outcome, "returned");
}

TENDRIL_HUB_TEST(mutex, another_thread_cannot_unlock_it) {
    mutex m;
    m.lock();
    EXPECT_EQ(test::outcome_elsewhere([&] { m.unlock(); }), "misuse");
    EXPECT_FALSE(m.try_lock());
    m.unlock();
}

TENDRIL_HUB_TEST(mutex, says_whether_the_caller_is_its_owner) {
    mutex m;
    EXPECT_FALSE(m.owned_by_caller());
    std::lock_guard const lock{m};
    EXPECT_TRUE(m.owned_by_caller());
    task<bool> other = spawn([&] { return m.owned_by_caller(); });
    EXPECT_FALSE(other.get());
}

TENDRIL_HUB_TEST(mutex, another_thread_cannot_wait_for_one_that_this_thread_owns) {
    mutex m;
    std::lock_guard const lock{m};
    EXPECT_EQ(test::outcome_elsewhere([&] { m.lock(); }), "wrong thread");
    EXPECT_EQ(test::outcome_elsewhere([&] { m.try_lock_for(1ms); }), "wrong thread");
}

TENDRIL_TEST(mutex, serves_one_hub_after_another) {
    mutex m;
    for (int lap = 0; lap < 3; ++lap) {
        run([&] {
            std::unique_lock lock{m};
            task<void> other = spawn([&] { std::lock_guard const its{m}; });
            yield();
            lock.unlock();
            other.get();
        });
    }
}

// Limits.

TENDRIL_HUB_TEST(mutex, try_lock_for_gives_up_at_its_limit_and_does_not_own_it) {
    mutex m;
    attempt other;
    m.lock();
    start(other, [&] {
        EXPECT_FALSE(m.try_lock_for(5ms));
        EXPECT_FALSE(m.try_lock_until(now() + 5ms));
        EXPECT_FALSE(m.owned_by_caller());
    });
    sleep_for(1h);
    EXPECT_EQ(other.outcome, "returned");
    m.unlock();
    EXPECT_TRUE(m.try_lock());
    m.unlock();
}

TENDRIL_HUB_TEST(mutex, try_lock_for_owns_one_that_is_unlocked_in_time) {
    mutex m;
    spawn([&] {
        std::lock_guard const lock{m};
        sleep_for(1ms);
    });
    yield();
    std::unique_lock<timed_mutex> const lock{m, 5ms};
    EXPECT_TRUE(lock.owns_lock());
    EXPECT_EQ(clock.elapsed(), 1ms);
    EXPECT_EQ(this_hub().statistics().alarms, 0U);
}

TENDRIL_HUB_TEST(mutex, try_lock_for_takes_any_duration) {
    mutex m;
    event give;
    task<void> const owner = spawn([&] {
        while (true) {
            std::lock_guard const lock{m};
            give.reset();
            give.wait();
        }
    });
    yield();
    test::expect_no_time_is_enough(clock, [&](auto limit) { return m.try_lock_for(limit); });
    test::expect_an_age_is_enough(
        [&](auto limit) {
            bool const locked = m.try_lock_for(limit);
            m.unlock();
            yield();
            return locked;
        },
        [&] { give.set(); });
    owner.cancel();
    owner.join();
}

TENDRIL_HUB_TEST(mutex, try_lock_for_by_the_owner_is_refused_at_once) {
    mutex m;
    std::lock_guard const lock{m};
    EXPECT_FALSE(m.try_lock());
    EXPECT_EQ(outcome_of([&] { m.try_lock_for(1ms); }), "misuse");
    EXPECT_EQ(clock.elapsed(), 0ms);
}

// Interruption.

TENDRIL_HUB_TEST(mutex, a_waiter_that_is_cancelled_does_not_own_it_and_the_next_gets_it) {
    mutex m;
    attempt first;
    attempt second;
    m.lock();
    start(first, [&] { m.lock(); });
    start(second, [&] { std::lock_guard const lock{m}; });
    yield();
    first.run_by.cancel();
    m.unlock();
    yield();
    EXPECT_EQ(first.outcome, "cancelled");
    EXPECT_EQ(second.outcome, "returned");
    EXPECT_TRUE(m.try_lock());
    m.unlock();
}

TENDRIL_HUB_TEST(mutex, a_waiter_that_is_cancelled_after_the_hand_over_owns_it) {
    mutex m;
    transcript seen;
    m.lock();
    task<void> const waiting = spawn([&] {
        m.lock();
        seen.push_back("owner");
        seen.push_back(outcome_of([] { yield(); }));
        m.unlock();
    });
    yield();
    m.unlock();
    waiting.cancel();
    sleep_for(1ms);
    EXPECT_EQ(seen, (transcript{"owner", "cancelled"}));
    EXPECT_TRUE(m.try_lock());
    m.unlock();
}

TENDRIL_HUB_TEST(mutex, a_limit_on_the_wait_leaves_it_to_its_owner) {
    mutex m;
    m.lock();
    attempt other;
    start(other, [&] { with_timeout(1ms, [&] { m.lock(); }); });
    sleep_for(2ms);
    EXPECT_EQ(other.outcome, "timed out");
    m.unlock();
    EXPECT_TRUE(m.try_lock());
    m.unlock();
}

TENDRIL_HUB_TEST(mutex, lock_looks_for_cancellation_even_if_nobody_owns_it) {
    mutex m;
    attempt other;
    start(other, [&] {
        other.run_by.cancel();
        m.lock();
    });
    yield();
    EXPECT_EQ(other.outcome, "cancelled");
    EXPECT_TRUE(m.try_lock());
    m.unlock();
}

TENDRIL_HUB_TEST(mutex, try_lock_and_unlock_do_not_look_for_cancellation) {
    mutex m;
    transcript seen;
    task<void> const other = spawn([&] {
        other.cancel();
        seen.push_back(outcome_of([&] { m.try_lock(); }));
        seen.push_back(outcome_of([&] { m.unlock(); }));
    });
    yield();
    EXPECT_EQ(seen, (transcript{"returned", "returned"}));
}

TENDRIL_HUB_TEST(mutex, an_owner_that_is_cancelled_unlocks_while_it_unwinds) {
    mutex m;
    attempt owner;
    attempt next;
    start(owner, [&] {
        std::lock_guard const lock{m};
        sleep_for(1h);
    });
    start(next, [&] { std::lock_guard const lock{m}; });
    yield();
    owner.run_by.cancel();
    sleep_for(1ms);
    EXPECT_EQ(owner.outcome, "cancelled");
    EXPECT_EQ(next.outcome, "returned");
}

TENDRIL_HUB_TEST(mutex, cleanup_can_lock_it) {
    mutex m;
    transcript seen;
    task<void> const other = spawn([&] {
        struct locks {
            mutex& wanted;
            transcript& seen;
            ~locks() {
                std::lock_guard const lock{wanted};
                seen.push_back("locked");
            }
        } const cleanup{m, seen};
        sleep_for(1h);
    });
    m.lock();
    yield();
    other.kill();
    yield();
    EXPECT_EQ(seen, transcript{});
    m.unlock();
    yield();
    EXPECT_EQ(seen, (transcript{"locked"}));
}

TENDRIL_HUB_TEST(mutex, a_callback_can_lock_it_only_if_nobody_owns_it) {
    mutex m;
    transcript seen;
    auto const lock_and_unlock = [&] {
        m.lock();
        m.unlock();
    };
    this_hub().call_soon([&] { seen.push_back(outcome_of(lock_and_unlock)); });
    yield();
    m.lock();
    this_hub().call_soon([&] { seen.push_back(outcome_of(lock_and_unlock)); });
    yield();
    m.unlock();
    EXPECT_EQ(seen, (transcript{"returned", "misuse"}));
}

TENDRIL_TEST(mutex, stops_the_program_when_it_is_destroyed_while_somebody_waits) {
    EXPECT_DEATH(
        run([] {
            auto m = std::make_unique<mutex>();
            m->lock();
            spawn([&] { m->lock(); });
            yield();
            m.reset();
        }),
        "a mutex was destroyed while a greenlet waits for it");
}
