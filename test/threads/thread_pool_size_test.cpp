// SPDX-License-Identifier: BSL-1.0
//
// How many threads a pool has, and how it ends.
#include <harness/forking.hpp>
#include <harness/tasks.hpp>
#include <tendril/sync/shared.hpp>
#include <tendril/threads/thread_pool.hpp>

#include <atomic>
#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::attempt;
using test::can_go_on_in_a_child;
using test::can_make_threads_in_a_child;
using test::contains;
using test::holds_in_a_child;
using test::misuse_of;
using test::start;
using test::transcript;

// Callers of one pool, whose jobs wait for a word.
struct callers {
    explicit callers(thread_pool& used) : pool{used} {}
    ~callers() { end(); }
    callers(callers const&) = delete;
    callers& operator=(callers const&) = delete;

    void add(std::size_t count) {
        for (std::size_t each = 0; each < count; ++each) {
            tasks.push_back(spawn([this] {
                pool.run([this] {
                    ++begun;
                    go.wait();
                });
            }));
        }
        yield();
    }
    void until_begun(int count) const {
        while (begun != count) {
            std::this_thread::yield();
        }
    }
    void end() {
        go.set();
        for (auto& each : tasks) {
            each.join();
        }
    }

    thread_pool& pool;
    shared_event go;
    std::atomic<int> begun{0};
    std::vector<task<void>> tasks;
};

// Lets the system refuse threads.
class refused_threads {
public:
    refused_threads() {
        detail::make_pool_thread = [](pthread_t*, pthread_attr_t const*, void* (*)(void*), void*) {
            return EAGAIN;
        };
    }
    ~refused_threads() { detail::make_pool_thread = &::pthread_create; }
    refused_threads(refused_threads const&) = delete;
    refused_threads& operator=(refused_threads const&) = delete;
};

// What a call throws that does not go well.
template <typename F>
std::error_code code_of(F&& function) {
    try {
        std::forward<F>(function)();
    } catch (std::system_error const& error) {
        return error.code();
    }
    return {};
}

// Blocks until a pool has so many threads.
void until_size(thread_pool const& pool, std::size_t size) {
    while (pool.size() != size) {
        std::this_thread::yield();
    }
}

}  // namespace

TENDRIL_HUB_TEST(thread_pool_size, threads_are_made_while_there_are_more_jobs_than_threads) {
    thread_pool pool{{.maximum_size = 2}};
    EXPECT_EQ(pool.size(), 0U);
    for (int lap = 0; lap < 10; ++lap) {
        pool.run([] {});
        EXPECT_EQ(pool.size(), 1U);
    }
    callers many{pool};
    many.add(2);
    EXPECT_EQ(pool.size(), 2U);
    many.add(2);
    EXPECT_EQ(pool.size(), 2U);
    EXPECT_EQ(pool.maximum_size(), 2);
}

TENDRIL_HUB_TEST(thread_pool_size, no_threads_at_all_are_refused) {
    for (std::ptrdiff_t const none : {std::ptrdiff_t{0}, std::ptrdiff_t{-1}}) {
        EXPECT_TRUE(contains(misuse_of([&] { thread_pool{{.maximum_size = none}}; }), "one"));
        thread_pool pool{{.maximum_size = 3}};
        EXPECT_TRUE(contains(misuse_of([&] { pool.set_maximum_size(none); }), "one"));
        EXPECT_EQ(pool.maximum_size(), 3);
    }
}

TENDRIL_HUB_TEST(thread_pool_size, a_larger_maximum_starts_what_is_queued) {
    thread_pool pool{{.maximum_size = 1}};
    callers many{pool};
    many.add(3);
    EXPECT_EQ(pool.statistics().queued + pool.statistics().running, 3U);
    EXPECT_EQ(pool.size(), 1U);
    pool.set_maximum_size(3);
    many.until_begun(3);
    EXPECT_EQ(pool.size(), 3U);
}

TENDRIL_HUB_TEST(thread_pool_size, a_larger_maximum_lets_those_in_who_wait_for_room) {
    thread_pool pool{{.maximum_size = 1, .queue_limit = 0}};
    shared_event go;
    task<void> first = pool.spawn([&] { go.wait(); });
    attempt spawner;
    task<int> second;
    start(spawner, [&] { second = pool.spawn([] { return 7; }); });
    yield();
    EXPECT_EQ(spawner.outcome, "waits");
    pool.set_maximum_size(2);
    spawner.run_by.join();
    EXPECT_EQ(second.get(), 7);
    go.set();
    first.get();
}

