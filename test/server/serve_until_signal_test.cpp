// SPDX-License-Identifier: BSL-1.0
#include <harness/network.hpp>
#include <tendril/http/http_server.hpp>
#include <tendril/server/datagram_server.hpp>
#include <tendril/server/serve_until_signal.hpp>
#include <tendril/server/stream_server.hpp>
#include <tendril/server/tls_server.hpp>

#include <boost/asio/error.hpp>

#include <chrono>
#include <csignal>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::hear;
using test::hear_all;
using test::say;
using test::settle;

// Answers after three seconds.
void answer_late(tcp_stream& stream) {
    std::string const heard = hear(stream);
    sleep_for(3s);
    say(stream, heard);
}

// Lets what a signal sets off happen.
void raise_and_settle(int signal) {
    std::raise(signal);
    settle();
}

tcp_stream asking_client(stream_server const& server) {
    tcp_stream client = tcp_stream::connect(server.local_endpoint());
    say(client, "x");
    settle();
    return client;
}

}  // namespace

TENDRIL_HUB_TEST(serve_until_signal, the_first_signal_drains) {
    for (int const signal : {SIGTERM, SIGINT}) {
        time_point const before = now();
        stream_server server{"127.0.0.1:0", answer_late};
        auto serving = spawn([&] { return serve_until_signal(server); });
        settle();
        tcp_stream client = asking_client(server);
        tcp_endpoint const where = server.local_endpoint();
        raise_and_settle(signal);
        EXPECT_FALSE(server.running());
        EXPECT_TRUE(test::code_of([&] { tcp_stream::connect(where); }).failed());
        EXPECT_EQ(hear_all(client), "x");
        EXPECT_TRUE(serving.get());
        EXPECT_EQ((now() - before) / 1s, 3);
    }
}

TENDRIL_HUB_TEST(serve_until_signal, the_grace_is_an_option) {
    stream_server server{"127.0.0.1:0", answer_late};
    auto serving = spawn([&] { return serve_until_signal(server, {.grace = 1s}); });
    settle();
    tcp_stream client = asking_client(server);
    std::raise(SIGTERM);
    EXPECT_FALSE(serving.get());
    EXPECT_EQ(hear_all(client), "");
    EXPECT_EQ(clock.elapsed() / 1s, 1);
}

TENDRIL_HUB_TEST(serve_until_signal, a_second_signal_ends_the_grace) {
    stream_server server{"127.0.0.1:0", answer_late};
    auto serving = spawn([&] { return serve_until_signal(server); });
    settle();
    tcp_stream client = asking_client(server);
    raise_and_settle(SIGTERM);
    sleep_for(1s);
    EXPECT_FALSE(serving.done());
    std::raise(SIGINT);
    EXPECT_FALSE(serving.get());
    EXPECT_EQ(clock.elapsed() / 1s, 1);
    EXPECT_EQ(hear_all(client), "");
}

TENDRIL_HUB_TEST(serve_until_signal, a_hangup_reloads_and_the_server_goes_on) {
    test::reported_errors errors;
    int reloads = 0;
    stream_server server{"127.0.0.1:0", [](tcp_stream& stream) { say(stream, hear(stream)); }};
    auto serving = spawn([&] {
        return serve_until_signal(server, {.reload = [&] {
                                      sleep_for(1ms);
                                      if (++reloads == 2) {
                                          throw std::runtime_error{"bad settings"};
                                      }
                                  }});
    });
    settle();
    for (int lap = 0; lap < 3; ++lap) {
        std::raise(SIGHUP);
        sleep_for(10ms);
    }
    EXPECT_EQ(reloads, 3);
    ASSERT_EQ(errors.texts.size(), 1U);
    EXPECT_NE(errors.texts[0].find("bad settings"), std::string::npos);
    tcp_stream client = asking_client(server);
    EXPECT_EQ(hear_all(client), "x");
    std::raise(SIGTERM);
    EXPECT_TRUE(serving.get());
}

TENDRIL_HUB_TEST(serve_until_signal, works_for_other_servers) {
    static_assert(stoppable_server<http_server> && stoppable_server<tls_server>);
    datagram_server server{
        "127.0.0.1:0", [](std::string_view, udp_endpoint const&, datagram_server::reply&) {}};
    auto serving = spawn([&] { return serve_until_signal(server); });
    settle();
    EXPECT_TRUE(server.running());
    std::raise(SIGTERM);
    EXPECT_TRUE(serving.get());
}

TENDRIL_HUB_TEST(serve_until_signal, throws_what_the_start_throws) {
    tcp_listener const taken = tcp_listener::bind("127.0.0.1", 0);
    stream_server server{to_string(taken.local_endpoint()), answer_late};
    EXPECT_EQ(
        test::code_of([&] { serve_until_signal(server); }), boost::asio::error::address_in_use);
}

TENDRIL_HUB_TEST(serve_until_signal, an_interruption_stops_without_grace) {
    for (bool const while_it_drains : {false, true}) {
        stream_server server{"127.0.0.1:0", answer_late};
        auto serving = spawn([&] { return serve_until_signal(server); });
        settle();
        tcp_stream client = asking_client(server);
        if (while_it_drains) {
            raise_and_settle(SIGTERM);
        }
        serving.cancel();
        serving.join();
        EXPECT_TRUE(serving.was_cancelled());
        EXPECT_FALSE(server.running());
        EXPECT_EQ(hear_all(client), "");
        EXPECT_EQ(clock.elapsed() / 1ms, 0);
    }
}

// The handlers are ended by then, and only the wait for them lacks memory.
TENDRIL_HUB_TEST(serve_until_signal, an_interruption_without_memory_ends_nothing_but_the_call) {
    struct poor_server {
        void start() {}
        bool stop(deadline) {
            ++stops;
            throw std::bad_alloc{};
        }
        int stops = 0;
    };
    poor_server server;
    auto serving = spawn([&] { return serve_until_signal(server); });
    settle();
    serving.cancel();
    serving.join();
    EXPECT_TRUE(serving.was_cancelled());
    EXPECT_EQ(server.stops, 1);
}
