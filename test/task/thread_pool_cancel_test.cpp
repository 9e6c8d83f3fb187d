// SPDX-License-Identifier: BSL-1.0
//
// Callers that are asked to leave before, while and after their job runs.
#include <harness/tasks.hpp>
#include <tendril/sync/shared.hpp>
#include <tendril/task/thread_pool.hpp>

#include <memory>
#include <string>
#include <thread>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::attempt;
using test::outcome_of;
using test::start;
using test::transcript;

// A pool with one thread, which is busy until `go` is set.
struct busy_pool {
    busy_pool() {
        start(holder, [this] {
            pool.run([this] {
                began.set();
                go.wait();
            });
        });
        began.wait();
    }
    ~busy_pool() {
        go.set();
        holder.run_by.join();
    }
    busy_pool(busy_pool const&) = delete;
    busy_pool& operator=(busy_pool const&) = delete;

    shared_event began;
    shared_event go;
    thread_pool pool{{.maximum_size = 1}};
    attempt holder;
};

// Notes how a job ends for its caller, and how the caller's next park does.
template <typename F>
task<void> spawn_noting(transcript& seen, F function) {
    return spawn([&seen, function = std::move(function)] {
        seen.push_back(outcome_of(function));
        seen.push_back(test::sleep_outcome());
    });
}

}  // namespace

// Before it begins.

TENDRIL_HUB_TEST(thread_pool_cancel, before_the_job_begins_the_caller_leaves_and_it_never_runs) {
    busy_pool busy;
    bool ran = false;
    attempt a;
    start(a, [&] { busy.pool.run([&] { ran = true; }); });
    yield();
    EXPECT_EQ(busy.pool.statistics().queued, 1U);
    a.run_by.cancel();
    a.run_by.join();
    EXPECT_EQ(a.outcome, "cancelled");
    EXPECT_EQ(busy.pool.statistics().queued, 0U);
    busy.go.set();
    busy.pool.join();
    EXPECT_FALSE(ran);
}

TENDRIL_HUB_TEST(thread_pool_cancel, a_kill_before_the_job_begins_is_thrown_and_others_keep_turns) {
    busy_pool busy;
    attempt killed;
    attempt next;
    start(killed, [&] { busy.pool.run([] {}); });
    start(next, [&] { busy.pool.run([] {}); });
    yield();
    killed.run_by.kill(std::string{"killed"});
    killed.run_by.join();
    EXPECT_EQ(killed.outcome, "killed");
    busy.go.set();
    next.run_by.join();
    EXPECT_EQ(next.outcome, "returned");
}

TENDRIL_HUB_TEST(thread_pool_cancel, a_limit_before_the_job_begins_takes_it_back) {
    busy_pool busy;
    bool ran = false;
    attempt a;
    start(a, [&] {
        timeout const limit{1s};
        busy.pool.run([&] { ran = true; });
    });
    yield();
    // While a job runs, this clock moves only by hand.
    clock.advance(2s);
    a.run_by.join();
    EXPECT_EQ(a.outcome, "timed out");
    EXPECT_FALSE(ran);
}

TENDRIL_HUB_TEST(thread_pool_cancel, what_is_pending_comes_before_a_job_is_queued) {
    thread_pool pool;
    bool ran = false;
    attempt a;
    start(a, [&] {
        a.run_by.cancel();
        pool.run([&] { ran = true; });
    });
    a.run_by.join();
    EXPECT_EQ(a.outcome, "cancelled");
    EXPECT_FALSE(ran);
    EXPECT_EQ(pool.size(), 0U);
}

TENDRIL_HUB_TEST(thread_pool_cancel, a_job_that_may_be_abandoned_is_destroyed_when_it_never_runs) {
    busy_pool busy;
    auto const kept = std::make_shared<int>(1);
    attempt a;
    start(a, [&] { busy.pool.run({.abandon_on_cancel = true}, [kept] {}); });
    yield();
    EXPECT_GT(kept.use_count(), 2);
    a.run_by.cancel();
    a.run_by.join();
    EXPECT_EQ(a.outcome, "cancelled");
    a.run_by = {};
    EXPECT_EQ(kept.use_count(), 1);
}

// While it runs.

TENDRIL_HUB_TEST(thread_pool_cancel, while_the_job_runs_the_caller_waits_and_has_the_result) {
    thread_pool pool;
    shared_event began;
    shared_event go;
    transcript seen;
    int got = 0;
    task<void> t = spawn_noting(seen, [&] {
        got = pool.run([&] {
            began.set();
            go.wait();
            return 7;
        });
    });
    began.wait();
    t.cancel();
    yield();
    EXPECT_FALSE(t.done());
    go.set();
    t.join();
    EXPECT_EQ(seen, (transcript{"returned", "cancelled"}));
    EXPECT_EQ(got, 7);
}

TENDRIL_HUB_TEST(thread_pool_cancel, a_kill_and_an_exit_wait_for_the_end_of_the_job_as_well) {
    thread_pool pool;
    for (bool const exits : {false, true}) {
        shared_event began;
        shared_event go;
        transcript seen;
        task<void> t = spawn_noting(seen, [&] {
            pool.run([&] {
                began.set();
                go.wait();
            });
        });
        began.wait();
        exits ? t.kill() : t.kill(std::string{"killed"});
        yield();
        EXPECT_TRUE(seen.empty());
        go.set();
        t.join();
        EXPECT_EQ(seen, (transcript{"returned", exits ? "exit" : "killed"}));
    }
}

