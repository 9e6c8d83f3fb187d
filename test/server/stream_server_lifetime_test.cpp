// SPDX-License-Identifier: BSL-1.0
//
// A server whose object goes, or that others stop and start, while somebody is inside one of its
// functions.
#include <harness/hubs.hpp>
#include <harness/network.hpp>
#include <tendril/server/datagram_server.hpp>
#include <tendril/server/stream_server.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/task/spawn.hpp>
#include <tendril/time/sleep.hpp>

#include <chrono>
#include <memory>
#include <string_view>
#include <thread>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::settle;

}  // namespace

TENDRIL_HUB_TEST(stream_server_lifetime, one_that_is_destroyed_while_it_starts_is_closed) {
    stream_server_options slow;
    slow.before_start = [] { sleep_for(1s); };
    auto streams = std::make_unique<stream_server>("localhost:0", test::echo, slow);
    auto start = spawn([&] { return test::code_of([&] { streams->start(); }); });
    settle();
    streams.reset();
    EXPECT_EQ(start.get(), errc::closed);
}

TENDRIL_HUB_TEST(stream_server_lifetime, and_so_is_a_datagram_server) {
    datagram_server_options slow;
    slow.before_start = [] { sleep_for(1s); };
    auto const ignore = [](std::string_view, udp_endpoint const&, auto&) {};
    auto datagrams = std::make_unique<datagram_server>("localhost:0", ignore, slow);
    auto start = spawn([&] { return test::code_of([&] { datagrams->start(); }); });
    settle();
    datagrams.reset();
    EXPECT_EQ(start.get(), errc::closed);
}

TENDRIL_HUB_TEST(stream_server_lifetime, start_on_another_thread_is_refused_while_its_hub_lives) {
    stream_server server{"127.0.0.1:0", test::echo};
    server.start();
    server.stop();
    std::thread{[&] { run([&] { EXPECT_THROW(server.start(), wrong_thread); }); }}.join();
    server.start();
    EXPECT_TRUE(server.running());
}

// A handler that stops its own server is spared. That does not make it outlive the object.
TENDRIL_HUB_TEST(stream_server_lifetime, its_destructor_ends_a_handler_that_has_stopped_it) {
    std::unique_ptr<stream_server> server;
    bool is_at_work = false;
    server = std::make_unique<stream_server>("127.0.0.1:0", [&](tcp_stream&) {
        is_at_work = true;
        scope_exit const leave{[&] { is_at_work = false; }};
        EXPECT_TRUE(server->stop(5s));
        sleep_for(1h);
    });
    server->start();
    auto serving = spawn([&] { server->serve_forever(); });
    tcp_stream const client = tcp_stream::connect(server->local_endpoint());
    serving.get();
    EXPECT_TRUE(is_at_work);
    server.reset();
    EXPECT_FALSE(is_at_work);
    EXPECT_EQ(clock.elapsed() / 1s, 0);
}

TENDRIL_HUB_TEST(stream_server_lifetime, a_stop_that_another_one_has_hurried_says_so) {
    stream_server server{"127.0.0.1:0", [](tcp_stream&) { sleep_for(1h); }};
    server.start();
    tcp_stream const client = tcp_stream::connect(server.local_endpoint());
    settle();
    auto patient = spawn([&] { return server.stop(30s); });
    settle();
    EXPECT_FALSE(server.stop(0s));
    EXPECT_FALSE(patient.get());
    EXPECT_TRUE(server.stop(0s));
}
