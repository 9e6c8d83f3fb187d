// SPDX-License-Identifier: BSL-1.0
//
// Every allocation of every public call of the floors hub, time and sync fails, once and for ever:
// the caller hears of it, nothing is left behind, and nobody waits for what cannot come.
#include <harness/failure_points.hpp>
#include <tendril/channel/queue.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/sync/mutex.hpp>
#include <tendril/sync/semaphore.hpp>

#include <cstdio>
#include <mutex>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::another;
using test::end_of;
using test::ending;
using test::failing_allocations;
using test::failure;
using test::for_each_failure;
using test::leak_check;
using test::live_allocations;
using test::trial;
using test::try_all;

}  // namespace

TENDRIL_TEST(failing_allocations, of_a_hub_that_is_made_and_closed) {
    run([] { yield(); });
    std::size_t points = 0;
    for (failure const how : {failure::once, failure::for_ever}) {
        points += for_each_failure([&](std::size_t number) {
            leak_check const before;
            std::ptrdiff_t const objects_before = live_allocations();
            trial result;
            {
                failing_allocations const next{number, how};
                result.end = end_of([] { run([] { yield(); }); });
                result.failed = next.has_failed();
            }
            EXPECT_EQ(live_allocations(), objects_before) << "allocation " << number;
            EXPECT_EQ(before.leaks(), "") << "allocation " << number;
            EXPECT_EQ(result.end, result.failed ? ending::out_of_memory : ending::returned);
            return result.failed;
        });
    }
    std::printf("%zu points of failure: a hub\n", points);
    EXPECT_GT(points, 4U);
}

TENDRIL_TEST(failing_allocations, of_calls_of_the_hub) {
    try_all("call_soon", [] {
        this_hub().call_soon([] {});
        yield();
    });
    try_all("call_later", [] {
        this_hub().call_later(1ms, [] {});
        sleep_for(2ms);
    });
    try_all("call_later that is cancelled", [] { this_hub().call_later(1h, [] {}).cancel(); });
    try_all("remote and post", [] {
        remote const door = this_hub().remote();
        door.post([] {});
        idle();
    });
    try_all("spawn_raw", [] { another const other{[] { yield(); }}; });
    try_all("report_error", [] {
        this_hub().call_soon([] { throw 1; });
        this_hub().spawn_raw([] { throw 2; });
        idle();
    });
}

TENDRIL_TEST(failing_allocations, of_waits_and_wishes) {
    try_all("a park with a limit", [] {
        test::lone_waiter pause;
        pause.park_until(deadline::after(1ms));
    });
    try_all("a wish", [] {
        test::wish stop{"a word that is too long for the room in a string"};
        another const other{[] {
            try {
                sleep_for(1h);
            } catch (std::string const&) {}
        }};
        request(other.block(), stop);
        idle();
        withdraw(other.block(), stop);
    });
}

TENDRIL_TEST(failing_allocations, of_sleeps_and_timeouts) {
    try_all("sleep_for", [] { sleep_for(1ms); });
    try_all("forty sleepers", [] {
        for (int count = 0; count < 40; ++count) {
            this_hub().spawn_raw([] { sleep_for(1ms); });
        }
        sleep_for(2ms);
    });
    try_all("a timeout that runs out", [] {
        try {
            timeout const limit{1ms};
            sleep_for(1h);
        } catch (timed_out const&) {}
    });
    try_all("a timeout that does not", [] {
        timeout const limit{1h};
        yield();
    });
}

TENDRIL_TEST(failing_allocations, of_primitives) {
    try_all("event", [] {
        event ready;
        another const other{[&] { ready.wait_for(1h); }};
        ready.set();
        idle();
    });
    try_all("mutex", [] {
        mutex one;
        std::unique_lock lock{one};
        another const other{[&] { std::lock_guard const later{one}; }};
        lock.unlock();
        idle();
    });
    try_all("semaphore", [] {
        counting_semaphore<> permits{0};
        another const other{[&] { permits.try_acquire_for(1ms); }};
        sleep_for(2ms);
        another const third{[&] { permits.acquire(); }};
        permits.release();
        idle();
    });
}

TENDRIL_TEST(failing_allocations, of_queues) {
    try_all("queue with a getter", [] {
        queue<std::string> q;
        another const other{[&] { q.get(); }};
        q.put("an item that is too long for the room in a string");
        idle();
        static_cast<void>(q.get_for(1ms));
    });
    try_all("queue with a putter", [] {
        queue<std::string> q{1};
        q.put("an item that is too long for the room in a string");
        another const other{
            [&] { q.put("another item that is too long for the room in a string"); }};
        q.get();
        idle();
        static_cast<void>(q.get_for(1ms));
    });
}
