// SPDX-License-Identifier: BSL-1.0
#include <harness/tasks.hpp>
#include <tendril/hub/no_switch.hpp>
#include <tendril/sync/shared.hpp>
#include <tendril/threads/thread_pool.hpp>

#include <pthread.h>

#include <csignal>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::attempt;
using test::misuse_of;
using test::outcome_of;
using test::start;

}  // namespace

// What run gives back.

TENDRIL_HUB_TEST(thread_pool, run_returns_what_the_function_returns_on_another_thread) {
    thread_pool pool;
    auto const here = std::this_thread::get_id();
    EXPECT_NE(pool.run([] { return std::this_thread::get_id(); }), here);
    EXPECT_EQ(pool.run([](int a, int b) { return a + b; }, 3, 4), 7);
    EXPECT_EQ(pool.run(&std::string::size, std::string{"four"}), 4U);
}

TENDRIL_HUB_TEST(thread_pool, run_takes_functions_without_a_result) {
    thread_pool pool;
    bool ran = false;
    pool.run([&] { ran = true; });
    EXPECT_TRUE(ran);
}

TENDRIL_HUB_TEST(thread_pool, run_gives_results_and_takes_arguments_that_can_only_be_moved) {
    thread_pool pool;
    auto given = std::make_unique<int>(7);
    auto const got = pool.run([](std::unique_ptr<int> each) { return each; }, std::move(given));
    EXPECT_EQ(*got, 7);
    auto const left = pool.run(
        {.abandon_on_cancel = true}, [](std::unique_ptr<int> each) { return each; },
        std::make_unique<int>(8));
    EXPECT_EQ(*left, 8);
}

TENDRIL_HUB_TEST(thread_pool, run_uses_the_callers_own_objects) {
    thread_pool pool;
    std::vector<int> numbers{1, 2};
    auto const* const where = pool.run(
        [](std::vector<int>& given) {
            given.push_back(3);
            return given.data();
        },
        numbers);
    EXPECT_EQ(where, numbers.data());
    EXPECT_EQ(numbers.size(), 3U);
}

TENDRIL_HUB_TEST(thread_pool, run_throws_what_the_function_throws) {
    thread_pool pool;
    EXPECT_EQ(outcome_of([&] { pool.run([] { throw std::string{"word"}; }); }), "word");
    EXPECT_EQ(
        outcome_of([&] { pool.run([]() -> int { throw std::runtime_error{"broken"}; }); }),
        "broken");
    EXPECT_EQ(outcome_of([&] { pool.run([] { throw cancelled{}; }); }), "cancelled");
    EXPECT_EQ(pool.run([] { return 1; }), 1);
}

TENDRIL_HUB_TEST(thread_pool, others_run_while_a_greenlet_waits_for_its_job) {
    thread_pool pool;
    shared_event go;
    task<int> t = spawn([&] {
        return pool.run([&] {
            go.wait();
            return 7;
        });
    });
    yield();
    EXPECT_FALSE(t.done());
    go.set();
    EXPECT_EQ(t.get(), 7);
}

TENDRIL_HUB_TEST(thread_pool, a_clock_that_could_jump_stands_still_while_a_job_runs) {
    thread_pool pool;
    shared_event go;
    task<void> sleeper = spawn([&] { sleep_for(1h); });
    task<void> t = spawn([&] { pool.run([&] { go.wait(); }); });
    std::thread other{[&] {
        while (pool.statistics().running == 0) {
            std::this_thread::yield();
        }
        go.set();
    }};
    t.join();
    EXPECT_EQ(clock.elapsed(), 0s);
    other.join();
    sleeper.join();
    EXPECT_EQ(clock.elapsed(), 1h);
}

TENDRIL_HUB_TEST(thread_pool, a_job_that_ends_its_thread_is_an_error_and_the_pool_goes_on) {
    thread_pool pool{{.maximum_size = 1}};
    attempt ended;
    attempt next;
    start(ended, [&] { pool.run([] { ::pthread_exit(nullptr); }); });
    start(next, [&] { pool.run([] {}); });
    ended.run_by.join();
    next.run_by.join();
    EXPECT_EQ(ended.outcome, "a job has ended its thread and so has no result");
    EXPECT_EQ(next.outcome, "returned");
}

// Where run may be called.

TENDRIL_HUB_TEST(thread_pool, run_in_a_callback_is_misuse_and_the_job_never_runs) {
    thread_pool pool;
    std::string outcome;
    bool ran = false;
    this_hub().call_soon([&] { outcome = outcome_of([&] { pool.run([&] { ran = true; }); }); });
    yield();
    EXPECT_EQ(outcome, "misuse");
    pool.join();
    EXPECT_FALSE(ran);
}

