// SPDX-License-Identifier: BSL-1.0
//
// How a server ends.
#include <harness/network.hpp>
#include <tendril/greenlet/greenlet_exit.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/server/stream_server.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/time/timeout.hpp>

#include <boost/asio/error.hpp>

#include <chrono>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::hear;
using test::hear_all;
using test::say;
using test::settle;

void wait_for_end(tcp_stream& stream) {
    while (!hear(stream).empty()) {}
}

tcp_stream connect_to(stream_server const& server) {
    tcp_stream client = tcp_stream::connect(server.local_endpoint());
    settle();
    return client;
}

}  // namespace

TENDRIL_HUB_TEST(stream_server, stop_refuses_connections_from_then_on) {
    stream_server server{"127.0.0.1:0", wait_for_end};
    server.start();
    tcp_endpoint const address = server.local_endpoint();
    EXPECT_TRUE(server.stop());
    EXPECT_FALSE(server.running());
    EXPECT_THROW(tcp_stream::connect(address), system_error);
    EXPECT_EQ(clock.elapsed(), 0s);
}

TENDRIL_HUB_TEST(stream_server, stop_before_the_start_and_a_second_time_does_nothing) {
    stream_server server{"127.0.0.1:0", wait_for_end};
    EXPECT_TRUE(server.stop());
    server.start();
    EXPECT_TRUE(server.stop());
    EXPECT_TRUE(server.stop());
}

TENDRIL_HUB_TEST(stream_server, stop_waits_for_the_handlers) {
    bool finished = false;
    stream_server server{"127.0.0.1:0", [&](tcp_stream&) {
                             sleep_for(3s);
                             finished = true;
                         }};
    server.start();
    tcp_stream const client = connect_to(server);
    EXPECT_TRUE(server.stop(10s));
    EXPECT_TRUE(finished);
    EXPECT_EQ(clock.elapsed() / 1s, 3);
}

TENDRIL_HUB_TEST(stream_server, stop_ends_the_handlers_that_run_on_after_the_grace) {
    std::string how;
    stream_server server{"127.0.0.1:0", [&](tcp_stream& stream) {
                             how = test::interruption_of([&] { wait_for_end(stream); });
                         }};
    server.start();
    tcp_stream client = connect_to(server);
    EXPECT_FALSE(server.stop(5s));
    EXPECT_EQ(how, "exit");
    EXPECT_EQ(clock.elapsed() / 1s, 5);
    EXPECT_EQ(hear_all(client), "");
}

TENDRIL_HUB_TEST(stream_server, stop_tells_the_handlers_by_the_end_of_their_input) {
    auto const request_by_request = [](auto& stream) {
        for (std::string heard = hear(stream); !heard.empty(); heard = hear(stream)) {
            sleep_for(1s);
            say(stream, heard);
        }
        say(stream, "bye");
    };
    auto const of_any = [&](any_stream& stream) {
        request_by_request(*stream.target<tcp_stream>());
    };
    stream_server_options const options{.end_input_at_stop = true};
    stream_server of_sockets{
        "127.0.0.1:0", [&](tcp_stream& stream) { request_by_request(stream); }, options};
    stream_server of_streams{"127.0.0.1:0", of_any, options};
    for (stream_server* const server : {&of_sockets, &of_streams}) {
        time_point const before = now();
        server->start();
        tcp_stream idle = connect_to(*server);
        tcp_stream busy = connect_to(*server);
        say(busy, "x");
        settle();
        EXPECT_TRUE(server->stop(10s));
        EXPECT_EQ((now() - before) / 1s, 1);
        EXPECT_EQ(hear_all(idle), "bye");
        EXPECT_EQ(hear_all(busy), "xbye");
    }
}

TENDRIL_HUB_TEST(stream_server, a_handler_can_ask_whether_its_server_stops) {
    std::unique_ptr<stream_server> server;
    server = std::make_unique<stream_server>("127.0.0.1:0", [&](tcp_stream& stream) {
        while (!server->stopping()) {
            sleep_for(1s);
        }
        say(stream, "bye");
    });
    EXPECT_FALSE(server->stopping());
    server->start();
    EXPECT_FALSE(server->stopping());
    tcp_stream client = connect_to(*server);
    sleep_for(1500ms);
    EXPECT_TRUE(server->stop(10s));
    EXPECT_EQ(hear_all(client), "bye");
    EXPECT_FALSE(server->stopping());
    EXPECT_EQ(clock.elapsed() / 1ms, 2000);
}