TENDRIL_HUB_TEST(thread_pool_size, a_smaller_maximum_ends_idle_threads_and_no_jobs) {
    thread_pool pool{{.maximum_size = 3}};
    {
        callers many{pool};
        many.add(3);
        many.until_begun(3);
        EXPECT_EQ(pool.size(), 3U);
        pool.set_maximum_size(1);
        EXPECT_EQ(pool.size(), 3U);
        many.end();
        EXPECT_EQ(pool.statistics().completed, 3U);
    }
    until_size(pool, 1);
    EXPECT_EQ(pool.run([] { return 7; }), 7);
    pool.set_maximum_size(2);
    callers two{pool};
    two.add(2);
    EXPECT_EQ(pool.size(), 2U);
    two.end();
    while (pool.statistics().idle != 2) {
        std::this_thread::yield();
    }
    pool.set_maximum_size(1);
    until_size(pool, 1);
}

TENDRIL_HUB_TEST(thread_pool_size, a_thread_without_jobs_ends_in_time_and_is_made_again) {
    thread_pool pool{{.idle_time = 0s}};
    for (int lap = 0; lap < 20; ++lap) {
        EXPECT_EQ(pool.run([] { return 7; }), 7);
        until_size(pool, 0);
    }
}

TENDRIL_HUB_TEST(thread_pool_size, threads_may_wait_for_jobs_for_ever) {
    thread_pool pool{{.idle_time = std::nullopt}};
    EXPECT_EQ(pool.run([] { return 7; }), 7);
    thread_pool long_waiting{{.idle_time = std::chrono::nanoseconds::max()}};
    EXPECT_EQ(long_waiting.run([] { return 7; }), 7);
}

// When the system gives no thread.

TENDRIL_HUB_TEST(thread_pool_size, a_caller_is_told_when_there_is_no_thread_at_all) {
    thread_pool pool;
    bool ran = false;
    {
        refused_threads const refused;
        auto const code = code_of([&] { pool.run([&] { ran = true; }); });
        EXPECT_EQ(code, std::errc::resource_unavailable_try_again);
        task<void> t = pool.spawn([] {});
        EXPECT_EQ(code_of([&] { t.get(); }), std::errc::resource_unavailable_try_again);
    }
    auto const numbers = pool.statistics();
    EXPECT_EQ(numbers.queued + numbers.running + numbers.threads + numbers.admitted, 0U);
    EXPECT_FALSE(ran);
    EXPECT_EQ(pool.run([] { return 7; }), 7);
}

TENDRIL_HUB_TEST(thread_pool_size, a_job_waits_for_the_threads_there_are_when_there_are_no_more) {
    thread_pool pool{{.maximum_size = 2}};
    callers many{pool};
    many.add(1);
    attempt second;
    {
        refused_threads const refused;
        start(second, [&] { pool.run([] {}); });
        yield();
        EXPECT_EQ(pool.size(), 1U);
        pool.set_maximum_size(3);
        EXPECT_EQ(pool.size(), 1U);
    }
    many.end();
    second.run_by.join();
    EXPECT_EQ(second.outcome, "returned");
}

// The end.

TENDRIL_HUB_TEST(thread_pool_size, close_refuses_what_has_not_begun_and_waits_for_what_runs) {
    thread_pool pool{{.maximum_size = 1, .queue_limit = 0}};
    callers many{pool};
    many.add(1);
    many.until_begun(1);
    attempt queued;
    start(queued, [&] { pool.run([] {}); });
    task<void> room_taken = pool.spawn([] {});
    attempt seeks_room;
    start(seeks_room, [&] { pool.spawn([] {}); });
    yield();
    EXPECT_FALSE(pool.close_for(0s));
    EXPECT_TRUE(pool.closed());
    queued.run_by.join();
    seeks_room.run_by.join();
    EXPECT_TRUE(contains(queued.outcome, "thread_pool"));
    EXPECT_TRUE(contains(seeks_room.outcome, "thread_pool"));
    EXPECT_EQ(code_of([&] { room_taken.get(); }), errc::closed);
    EXPECT_EQ(pool.size(), 1U);
    many.go.set();
    pool.close();
    EXPECT_EQ(pool.size(), 0U);
    EXPECT_EQ(pool.statistics().completed, 1U);
}

