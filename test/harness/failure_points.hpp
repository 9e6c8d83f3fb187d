// SPDX-License-Identifier: BSL-1.0
#pragma once

// Lets every allocation of a call fail, one after the other, in a hub of its own each time.
//
//     try_all("sleep_for", [] { sleep_for(1ms); });

#include <harness/blocking_calls.hpp>
#include <harness/failing_allocations.hpp>
#include <harness/hubs.hpp>
#include <tendril/testing/failures.hpp>

#include <cstdio>

namespace tendril::test {

using testing::failing_allocations;
using testing::failure;
using testing::for_each_failure;
using testing::leak_check;

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
    virtual_clock clock;
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
std::size_t try_all(char const* what, F&& function) {
    // What is made once for the thread is made before.
    try_once(function, 1'000'000, failure::once);
    std::size_t points = 0;
    for (failure const how : {failure::once, failure::for_ever}) {
        points += for_each_failure(
            [&](std::size_t number) { return survives(function, number, how); });
    }
    std::printf("%zu points of failure: %s\n", points, what);
    EXPECT_GT(points, 0U) << what;
    return points;
}

// A greenlet that calls a function, and that has ended when this object has.
class another {
public:
    template <typename F>
    explicit another(F&& function) : another{this_hub().spawn_raw(std::forward<F>(function))} {
        // When this throws, the destructor ends the greenlet all the same.
        idle();
    }
    another(another const&) = delete;
    another& operator=(another const&) = delete;
    ~another() {
        request_exit(block());
        idle();
        if (!greenlet_.dead()) {
            let_time_pass();
        }
    }
    control_block& block() const noexcept { return *greenlet_.block(); }

private:
    // Where a wish does not reach, as inside a generator, the wait ends in its own time. Main is
    // told when nothing is left to wait for, which needs no memory.
    static void let_time_pass() noexcept {
        try {
            lone_waiter{"the other one"}.park();
        } catch (would_block_forever const&) {
        } catch (std::bad_alloc const&) {}
    }

    explicit another(greenlet spawned) : greenlet_{std::move(spawned)} {}

    greenlet greenlet_;
};

// Calls it in another greenlet, and gives it what it waits for.
inline void wait_and_give(call_maker const& make) {
    blocking_call const call = make();
    another const other{[&] {
        if (call.take(deadline::after(std::chrono::hours{1}))) {
            call.give_on();
        }
    }};
    if (call.prepare) {
        call.prepare();
    }
    call.give();
    idle();
}

}  // namespace tendril::test
