// SPDX-License-Identifier: BSL-1.0
//
// Every allocation of every public call of the floors hub, time and sync fails, once and for ever:
// the caller hears of it, nothing is left behind, and nobody waits for what cannot come.
#include <harness/failing_allocations.hpp>
#include <harness/hubs.hpp>
#include <tendril/channel/queue.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/sync/mutex.hpp>
#include <tendril/sync/semaphore.hpp>
#include <tendril/testing/failing_allocations.hpp>

#include <cstdio>
#include <functional>
#include <mutex>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using tendril::testing::failing_allocations;
using tendril::testing::failure;
using tendril::testing::for_each_failure;
using tendril::testing::leak_check;
using tendril::testing::live_allocations;

// How a call ended, without a string, which might need memory.
enum class ending { waits, returned, out_of_memory, would_wait_for_ever };

template <typename F>
ending end_of(F&& function) {
    try {
        function();
        return ending::returned;
    } catch (std::bad_alloc const&) {
        return ending::out_of_memory;
    } catch (would_block_forever const&) {
        return ending::would_wait_for_ever;
    }
}

// What came of a function that was called in a hub of its own while an allocation failed.
struct trial {
    ending end = ending::waits;
    bool failed = false;
};

template <typename F>
trial try_once(F&& function, std::size_t number, failure how) {
    trial result;
    test::virtual_clock clock;
    run({.clock = &clock}, [&] {
        this_hub().set_error_handler([](std::exception_ptr, std::string_view) {});
        failing_allocations const next{number, how};
        result.end = end_of(function);
        result.failed = next.has_failed();
    });
    return result;
}

// Returns whether there was an allocation with this number.
template <typename F>
bool survives(F&& function, std::size_t number, failure how) {
    leak_check const before;
    std::ptrdiff_t const objects_before = live_allocations();
    trial const result = try_once(function, number, how);
    std::ptrdiff_t const objects_after = live_allocations();
    EXPECT_EQ(objects_after, objects_before) << "allocation " << number;
    EXPECT_TRUE(
        result.end == ending::returned || (result.failed && result.end == ending::out_of_memory))
        << "allocation " << number;
    EXPECT_EQ(before.leaks(), "") << "allocation " << number;
    return result.failed;
}

// Tries all allocations of a function, and says how many there are.
template <typename F>
void try_all(char const* what, F&& function) {
    // What is made once for the thread is made before.
    try_once(function, 1'000'000, failure::once);
    std::size_t points = 0;
    for (failure const how : {failure::once, failure::for_ever}) {
        points += for_each_failure(
            [&](std::size_t number) { return survives(function, number, how); });
    }
    std::printf("%zu points of failure: %s\n", points, what);
    EXPECT_GT(points, 0U) << what;
}

// A greenlet that calls a function, and that has ended when this object has.
class another {
public:
    template <typename F>
    explicit another(F&& function) : greenlet_{this_hub().spawn_raw(std::forward<F>(function))} {
        idle();
    }
    another(another const&) = delete;
    another& operator=(another const&) = delete;
    ~another() {
        request_exit(block());
        idle();
    }
    control_block& block() const noexcept { return *greenlet_.block(); }

private:
    greenlet greenlet_;
};

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
