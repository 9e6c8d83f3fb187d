// SPDX-License-Identifier: BSL-1.0
//
// The matrix of kills for calls that wait for threads. A cell is one call, and one way to end it
// while it waits. Either the call ends with the wish at once, or it waits on, has its result, and
// the wish comes at the next park. Nothing of the call is left in the pool. (The matrix of the
// lower floors lets time pass, and this clock stands still while a job runs.)
#include <harness/tasks.hpp>
#include <tendril/sync/shared.hpp>
#include <tendril/task/run_in_thread.hpp>
#include <tendril/task/thread_pool.hpp>

#include <atomic>
#include <functional>
#include <future>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::outcome_of;
using test::transcript;
using test::virtual_clock;

// A pool with one thread, and what a cell may wait for.
struct pool_world {
    thread_pool pool{{.maximum_size = 1, .queue_limit = 0}};
    shared_event go;
    std::promise<int> promise;
    std::atomic<int> calls{0};
};

struct pool_call {
    std::string name;
    // Whether the thread is busy before.
    bool held;
    bool waits_on;
    // How often the job of the call has run when all is over.
    int calls;
    std::function<void(pool_world&)> make;
};

void count_and_wait(pool_world& in) {
    ++in.calls;
    in.go.wait();
}

std::vector<pool_call> calls_of_pools() {
    auto const run = [](pool_world& in) { in.pool.run([&in] { count_and_wait(in); }); };
    auto const abandon = [](pool_world& in) {
        in.pool.run({.abandon_on_cancel = true}, [&in] { count_and_wait(in); });
    };
    return {
        {"run, queued", true, false, 0, run},
        {"run, running", false, true, 1, run},
        {"run that may be abandoned, queued", true, false, 0, abandon},
        {"run that may be abandoned, running", false, false, 1, abandon},
        {"spawn without room", true, false, 0,
         [](pool_world& in) { in.pool.spawn([&in] { count_and_wait(in); }); }},
        {"join", true, false, 0, [](pool_world& in) { in.pool.join(); }},
        {"close", true, false, 0, [](pool_world& in) { in.pool.close(); }},
        {"map, running", false, true, 1,
         [](pool_world& in) {
             std::vector<int> const numbers{1, 2, 3};
             in.pool.map(numbers, [&](int) { count_and_wait(in); });
         }},
        {"wait_for_result", false, false, 0,
         [](pool_world& in) { wait_for_result(in.promise.get_future(), in.pool); }},
    };
}

struct pool_wish {
    std::string word;
    std::function<void(task<void> const&, virtual_clock&)> send;
};

std::vector<pool_wish> wishes_for_callers() {
    return {
        {"cancelled", [](task<void> const& to, virtual_clock&) { to.cancel(); }},
        {"killed", [](task<void> const& to, virtual_clock&) { to.kill(std::string{"killed"}); }},
        {"exit", [](task<void> const& to, virtual_clock&) { to.kill(); }},
        {"timed out", [](task<void> const&, virtual_clock& clock) { clock.advance(2h); }},
    };
}

void until_running(pool_world const& world) {
    while (world.pool.statistics().running == 0) {
        yield();
    }
}

void try_pool_cell(pool_call const& call, pool_wish const& wish, virtual_clock& clock) {
    pool_world world;
    task<void> holder;
    if (call.held) {
        holder = world.pool.spawn([&] { world.go.wait(); });
        until_running(world);
    }
    transcript seen;
    task<void> caller = spawn([&] {
        timeout const limit{1h};
        seen.push_back(outcome_of([&] { call.make(world); }));
        seen.push_back(test::sleep_outcome());
    });
    until_running(world);
    yield();
    wish.send(caller, clock);
    for (int turn = 0; turn < 5 || (seen.empty() && !call.waits_on); ++turn) {
        yield();
    }
    bool const left = !seen.empty();
    world.go.set();
    world.promise.set_value(7);
    caller.join();
    if (holder.valid()) {
        holder.get();
    }
    world.pool.join();
    std::string const cell = call.name + ", " + wish.word;
    EXPECT_EQ(left, !call.waits_on) << cell;
    EXPECT_EQ(seen.front(), call.waits_on && call.name != "map, running" ? "returned" : wish.word)
        << cell;
    EXPECT_EQ(world.calls, call.calls) << cell;
    auto const numbers = world.pool.statistics();
    EXPECT_EQ(numbers.queued + numbers.running + numbers.admitted, 0U) << cell;
}

}  // namespace

TENDRIL_HUB_TEST(thread_pool_kill_matrix, every_wait_ends_once_and_leaves_nothing_behind) {
    for (pool_call const& call : calls_of_pools()) {
        for (pool_wish const& wish : wishes_for_callers()) {
            try_pool_cell(call, wish, clock);
        }
    }
}
