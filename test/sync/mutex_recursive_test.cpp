// SPDX-License-Identifier: BSL-1.0
//
// A mutex that its owner may lock again.
#include <harness/tasks.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/sync/mutex.hpp>

#include <memory>
#include <mutex>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using tendril::recursive_mutex;
using test::attempt;
using test::outcome_of;
using test::start;
using test::transcript;

// Says whether another greenlet could lock it now.
bool is_free(recursive_mutex& m) {
    return spawn([&m] {
               bool const locked = m.try_lock();
               if (locked) {
                   m.unlock();
               }
               return locked;
           })
        .get();
}

}  // namespace

TENDRIL_HUB_TEST(mutex_recursive, the_owner_locks_it_again_without_waiting) {
    recursive_mutex m;
    std::uint64_t const switches = this_hub().statistics().switches;
    m.lock();
    m.lock();
    EXPECT_TRUE(m.try_lock());
    EXPECT_TRUE(m.try_lock_for(1s));
    EXPECT_EQ(this_hub().statistics().switches, switches);
    EXPECT_TRUE(m.owned_by_caller());
}

TENDRIL_HUB_TEST(mutex_recursive, is_free_when_it_was_unlocked_as_often_as_locked) {
    recursive_mutex m;
    m.lock();
    m.lock();
    m.unlock();
    EXPECT_FALSE(is_free(m));
    m.unlock();
    EXPECT_TRUE(is_free(m));
}

TENDRIL_HUB_TEST(mutex_recursive, belongs_to_a_greenlet_and_not_to_its_thread) {
    recursive_mutex m;
    attempt other;
    m.lock();
    start(other, [&] { std::lock_guard const lock{m}; });
    yield();
    EXPECT_EQ(other.outcome, "waits");
    m.unlock();
    yield();
    EXPECT_EQ(other.outcome, "returned");
}

TENDRIL_ORDERED_HUB_TEST(
    mutex_recursive, the_last_unlock_hands_over_to_the_one_that_has_waited_longest) {
    recursive_mutex m;
    transcript seen;
    m.lock();
    m.lock();
    for (char const* word : {"a", "b"}) {
        spawn([&, word] {
            std::lock_guard const once{m};
            std::lock_guard const twice{m};
            yield();
            seen.push_back(word);
        });
    }
    yield();
    m.unlock();
    sleep_for(1ms);
    EXPECT_EQ(seen, transcript{});
    m.unlock();
    EXPECT_FALSE(m.try_lock());
    sleep_for(1ms);
    EXPECT_EQ(seen, (transcript{"a", "b"}));
}

TENDRIL_HUB_TEST(mutex_recursive, only_the_owner_unlocks_it_and_a_refusal_changes_nothing) {
    recursive_mutex m;
    EXPECT_EQ(outcome_of([&] { m.unlock(); }), "misuse");
    m.lock();
    m.lock();
    attempt other;
    start(other, [&] { m.unlock(); });
    yield();
    EXPECT_EQ(other.outcome, "misuse");
    m.unlock();
    EXPECT_FALSE(is_free(m));
    m.unlock();
    EXPECT_EQ(outcome_of([&] { m.unlock(); }), "misuse");
    EXPECT_TRUE(is_free(m));
}

TENDRIL_HUB_TEST(mutex_recursive, who_has_given_it_away_is_not_its_owner_any_more) {
    recursive_mutex m;
    attempt next;
    m.lock();
    start(next, [&] {
        m.lock();
        m.unlock();
    });
    yield();
    m.unlock();
    EXPECT_EQ(outcome_of([&] { m.unlock(); }), "misuse");
    yield();
    EXPECT_EQ(next.outcome, "returned");
    EXPECT_TRUE(is_free(m));
}

TENDRIL_HUB_TEST(mutex_recursive, works_with_the_locks_of_the_standard_library) {
    recursive_mutex m;
    recursive_mutex other;
    {
        std::scoped_lock const both{m, other};
        std::lock_guard const again{m};
        std::unique_lock<recursive_timed_mutex> const timed{other, 1s};
        EXPECT_TRUE(timed.owns_lock());
        EXPECT_FALSE(is_free(m));
    }
    EXPECT_TRUE(is_free(m));
    EXPECT_TRUE(is_free(other));
}

TENDRIL_HUB_TEST(mutex_recursive, try_lock_for_gives_up_at_its_limit) {
    recursive_mutex m;
    attempt other;
    m.lock();
    start(other, [&] {
        EXPECT_FALSE(m.try_lock_for(5ms));
        EXPECT_FALSE(m.try_lock_until(now() + 5ms));
        m.unlock();
    });
    sleep_for(1h);
    EXPECT_EQ(other.outcome, "misuse");
    m.unlock();
    EXPECT_TRUE(is_free(m));
}

TENDRIL_HUB_TEST(mutex_recursive, a_lock_that_is_cancelled_leaves_the_count_as_it_was) {
    recursive_mutex m;
    attempt owner;
    start(owner, [&] {
        std::lock_guard const lock{m};
        owner.run_by.cancel();
        EXPECT_EQ(outcome_of([&] { m.lock(); }), "cancelled");
    });
    yield();
    EXPECT_EQ(owner.outcome, "returned");
    EXPECT_TRUE(is_free(m));
}

TENDRIL_HUB_TEST(mutex_recursive, can_be_given_up_and_taken_back_at_any_depth) {
    recursive_mutex m;
    m.lock();
    m.lock();
    m.lock();
    EXPECT_EQ(m.unlock_fully(), 3U);
    EXPECT_TRUE(is_free(m));
    m.lock_fully(2);
    m.unlock();
    EXPECT_FALSE(is_free(m));
    m.unlock();
    EXPECT_TRUE(is_free(m));
}

TENDRIL_TEST(mutex_recursive, stops_the_program_when_it_is_destroyed_while_somebody_waits) {
    EXPECT_DEATH(
        run([] {
            auto m = std::make_unique<recursive_mutex>();
            m->lock();
            spawn([&] { m->lock(); });
            yield();
            m.reset();
        }),
        "a recursive_mutex was destroyed while a greenlet waits for it");
}

TENDRIL_HUB_TEST(mutex_recursive, try_lock_for_takes_any_duration) {
    recursive_mutex m;
    event give;
    auto const owner = spawn([&] {
        while (true) {
            std::lock_guard const lock{m};
            give.reset();
            give.wait();
        }
    });
    yield();
    auto const is_locked = [&](auto limit) {
        bool const locked = m.try_lock_for(limit);
        if (locked) {
            m.unlock();
            yield();
        }
        return locked;
    };
    test::expect_no_time_is_enough(clock, is_locked);
    test::expect_an_age_is_enough(is_locked, [&] { give.set(); });
    owner.cancel();
    owner.join();
}