TENDRIL_HUB_TEST(stream_server, stop_without_grace_ends_them_at_once) {
    stream_server server{"127.0.0.1:0", wait_for_end};
    server.start();
    tcp_stream const client = connect_to(server);
    EXPECT_FALSE(server.stop(0s));
    EXPECT_EQ(server.statistics().connections, 0U);
    EXPECT_EQ(clock.elapsed() / 1ms, 0);
}

TENDRIL_HUB_TEST(stream_server, the_usual_grace_is_a_second) {
    stream_server server{"127.0.0.1:0", wait_for_end};
    server.start();
    tcp_stream const client = connect_to(server);
    EXPECT_FALSE(server.stop());
    EXPECT_EQ(clock.elapsed() / 1s, 1);
}

TENDRIL_HUB_TEST(stream_server, stop_lets_the_cleanup_of_a_handler_finish) {
    bool cleaned = false;
    stream_server server{"127.0.0.1:0", [&](tcp_stream& stream) {
                             scope_exit const cleanup{[&] {
                                 sleep_for(100ms);
                                 cleaned = true;
                             }};
                             wait_for_end(stream);
                         }};
    server.start();
    tcp_stream const client = connect_to(server);
    server.stop(0s);
    EXPECT_TRUE(cleaned);
}

TENDRIL_HUB_TEST(stream_server, a_handler_that_refuses_to_end_does_not_hold_stop_up) {
    event released;
    bool ended = false;
    auto server = std::make_unique<stream_server>("127.0.0.1:0", [&](tcp_stream&) {
        while (!released.is_set()) {
            try {
                released.wait();
            } catch (greenlet_exit const&) {}
        }
        ended = true;
    });
    server->start();
    tcp_stream const client = connect_to(*server);
    EXPECT_FALSE(server->stop(1s));
    EXPECT_EQ(clock.elapsed() / 1s, 2);
    // It outlives the server object and does not mind.
    server = nullptr;
    released.set();
    settle();
    EXPECT_TRUE(ended);
}

TENDRIL_HUB_TEST(stream_server, a_handler_may_stop_its_own_server) {
    std::unique_ptr<stream_server> server;
    bool stopped = false;
    server = std::make_unique<stream_server>("127.0.0.1:0", [&](tcp_stream& stream) {
        stopped = server->stop(10s);
        say(stream, "stopped");
    });
    server->start();
    tcp_stream client = connect_to(*server);
    EXPECT_EQ(hear_all(client), "stopped");
    EXPECT_TRUE(stopped);
    EXPECT_FALSE(server->running());
    EXPECT_EQ(clock.elapsed() / 1ms, 0);
}

TENDRIL_HUB_TEST(stream_server, a_handler_that_stops_its_server_waits_for_the_others) {
    std::unique_ptr<stream_server> server;
    server = std::make_unique<stream_server>("127.0.0.1:0", [&](tcp_stream& stream) {
        if (hear(stream) == "stop") {
            server->stop(10s);
            say(stream, "stopped");
        } else {
            sleep_for(3s);
            say(stream, "finished");
        }
    });
    server->start();
    tcp_stream other = connect_to(*server);
    tcp_stream client = connect_to(*server);
    say(other, "go on");
    say(client, "stop");
    EXPECT_EQ(hear_all(client), "stopped");
    EXPECT_EQ(hear_all(other), "finished");
    EXPECT_EQ(clock.elapsed() / 1s, 3);
}

TENDRIL_HUB_TEST(stream_server, several_may_stop_it_at_once) {
    stream_server server{"127.0.0.1:0", [](tcp_stream&) { sleep_for(3s); }};
    server.start();
    tcp_stream const client = connect_to(server);
    std::vector<task<bool>> stopping;
    for (int count = 0; count < 3; ++count) {
        stopping.push_back(spawn([&] { return server.stop(10s); }));
    }
    for (auto& each : stopping) {
        EXPECT_TRUE(each.get());
    }
}

TENDRIL_HUB_TEST(stream_server, stop_wakes_everybody_in_serve_forever) {
    stream_server server{"127.0.0.1:0", wait_for_end};
    server.start();
    auto one = spawn([&] { server.serve_forever(); });
    auto other = spawn([&] { server.serve_forever(); });
    settle();
    server.stop();
    one.join();
    other.join();
    EXPECT_TRUE(one.succeeded() && other.succeeded());
}

TENDRIL_HUB_TEST(stream_server, stop_while_it_waits_for_room_returns_at_once) {
    stream_server server{"127.0.0.1:0", wait_for_end, {.max_connections = 1}};
    server.start();
    tcp_stream one = connect_to(server);
    tcp_stream two = connect_to(server);
    one.close();
    two.close();
    EXPECT_TRUE(server.stop(10s));
    EXPECT_EQ(clock.elapsed() / 1ms, 0);
}