TENDRIL_TEST(thread_pool, a_thread_without_a_hub_blocks_and_gets_no_hub) {
    thread_pool pool;
    EXPECT_EQ(pool.run([] { return 7; }), 7);
    EXPECT_EQ(outcome_of([&] { pool.run([] { throw std::string{"word"}; }); }), "word");
    pool.join();
    EXPECT_EQ(this_thread().loop, nullptr);
}

TENDRIL_HUB_TEST(thread_pool, a_job_that_calls_into_its_own_pool_makes_the_call_itself) {
    thread_pool pool{{.maximum_size = 1}};
    bool same = false;
    pool.run([&] {
        auto const outer = std::this_thread::get_id();
        pool.run([&] { same = std::this_thread::get_id() == outer; });
    });
    EXPECT_TRUE(same);
}

TENDRIL_HUB_TEST(thread_pool, a_job_may_spawn_and_map_in_its_own_pool) {
    thread_pool pool{{.maximum_size = 1, .queue_limit = 0}};
    task<int> t = pool.spawn([&] {
        std::vector<int> const numbers{1, 2, 3};
        auto const doubled = pool.map(numbers, [](int each) { return 2 * each; });
        return std::accumulate(doubled.begin(), doubled.end(), 0) +
            pool.spawn([] { return 30; }).get();
    });
    EXPECT_EQ(t.get(), 42);
}

TENDRIL_HUB_TEST(thread_pool, a_job_may_use_another_pool) {
    thread_pool outer{{.maximum_size = 1}};
    thread_pool inner{{.maximum_size = 1}};
    EXPECT_EQ(outer.run([&] { return inner.run([] { return 7; }); }), 7);
}

TENDRIL_HUB_TEST(thread_pool, a_hub_that_a_job_has_made_ends_with_its_thread) {
    bool destroyed = false;
    {
        thread_pool pool{{.maximum_size = 1}};
        pool.run([&] {
            struct note {
                bool& destroyed;
                ~note() { destroyed = true; }
            };
            this_hub().call_later(1h, [kept = std::make_shared<note>(destroyed)] {});
        });
    }
    EXPECT_TRUE(destroyed);
}

TENDRIL_HUB_TEST(thread_pool, its_threads_take_no_signals_and_have_a_name) {
    thread_pool pool{{.name = "a name that is much too long"}};
    pool.run([] {
        sigset_t blocked;
        ::pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
        EXPECT_EQ(::sigismember(&blocked, SIGINT), 1);
        EXPECT_EQ(::sigismember(&blocked, SIGUSR1), 1);
        char name[16] = {};
        ::pthread_getname_np(::pthread_self(), name, sizeof name);
        EXPECT_EQ(std::string_view{name}, "a name that is ");
    });
    sigset_t mine;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &mine);
    EXPECT_EQ(::sigismember(&mine, SIGUSR1), 0);
}

// Tasks and room.

TENDRIL_HUB_TEST(thread_pool, spawn_gives_a_task_with_the_result_of_the_job) {
    thread_pool pool;
    task<int> t = pool.spawn([](int a) { return a + 1; }, 6);
    EXPECT_EQ(t.get(), 7);
    task<void> failed = pool.spawn([] { throw std::string{"word"}; });
    EXPECT_EQ(outcome_of([&] { failed.get(); }), "word");
}

TENDRIL_HUB_TEST(thread_pool, spawn_waits_for_room_and_the_thread_does_not) {
    thread_pool pool{{.maximum_size = 1, .queue_limit = 1}};
    shared_event go;
    std::vector<task<void>> tasks;
    attempt spawner;
    start(spawner, [&] {
        for (int each = 0; each < 3; ++each) {
            tasks.push_back(pool.spawn([&] { go.wait(); }));
        }
    });
    yield();
    EXPECT_EQ(tasks.size(), 2U);
    EXPECT_EQ(pool.statistics().admitted, 2U);
    EXPECT_FALSE(pool.try_spawn([] {}).valid());
    go.set();
    spawner.run_by.join();
    EXPECT_EQ(tasks.size(), 3U);
    for (auto& each : tasks) {
        each.get();
    }
    EXPECT_EQ(pool.statistics().admitted, 0U);
    pool.try_spawn([] {}).get();
}

TENDRIL_HUB_TEST(thread_pool, one_cancelled_while_it_waits_for_room_takes_none) {
    thread_pool pool{{.maximum_size = 1, .queue_limit = 0}};
    shared_event go;
    task<void> first = pool.spawn([&] { go.wait(); });
    attempt spawner;
    start(spawner, [&] { pool.spawn([] {}); });
    yield();
    spawner.run_by.cancel();
    spawner.run_by.join();
    EXPECT_EQ(spawner.outcome, "cancelled");
    EXPECT_EQ(pool.statistics().admitted, 1U);
    go.set();
    first.get();
    EXPECT_EQ(pool.statistics().admitted, 0U);
}

