// SPDX-License-Identifier: BSL-1.0
//
// Every allocation fails, once and for ever, of every call that waits (harness/blocking_calls.hpp),
// and of what begins and ends a hub.
#include <harness/blocking_calls.hpp>
#include <harness/failure_points.hpp>
#include <tendril/channel/channel_ends.hpp>
#include <tendril/sync/event.hpp>

#include <cstdio>
#include <string>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::another;
using test::try_all;

// Calls it in another greenlet, and gives it what it waits for.
void wait_and_give(test::call_maker const& make) {
    test::blocking_call const call = make();
    another const other{[&] {
        if (call.take(deadline::after(1h))) {
            call.give_on();
        }
    }};
    if (call.prepare) {
        call.prepare();
    }
    call.give();
    idle();
}

}  // namespace

TENDRIL_TEST(failing_allocations_calls, of_every_call_that_waits) {
    std::size_t points = 0;
    for (test::call_maker const& make : test::every_blocking_call()) {
        points += try_all("a call that waits", [&] { wait_and_give(make); });
    }
    std::printf("%zu points of failure: all calls that wait\n", points);
    EXPECT_GT(points, 1000U);
}

TENDRIL_TEST(failing_allocations_calls, of_the_two_ends_of_a_channel) {
    try_all("open_channel", [] {
        auto [out, in] = open_channel<std::string>(2);
        auto const second = out;
        out.try_send("a value that is too long for the room in a string");
        another const other{[in = std::move(in)]() mutable { in.receive(); }};
        out.close();
    });
}

TENDRIL_TEST(failing_allocations_calls, of_a_loop_that_is_stopped) {
    try_all("run_forever", [] {
        this_hub().call_soon([] { this_hub().stop(); });
        this_hub().run_forever();
    });
    try_all("join", [] {
        this_hub().spawn_raw([] { sleep_for(1ms); });
        this_hub().join();
    });
    try_all("join_for", [] {
        this_hub().spawn_raw([] { sleep_for(1h); });
        this_hub().join_for(1ms);
    });
}

TENDRIL_TEST(failing_allocations_calls, of_a_wait_in_vain) {
    try_all("a wait in vain", [] {
        event never_set;
        another const other{[&] { never_set.wait(); }};
        try {
            never_set.wait();
        } catch (would_block_forever const&) {}
    });
}