TENDRIL_HUB_TEST(stream_server, a_stop_that_is_interrupted_ends_the_handlers_at_once) {
    stream_server server{"127.0.0.1:0", wait_for_end};
    server.start();
    tcp_stream client = connect_to(server);
    auto serving = spawn([&] { server.serve_forever(); });
    yield();
    std::string const how = test::interruption_of(
        [&] { with_timeout(1s, [&] { server.stop(10s); }); });
    EXPECT_EQ(how, "timed out");
    serving.join();
    EXPECT_EQ(hear_all(client), "");
    EXPECT_EQ(clock.elapsed() / 1s, 1);
}

TENDRIL_HUB_TEST(stream_server, stop_refuses_a_grace_that_is_no_number) {
    stream_server server{"127.0.0.1:0", wait_for_end};
    server.start();
    EXPECT_THROW(
        server.stop(std::chrono::duration<double>{std::numeric_limits<double>::quiet_NaN()}),
        misuse);
    EXPECT_TRUE(server.running());
}

TENDRIL_HUB_TEST(stream_server, the_destructor_ends_what_runs) {
    tcp_stream client;
    {
        stream_server server{"127.0.0.1:0", wait_for_end};
        server.start();
        client = connect_to(server);
    }
    EXPECT_EQ(hear_all(client), "");
    EXPECT_EQ(clock.elapsed() / 1ms, 0);
}

TENDRIL_HUB_TEST(stream_server, one_that_is_destroyed_in_a_callback_begins_to_end) {
    auto server = std::make_unique<stream_server>("127.0.0.1:0", wait_for_end);
    server->start();
    tcp_stream client = connect_to(*server);
    this_hub().call_soon([&] { server = nullptr; });
    EXPECT_EQ(hear_all(client), "");
    EXPECT_EQ(server, nullptr);
    EXPECT_EQ(clock.elapsed() / 1ms, 0);
}

TENDRIL_HUB_TEST(stream_server, can_be_started_again_with_all_its_room) {
    stream_server server{"127.0.0.1:0", wait_for_end, {.max_connections = 2}};
    for (int round = 0; round < 3; ++round) {
        server.start();
        tcp_stream const one = connect_to(server);
        tcp_stream const two = connect_to(server);
        EXPECT_EQ(server.statistics().connections, 2U) << round;
        server.stop(0s);
        EXPECT_EQ(server.statistics().connections, 0U) << round;
    }
}

TENDRIL_HUB_TEST(stream_server, serves_again_after_a_stop) {
    stream_server server{"127.0.0.1:0", [](tcp_stream& stream) { say(stream, "served"); }};
    server.start();
    server.stop();
    server.start();
    tcp_stream client = connect_to(server);
    EXPECT_EQ(hear_all(client), "served");
}

TENDRIL_HUB_TEST(stream_server, a_hub_may_close_with_handlers_that_have_not_begun) {
    auto server = std::make_unique<stream_server>("127.0.0.1:0", wait_for_end);
    server->start();
    settle();
    tcp_stream client = test::connect_at_once(server->local_endpoint());
    // The acceptor takes the connection and spawns its handler, and no more happens.
    this_hub().context().poll();
    yield();
    EXPECT_EQ(server->statistics().connections, 1U);
    this_hub().close();
    EXPECT_EQ(server->statistics().connections, 0U);
}

// A global, or a member of what owns the program, is made before `run` and destroyed after it.
TENDRIL_TEST(stream_server, may_be_made_before_the_hub_and_outlive_it) {
    stream_server server{"127.0.0.1:0", wait_for_end};
    tcp_stream client;
    tendril::run([&] {
        server.start();
        client = connect_to(server);
    });
    EXPECT_FALSE(server.running());
    EXPECT_FALSE(client.is_open());
}

TENDRIL_TEST(stream_server, that_was_stopped_may_outlive_its_hub_and_serve_in_the_next) {
    stream_server server{"127.0.0.1:0", [](tcp_stream& stream) { say(stream, "served"); }};
    for (int round = 0; round < 2; ++round) {
        tendril::run([&] {
            server.start();
            tcp_stream client = connect_to(server);
            EXPECT_EQ(hear_all(client), "served") << round;
            server.stop();
        });
    }
}

TENDRIL_HUB_TEST(stream_server, a_wish_that_is_pending_waits_for_the_end_of_the_destructor) {
    std::string how;
    task<void> t;
    t = spawn([&] {
        {
            stream_server server{"127.0.0.1:0", wait_for_end};
            server.start();
            tcp_stream const client = connect_to(server);
            t.cancel();
        }
        how = test::interruption_of([] { sleep_for(1h); });
    });
    t.join();
    EXPECT_EQ(how, "cancelled");
}

