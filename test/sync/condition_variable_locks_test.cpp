// SPDX-License-Identifier: BSL-1.0
//
// What a condition variable does with locks of every kind.
#include <harness/tasks.hpp>
#include <tendril/sync/condition_variable.hpp>
#include <tendril/sync/shared_mutex.hpp>

#include <mutex>
#include <shared_mutex>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::attempt;
using test::contains;
using test::misuse_of;
using test::outcome_of;
using test::start;
using test::transcript;

}  // namespace

TENDRIL_HUB_TEST(condition_variable_locks, a_mutex_itself_is_a_lock) {
    tendril::mutex m;
    condition_variable_any changed;
    attempt waiting;
    start(waiting, [&] {
        m.lock();
        changed.wait(m);
        m.unlock();
    });
    yield();
    EXPECT_TRUE(m.try_lock());
    m.unlock();
    changed.notify_one();
    yield();
    EXPECT_EQ(waiting.outcome, "returned");
}

TENDRIL_HUB_TEST(condition_variable_locks, one_who_reads_can_wait) {
    tendril::shared_mutex m;
    condition_variable_any changed;
    attempt waiting;
    start(waiting, [&] {
        std::shared_lock lock{m};
        changed.wait(lock);
        EXPECT_EQ(m.readers(), 1U);
    });
    yield();
    EXPECT_TRUE(m.try_lock());
    m.unlock();
    changed.notify_one();
    yield();
    EXPECT_EQ(waiting.outcome, "returned");
}

TENDRIL_HUB_TEST(
    condition_variable_locks, a_recursive_mutex_is_given_up_however_often_it_is_owned) {
    tendril::recursive_mutex m;
    tendril::condition_variable changed;
    attempt waiting;
    start(waiting, [&] {
        std::lock_guard const outer{m};
        std::unique_lock lock{m};
        changed.wait(lock);
        EXPECT_TRUE(lock.owns_lock());
        lock.unlock();
        EXPECT_TRUE(m.owned_by_caller());
    });
    yield();
    EXPECT_TRUE(m.try_lock());
    m.unlock();
    changed.notify_one();
    yield();
    EXPECT_EQ(waiting.outcome, "returned");
    EXPECT_TRUE(m.try_lock());
    m.unlock();
}

TENDRIL_HUB_TEST(
    condition_variable_locks, a_killed_waiter_owns_a_recursive_mutex_as_often_as_before) {
    tendril::recursive_mutex m;
    tendril::condition_variable changed;
    transcript seen;
    task<void> const waiting = spawn([&] {
        m.lock();
        m.lock();
        seen.push_back(outcome_of([&] { changed.wait(m); }));
        m.unlock();
        seen.push_back(m.owned_by_caller() ? "owner" : "not owner");
        m.unlock();
        seen.push_back(outcome_of([&] { m.unlock(); }));
    });
    yield();
    m.lock();
    waiting.kill();
    yield();
    waiting.cancel();
    yield();
    m.unlock();
    yield();
    EXPECT_EQ(seen, (transcript{"exit", "owner", "misuse"}));
}

TENDRIL_HUB_TEST(condition_variable_locks, a_lock_that_is_not_locked_is_refused) {
    tendril::mutex m;
    tendril::recursive_mutex recursive;
    tendril::condition_variable changed;
    std::unique_lock lock{m, std::defer_lock};
    EXPECT_TRUE(contains(misuse_of([&] { changed.wait(lock); }), "not locked"));
    std::unique_lock other{recursive, std::defer_lock};
    EXPECT_TRUE(contains(misuse_of([&] { changed.wait(other); }), "not locked"));
    EXPECT_EQ(outcome_of([&] { changed.wait(m); }), "misuse");
    EXPECT_EQ(outcome_of([&] { changed.wait(recursive); }), "misuse");
    EXPECT_TRUE(m.try_lock());
    m.unlock();
}

TENDRIL_HUB_TEST(condition_variable_locks, the_lock_of_another_greenlet_is_refused) {
    tendril::mutex m;
    tendril::condition_variable changed;
    m.lock();
    attempt other;
    start(other, [&] { changed.wait(m); });
    yield();
    EXPECT_EQ(other.outcome, "misuse");
    EXPECT_TRUE(m.owned_by_caller());
    m.unlock();
}
