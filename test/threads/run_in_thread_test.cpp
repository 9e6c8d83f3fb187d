// SPDX-License-Identifier: BSL-1.0
#include <harness/tasks.hpp>
#include <tendril/sync/shared.hpp>
#include <tendril/threads/run_in_thread.hpp>

#include <cstdlib>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::attempt;
using test::misuse_of;
using test::outcome_of;
using test::start;

}  // namespace

TENDRIL_HUB_TEST(run_in_thread, calls_a_function_in_a_thread_of_the_process) {
    auto const here = std::this_thread::get_id();
    EXPECT_NE(run_in_thread([] { return std::this_thread::get_id(); }), here);
    EXPECT_EQ(
        *run_in_thread([](std::unique_ptr<int> each) { return each; }, std::make_unique<int>(7)),
        7);
    EXPECT_EQ(outcome_of([] { run_in_thread([] { throw std::string{"word"}; }); }), "word");
    EXPECT_EQ(
        run_in_thread(
            {.abandon_on_cancel = true}, [](int a) { return a; }, 7),
        7);
}

TENDRIL_HUB_TEST(run_in_thread, has_one_pool_with_a_bound_for_all) {
    thread_pool& pool = default_thread_pool();
    EXPECT_EQ(&pool, &default_thread_pool());
    EXPECT_EQ(pool.maximum_size(), 10);
    auto const before = pool.statistics().completed;
    run_in_thread([] {});
    pool.join();
    EXPECT_EQ(pool.statistics().completed, before + 1);
}

TENDRIL_TEST(run_in_thread, jobs_that_are_left_when_the_process_ends_do_no_harm) {
    auto const end = [] {
        default_thread_pool().set_maximum_size(1);
        shared_event& began = *new shared_event;
        shared_event& never = *new shared_event;
        for (int each = 0; each < 3; ++each) {
            std::thread{[&] {
                run_in_thread([&] {
                    began.set();
                    never.wait();
                });
            }}.detach();
        }
        began.wait();
        while (default_thread_pool().statistics().queued != 2) {
            std::this_thread::yield();
        }
        std::exit(7);
    };
    // In a process of its own, and not in the child of a fork, which would find a pool that others
    // have used.
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(end(), ::testing::ExitedWithCode(7), "");
}

// Futures of the standard library.

TENDRIL_HUB_TEST(run_in_thread, waits_for_a_standard_future_and_others_run_meanwhile) {
    std::promise<int> promise;
    task<int> t = spawn([&] { return wait_for_result(promise.get_future()); });
    yield();
    EXPECT_FALSE(t.done());
    promise.set_value(7);
    EXPECT_EQ(t.get(), 7);
}

TENDRIL_HUB_TEST(run_in_thread, a_future_that_is_ready_needs_no_thread) {
    thread_pool pool;
    std::promise<std::unique_ptr<int>> promise;
    promise.set_value(std::make_unique<int>(7));
    EXPECT_EQ(*wait_for_result(promise.get_future(), pool), 7);
    EXPECT_EQ(pool.size(), 0U);
}

TENDRIL_HUB_TEST(run_in_thread, a_future_may_have_an_error_or_no_result) {
    thread_pool pool;
    std::promise<void> promise;
    attempt a;
    start(a, [&] { wait_for_result(promise.get_future(), pool); });
    yield();
    promise.set_exception(std::make_exception_ptr(std::string{"broken"}));
    a.run_by.join();
    EXPECT_EQ(a.outcome, "broken");
    EXPECT_NE(misuse_of([] { wait_for_result(std::future<int>{}); }), "");
}

TENDRIL_HUB_TEST(run_in_thread, a_shared_future_serves_many) {
    thread_pool pool;
    std::promise<std::string> promise;
    std::shared_future<std::string> const shared{promise.get_future()};
    task<std::string> a = spawn([&] { return wait_for_result(shared, pool); });
    task<std::string> b = spawn([&] { return wait_for_result(shared, pool); });
    yield();
    promise.set_value("result");
    EXPECT_EQ(a.get(), "result");
    EXPECT_EQ(b.get(), "result");
    EXPECT_EQ(wait_for_result(shared, pool), "result");
}

TENDRIL_HUB_TEST(run_in_thread, a_deferred_future_is_called_in_a_thread) {
    thread_pool pool;
    auto deferred = std::async(std::launch::deferred, [] { return std::this_thread::get_id(); });
    EXPECT_NE(wait_for_result(std::move(deferred), pool), std::this_thread::get_id());
}

TENDRIL_HUB_TEST(run_in_thread, one_that_is_cancelled_leaves_the_future_to_the_thread) {
    thread_pool pool;
    std::promise<int> promise;
    attempt a;
    start(a, [&] { wait_for_result(promise.get_future(), pool); });
    while (pool.statistics().running == 0) {
        yield();
    }
    a.run_by.cancel();
    a.run_by.join();
    EXPECT_EQ(a.outcome, "cancelled");
    promise.set_value(7);
    pool.join();
}