TENDRIL_HUB_TEST(thread_pool_size, a_closed_pool_refuses_jobs) {
    thread_pool pool;
    pool.run([] {});
    pool.close();
    pool.close();
    EXPECT_EQ(code_of([&] { pool.run([] {}); }), errc::closed);
    EXPECT_EQ(code_of([&] { pool.spawn([] {}); }), errc::closed);
    EXPECT_EQ(code_of([&] { pool.try_spawn([] {}); }), errc::closed);
    pool.join();
}

TENDRIL_HUB_TEST(thread_pool_size, a_close_that_is_left_has_closed_it) {
    thread_pool pool;
    callers many{pool};
    many.add(1);
    many.until_begun(1);
    attempt closer;
    start(closer, [&] { pool.close(); });
    yield();
    closer.run_by.cancel();
    closer.run_by.join();
    EXPECT_EQ(closer.outcome, "cancelled");
    EXPECT_TRUE(pool.closed());
    many.end();
}

TENDRIL_HUB_TEST(thread_pool_size, its_destruction_waits_for_jobs_and_lets_others_run) {
    shared_event began;
    shared_event go;
    transcript seen;
    std::optional<thread_pool> pool{std::in_place};
    attempt a;
    start(a, [&] {
        pool->run([&] {
            began.set();
            go.wait();
        });
        seen.push_back("has its result");
    });
    began.wait();
    task<void> other = spawn([&] {
        seen.push_back("others run");
        go.set();
    });
    pool.reset();
    other.join();
    a.run_by.join();
    EXPECT_EQ(seen.front(), "others run");
    EXPECT_EQ(seen.back(), "has its result");
}

TENDRIL_HUB_TEST(thread_pool_size, its_destruction_is_not_interrupted) {
    shared_event began;
    shared_event go;
    attempt owner;
    attempt caller;
    start(owner, [&] {
        thread_pool pool;
        start(caller, [&] {
            pool.run([&] {
                began.set();
                go.wait();
            });
        });
        began.wait();
    });
    began.wait();
    yield();
    owner.run_by.cancel();
    yield();
    EXPECT_EQ(owner.outcome, "waits");
    go.set();
    owner.run_by.join();
    caller.run_by.join();
    EXPECT_EQ(caller.outcome, "returned");
}

TENDRIL_HUB_TEST(thread_pool_size, it_may_be_destroyed_in_a_callback) {
    auto pool = std::make_shared<thread_pool>();
    pool->run([] {});
    this_hub().call_soon([kept = std::move(pool)]() mutable { kept.reset(); });
    yield();
}

TENDRIL_HUB_TEST(thread_pool_size, tasks_that_have_not_begun_may_outlive_it) {
    task<void> t;
    {
        thread_pool pool;
        t = pool.spawn([] {});
    }
    EXPECT_EQ(code_of([&] { t.get(); }), errc::closed);
}

// After a fork.

TENDRIL_TEST(thread_pool_size, the_child_of_a_fork_makes_threads_of_its_own) {
    if (!can_make_threads_in_a_child) {
        GTEST_SKIP() << "a sanitizer may be in a lock of its own at the fork";
    }
    auto pool = std::make_unique<thread_pool>(thread_pool_options{.maximum_size = 2});
    shared_event go;
    std::thread busy{[&] { pool->run([&] { go.wait(); }); }};
    until_size(*pool, 1);
    EXPECT_TRUE(holds_in_a_child([&] {
        bool const empty = pool->size() == 0 && pool->maximum_size() == 2;
        bool const works = pool->run([] { return 7; }) == 7 && pool->size() == 1;
        pool->close();
        pool.reset();
        return empty && works;
    }));
    EXPECT_TRUE(holds_in_a_child([&] {
        // It waits for no thread of its parent.
        pool.reset();
        return true;
    }));
    go.set();
    busy.join();
    EXPECT_EQ(pool->run([] { return 8; }), 8);
}

TENDRIL_TEST(thread_pool_size, a_job_that_forks_can_go_on_in_the_child) {
    if (!can_go_on_in_a_child) {
        GTEST_SKIP() << "ThreadSanitizer ends the child of a process with threads";
    }
    thread_pool pool;
    EXPECT_TRUE(pool.run(
        [&] { return holds_in_a_child([&] { return pool.run([] { return 7; }) == 7; }); }));
}