TENDRIL_HUB_TEST(stream_server, a_wish_that_comes_while_the_destructor_waits_stays_pending) {
    event leave;
    tcp_endpoint address;
    std::string how;
    task<void> const t = spawn([&] {
        {
            stream_server server{"127.0.0.1:0", [&](tcp_stream&) {
                                     interruption_shield const unhurried;
                                     sleep_for(100ms);
                                 }};
            server.start();
            address = server.local_endpoint();
            leave.wait();
        }
        how = test::interruption_of([] { sleep_for(1h); });
    });
    yield();
    tcp_stream const client = tcp_stream::connect(address);
    settle();
    leave.set();
    sleep_for(50ms);
    EXPECT_FALSE(t.done());
    t.cancel();
    t.join();
    EXPECT_EQ(how, "cancelled");
    EXPECT_EQ(clock.elapsed() / 1ms, 100);
}

TENDRIL_HUB_TEST(stream_server, cannot_be_started_while_it_stops) {
    stream_server server{"127.0.0.1:0", wait_for_end};
    server.start();
    tcp_stream client = connect_to(server);
    auto serving = spawn([&] { server.serve_forever(); });
    yield();
    auto stopping = spawn([&] { return server.stop(10s); });
    yield();
    EXPECT_FALSE(server.running());
    EXPECT_THROW(server.start(), misuse);
    client.close();
    EXPECT_TRUE(stopping.get());
    serving.join();
    server.start();
    EXPECT_TRUE(server.running());
}

TENDRIL_HUB_TEST(stream_server, stop_in_another_thread_is_refused_and_changes_nothing) {
    stream_server server{"127.0.0.1:0", wait_for_end};
    server.start();
    std::thread{[&] { EXPECT_THROW(server.stop(), wrong_thread); }}.join();
    EXPECT_TRUE(server.running());
    tcp_stream const client = connect_to(server);
    EXPECT_EQ(server.statistics().connections, 1U);
}

TENDRIL_HUB_TEST(stream_server, one_that_is_destroyed_in_another_thread_ends_the_program) {
    std::optional<stream_server> server{std::in_place, "127.0.0.1:0", wait_for_end};
    server->start();
    EXPECT_DEATH(
        std::thread{[&] { server.reset(); }}.join(),
        "a stream_server was destroyed on another thread");
}

TENDRIL_HUB_TEST(stream_server, a_pause_between_attempts_is_needed) {
    EXPECT_THROW(stream_server("127.0.0.1:0", wait_for_end, {.first_delay = 0ms}), misuse);
    EXPECT_THROW(stream_server("127.0.0.1:0", wait_for_end, {.first_delay = -1ms}), misuse);
    EXPECT_THROW(
        stream_server("127.0.0.1:0", wait_for_end, {.first_delay = 5ms, .longest_delay = 4ms}),
        misuse);
}

// A start that was slow, and was stopped and followed by another one.

TENDRIL_HUB_TEST(stream_server, a_start_that_was_stopped_leaves_a_later_one_alone) {
    for (auto const pause_of_second : {0s, 2s}) {
        int starts = 0;
        stream_server_options options;
        options.before_start = [&] { sleep_for(++starts == 1 ? 1s : pause_of_second); };
        stream_server server{"127.0.0.1:0", wait_for_end, options};
        auto const start = [&] { return test::code_of([&] { server.start(); }); };
        auto slow = spawn(start);
        settle();
        server.stop();
        auto second = spawn(start);
        EXPECT_EQ(slow.get(), errc::closed);
        EXPECT_FALSE(second.get().failed());
        EXPECT_TRUE(server.running());
        tcp_stream const client = connect_to(server);
        EXPECT_EQ(server.statistics().connections, 1U);
    }
}

TENDRIL_HUB_TEST(stream_server, a_stop_that_still_waits_leaves_a_later_start_alone) {
    std::unique_ptr<stream_server> server;
    server = std::make_unique<stream_server>("127.0.0.1:0", [&](tcp_stream& stream) {
        if (hear(stream) == "anew") {
            server->stop(0s);
            server->start();
        }
        wait_for_end(stream);
    });
    server->start();
    tcp_stream first = connect_to(*server);
    auto stopping = spawn([&] { return server->stop(30s); });
    settle();
    say(first, "anew");
    settle();
    EXPECT_TRUE(server->running());
    tcp_stream const second = connect_to(*server);
    EXPECT_FALSE(stopping.get());
    EXPECT_EQ(clock.elapsed() / 1s, 0);
    sleep_for(1min);
    EXPECT_TRUE(server->running());
    EXPECT_EQ(server->statistics().connections, 2U);
}