TENDRIL_HUB_TEST(thread_pool_cancel, the_job_can_ask_whether_its_caller_wants_to_leave) {
    thread_pool pool;
    shared_event began;
    transcript seen;
    bool first = true;
    task<void> t = spawn_noting(seen, [&] {
        pool.run([&] {
            first = job_cancelled();
            began.set();
            while (!job_cancelled()) {
                std::this_thread::yield();
            }
        });
    });
    began.wait();
    EXPECT_FALSE(first);
    t.cancel();
    t.join();
    EXPECT_EQ(seen, (transcript{"returned", "cancelled"}));
    EXPECT_FALSE(job_cancelled());
}

TENDRIL_HUB_TEST(thread_pool_cancel, an_error_of_the_job_comes_before_what_is_pending) {
    thread_pool pool;
    shared_event began;
    shared_event go;
    transcript seen;
    task<void> t = spawn_noting(seen, [&] {
        pool.run([&] {
            began.set();
            go.wait();
            throw std::string{"broken"};
        });
    });
    began.wait();
    t.cancel();
    yield();
    go.set();
    t.join();
    EXPECT_EQ(seen, (transcript{"broken", "cancelled"}));
}

TENDRIL_HUB_TEST(thread_pool_cancel, a_limit_while_the_job_runs_comes_at_the_next_park) {
    thread_pool pool;
    shared_event began;
    shared_event go;
    transcript seen;
    task<void> t = spawn([&] {
        timeout const limit{1s};
        seen.push_back(outcome_of([&] {
            pool.run([&] {
                began.set();
                go.wait();
            });
        }));
        seen.push_back(test::sleep_outcome());
    });
    began.wait();
    clock.advance(2s);
    yield();
    yield();
    EXPECT_TRUE(seen.empty());
    go.set();
    t.join();
    EXPECT_EQ(seen, (transcript{"returned", "timed out"}));
}

TENDRIL_HUB_TEST(thread_pool_cancel, a_caller_that_may_abandon_its_job_leaves_at_once) {
    thread_pool pool;
    shared_event began;
    shared_event go;
    shared_event over;
    auto const kept = std::make_shared<int>(1);
    attempt a;
    start(a, [&pool, &began, &go, &over, kept] {
        pool.run({.abandon_on_cancel = true}, [&began, &go, &over, kept] {
            began.set();
            go.wait();
            EXPECT_TRUE(job_cancelled());
            over.set();
            return std::string{"nobody wants this"};
        });
    });
    began.wait();
    a.run_by.cancel();
    a.run_by.join();
    EXPECT_EQ(a.outcome, "cancelled");
    EXPECT_FALSE(over.is_set());
    a.run_by = {};
    EXPECT_EQ(kept.use_count(), 2);
    go.set();
    over.wait();
    pool.join();
    pool.close();
    EXPECT_EQ(kept.use_count(), 1);
}

TENDRIL_HUB_TEST(thread_pool_cancel, the_error_of_an_abandoned_job_is_dropped) {
    transcript errors;
    test::collect_errors(errors);
    thread_pool pool;
    shared_event began;
    shared_event go;
    attempt a;
    start(a, [&] {
        pool.run({.abandon_on_cancel = true}, [&] {
            began.set();
            go.wait();
            throw std::string{"lost"};
        });
    });
    began.wait();
    a.run_by.cancel();
    a.run_by.join();
    go.set();
    pool.join();
    yield();
    EXPECT_TRUE(errors.empty());
}

// After it has ended.

TENDRIL_HUB_TEST(thread_pool_cancel, after_the_job_has_ended_the_caller_has_the_result) {
    for (bool const may_abandon : {false, true}) {
        thread_pool pool;
        transcript seen;
        int got = 0;
        task<void> t = spawn_noting(
            seen, [&] { got = pool.run({.abandon_on_cancel = may_abandon}, [] { return 7; }); });
        // The letter is in the mailbox, and the hub has not looked.
        while (!t.done() && pool.statistics().completed == 0) {
            if (pool.statistics().threads == 0) {
                yield();
            }
        }
        t.cancel();
        t.join();
        EXPECT_EQ(seen, (transcript{"returned", "cancelled"}));
        EXPECT_EQ(got, 7);
    }
}

// The end of the hub.

TENDRIL_TEST(thread_pool_cancel, a_hub_that_closes_waits_for_a_job_that_runs) {
    thread_pool pool{{.maximum_size = 1}};
    shared_event began;
    shared_event go;
    bool ran = false;
    std::string running = "nothing";
    std::string queued = "nothing";
    std::thread other{[&] {
        began.wait();
        while (pool.statistics().queued != 0) {
            std::this_thread::yield();
        }
        go.set();
    }};
    run([&] {
        spawn([&] {
            running = outcome_of([&] {
                pool.run([&] {
                    while (pool.statistics().queued == 0) {
                        std::this_thread::yield();
                    }
                    began.set();
                    go.wait();
                });
            });
        });
        spawn([&] { queued = outcome_of([&] { pool.run([&] { ran = true; }); }); });
        began.wait();
    });
    other.join();
    EXPECT_EQ(running, "returned");
    EXPECT_EQ(queued, "exit");
    EXPECT_FALSE(ran);
}

TENDRIL_TEST(thread_pool_cancel, a_result_that_comes_after_the_hub_has_closed_is_dropped) {
    thread_pool pool;
    shared_event began;
    shared_event go;
    std::string outcome = "nothing";
    run([&] {
        spawn([&] {
            outcome = outcome_of([&] {
                pool.run({.abandon_on_cancel = true}, [&] {
                    began.set();
                    go.wait();
                });
            });
        });
        began.wait();
    });
    EXPECT_EQ(outcome, "exit");
    go.set();
    pool.join();
    EXPECT_EQ(pool.statistics().completed, 1U);
}
