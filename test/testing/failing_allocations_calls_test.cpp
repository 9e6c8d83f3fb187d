// SPDX-License-Identifier: BSL-1.0
//
// Every allocation fails, once and for ever, of every call that waits (harness/blocking_calls.hpp),
// and of what begins and ends a hub.
#include <harness/failure_points.hpp>
#include <harness/network.hpp>
#include <tendril/channel/channel_ends.hpp>
#include <tendril/net/tcp_stream.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/sync/event.hpp>

#include <boost/asio/io_context.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using tendril::testing::failure;
using test::another;
using test::ignore_errors;
using test::try_all;
using test::wait_and_give;

// Lets allocations fail from before a hub is made to after it has closed.
bool survives_a_life(void (*live)(), std::size_t number, failure how) {
    tendril::testing::leak_check const before;
    std::ptrdiff_t const objects_before = test::live_allocations();
    bool has_failed = false;
    {
        tendril::testing::failing_allocations const next{number, how};
        try {
            live();
        } catch (std::bad_alloc const&) {}
        has_failed = next.has_failed();
    }
    EXPECT_EQ(test::live_allocations(), objects_before) << "allocation " << number;
    EXPECT_EQ(before.leaks(), "") << "allocation " << number;
    return has_failed;
}

void try_lives(char const* what, void (*live)()) {
    live();
    std::size_t points = 0;
    for (failure const how : {failure::once, failure::for_ever}) {
        points += tendril::testing::for_each_failure(
            [&](std::size_t number) { return survives_a_life(live, number, how); });
    }
    std::printf("%zu points of failure: %s\n", points, what);
    EXPECT_GT(points, 10U) << what;
}

// Leaves greenlets behind that wait, sleep, need time on their way out, and have not begun.
void leave_some_behind(event& never_set) {
    this_hub().spawn_raw([&] { never_set.wait(); });
    this_hub().spawn_raw([] { sleep_for(1h); });
    this_hub().spawn_raw([] {
        struct waits_when_destroyed {
            ~waits_when_destroyed() { yield(); }
        } const cleanup;
        sleep_for(1h);
    });
    yield();
    this_hub().spawn_raw([] {});
    this_hub().call_soon([] {});
    this_hub().call_later(1h, [] {});
}

}  // namespace

TENDRIL_TEST(failing_allocations_calls, of_a_hub_that_closes_while_some_wait) {
    try_lives("a hub that closes while some wait", [] {
        event never_set;
        test::virtual_clock clock;
        run({.clock = &clock}, [&] {
            ignore_errors();
            leave_some_behind(never_set);
        });
    });
}

TENDRIL_TEST(failing_allocations_calls, of_an_embedded_hub_that_closes_while_some_wait) {
    try_lives("an embedded hub that closes while some wait", [] {
        event never_set;
        boost::asio::io_context io{1};
        hub mine{io, embedded};
        ignore_errors();
        mine.spawn_raw([&] {
            scope_exit const enough{[&] { io.stop(); }};
            leave_some_behind(never_set);
        });
        io.run();
    });
}

TENDRIL_TEST(failing_allocations_calls, of_every_call_that_waits) {
    std::size_t points = 0;
    for (test::call_maker const& make : test::every_blocking_call()) {
        std::string name;
        run([&] { name = make().name; });
        SCOPED_TRACE(name);
        points += try_all("a call that waits", [&] { wait_and_give(make); });
    }
    std::printf("%zu points of failure: all calls that wait\n", points);
    EXPECT_GT(points, 1000U);
}

// Attempts that are still under way when the limit comes are ended without memory.
TENDRIL_TEST(failing_allocations_calls, of_a_connection_to_one_of_two_that_do_not_answer) {
    int const listening = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int const filling = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    tcp_endpoint silent{boost::asio::ip::address_v4::loopback(), 0};
    auto size = static_cast<socklen_t>(silent.size());
    ASSERT_EQ(::bind(listening, silent.data(), size), 0);
    ASSERT_EQ(::listen(listening, 0), 0);
    ASSERT_EQ(::getsockname(listening, silent.data(), &size), 0);
    ASSERT_EQ(::connect(filling, silent.data(), size), 0);
    test::await_arrival(listening);
    try_all("connect", [&] {
        error_code error;
        tcp_stream::connect(
            std::vector<tcp_endpoint>{silent, silent}, {.attempt_delay = 10ms, .limit = 15ms},
            error);
    });
    ::close(filling);
    ::close(listening);
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