TENDRIL_HUB_TEST(thread_pool, a_task_cancelled_before_it_begins_gives_its_room_back) {
    thread_pool pool{{.maximum_size = 1, .queue_limit = 0}};
    bool ran = false;
    task<void> t = pool.spawn([&] { ran = true; });
    t.cancel();
    t.join();
    EXPECT_FALSE(ran);
    EXPECT_EQ(pool.statistics().admitted, 0U);
    EXPECT_EQ(pool.statistics().threads, 0U);
}

TENDRIL_HUB_TEST(thread_pool, map_returns_the_results_in_the_order_of_the_range) {
    thread_pool pool{{.maximum_size = 3}};
    std::vector<int> const numbers{1, 2, 3, 4, 5, 6, 7};
    auto const doubled = pool.map(numbers, [](int const& each) { return 2 * each; });
    EXPECT_EQ(doubled, (std::vector<int>{2, 4, 6, 8, 10, 12, 14}));
    auto const owned = pool.map(
        std::views::iota(0, 3), [](int each) { return std::make_unique<int>(each); });
    EXPECT_EQ(*owned.at(2), 2);
    std::vector<int> changed{1, 2};
    pool.map(changed, [](int& each) { ++each; });
    EXPECT_EQ(changed, (std::vector<int>{2, 3}));
}

TENDRIL_HUB_TEST(thread_pool, map_throws_the_first_error_in_order_and_leaves_no_job_behind) {
    thread_pool pool{{.maximum_size = 2}};
    std::vector<int> const numbers{0, 1, 2, 3, 4, 5};
    std::atomic<int> inside{0};
    auto const failing = [&](int each) {
        ++inside;
        scope_exit const left{[&] { --inside; }};
        if (each > 1) {
            throw std::to_string(each);
        }
    };
    EXPECT_EQ(outcome_of([&] { pool.map(numbers, failing); }), "2");
    EXPECT_EQ(inside, 0);
    EXPECT_EQ(pool.statistics().admitted, 0U);
}

TENDRIL_HUB_TEST(thread_pool, join_waits_for_all_jobs) {
    thread_pool pool{{.maximum_size = 2}};
    std::atomic<int> ended{0};
    shared_event go;
    std::vector<task<void>> tasks;
    for (int each = 0; each < 3; ++each) {
        tasks.push_back(pool.spawn([&] {
            go.wait();
            ++ended;
        }));
    }
    yield();
    EXPECT_FALSE(pool.join_for(0s));
    go.set();
    pool.join();
    EXPECT_EQ(ended, 3);
}

TENDRIL_HUB_TEST(thread_pool, joining_or_closing_it_in_a_job_of_its_own_is_misuse) {
    thread_pool pool;
    EXPECT_NE(misuse_of([&] { pool.run([&] { pool.join(); }); }), "");
    EXPECT_NE(misuse_of([&] { pool.run([&] { pool.close(); }); }), "");
    EXPECT_FALSE(pool.closed());
}

// Two hubs.

TENDRIL_TEST(thread_pool, hubs_of_several_threads_share_one) {
    thread_pool pool{{.maximum_size = 2}};
    std::vector<std::thread> hubs;
    std::atomic<int> sum{0};
    for (int hub = 0; hub < 3; ++hub) {
        hubs.emplace_back([&] {
            run([&] {
                auto const home = std::this_thread::get_id();
                std::vector<task<void>> tasks;
                for (int each = 0; each < 50; ++each) {
                    tasks.push_back(spawn([&] {
                        sum += pool.run([] { return 1; });
                        EXPECT_EQ(std::this_thread::get_id(), home);
                    }));
                    tasks.push_back(pool.spawn([&] { ++sum; }));
                }
                for (auto& each : tasks) {
                    each.get();
                }
            });
        });
    }
    for (std::thread& each : hubs) {
        each.join();
    }
    EXPECT_EQ(sum, 300);
    EXPECT_EQ(pool.statistics().completed, 300U);
    EXPECT_LE(pool.size(), 2U);
}

TENDRIL_HUB_TEST(thread_pool, map_where_nobody_may_wait_is_misuse_and_calls_nothing) {
    thread_pool pool;
    std::vector<int> const items{1, 2};
    no_switch const nobody_else;
    EXPECT_EQ(outcome_of([&] { pool.map(items, [](int) {}); }), "misuse");
    EXPECT_EQ(pool.statistics().admitted, 0U);
}
