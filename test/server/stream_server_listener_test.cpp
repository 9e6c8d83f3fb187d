// SPDX-License-Identifier: BSL-1.0
//
// A server whose listener pauses, is given away, or breaks.
#include <harness/network.hpp>
#include <harness/own_folder.hpp>
#include <tendril/hub/cancellation.hpp>
#include <tendril/server/stream_server.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/sync/event.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::echo;
using test::hear;
using test::hear_all;
using test::reported_errors;
using test::say;
using test::settle;

tcp_stream visitor_of(stream_server const& server) {
    tcp_stream client = tcp_stream::connect(server.local_endpoint());
    settle();
    return client;
}

}  // namespace

// Pausing.

TENDRIL_HUB_TEST(stream_server, pauses_and_goes_on_without_closing) {
    stream_server server{"127.0.0.1:0", echo};
    server.start();
    tcp_stream old = visitor_of(server);
    for (int lap = 0; lap < 3; ++lap) {
        server.stop_accepting();
        server.stop_accepting();
        EXPECT_TRUE(server.running());
        tcp_stream client = visitor_of(server);
        say(client, "patience");
        say(old, "still");
        EXPECT_EQ(hear(old), "still");
        sleep_for(10s);
        EXPECT_EQ(server.statistics().accepted, 1U + static_cast<unsigned>(lap));
        server.start_accepting();
        server.start_accepting();
        EXPECT_EQ(hear(client), "patience");
    }
}

TENDRIL_HUB_TEST(stream_server, that_pauses_can_be_stopped_and_started) {
    stream_server server{"127.0.0.1:0", echo};
    server.start();
    server.stop_accepting();
    EXPECT_TRUE(server.stop(10s));
    EXPECT_FALSE(server.running());
    server.start();
    tcp_stream client = visitor_of(server);
    say(client, "x");
    EXPECT_EQ(hear(client), "x");
}

TENDRIL_HUB_TEST(stream_server, that_does_not_run_can_neither_pause_nor_go_on) {
    stream_server server{"127.0.0.1:0", echo};
    EXPECT_THROW(server.stop_accepting(), misuse);
    EXPECT_THROW(server.start_accepting(), misuse);
    EXPECT_THROW(server.release_listener(), misuse);
    EXPECT_EQ(server.native_handle(), -1);
}

TENDRIL_HUB_TEST(stream_server, a_handler_may_pause_its_server) {
    std::unique_ptr<stream_server> server;
    server = std::make_unique<stream_server>("127.0.0.1:0", [&](tcp_stream& stream) {
        server->stop_accepting();
        say(stream, "paused");
    });
    server->start();
    tcp_stream client = visitor_of(*server);
    EXPECT_EQ(hear_all(client), "paused");
    tcp_stream const next = visitor_of(*server);
    sleep_for(1s);
    EXPECT_EQ(server->statistics().accepted, 1U);
}

TENDRIL_HUB_TEST(stream_server, pausing_in_another_thread_is_refused) {
    stream_server server{"127.0.0.1:0", echo};
    server.start();
    std::thread{[&] {
        EXPECT_THROW(server.stop_accepting(), wrong_thread);
        EXPECT_THROW(server.start_accepting(), wrong_thread);
        EXPECT_THROW(server.release_listener(), wrong_thread);
    }}.join();
    tcp_stream client = visitor_of(server);
    say(client, "x");
    EXPECT_EQ(hear(client), "x");
}

TENDRIL_HUB_TEST(stream_server, pauses_at_its_limit_and_while_accepting_fails) {
    stream_server server{"127.0.0.1:0", echo, {.max_connections = 1}};
    server.start();
    tcp_stream one = visitor_of(server);
    tcp_stream two = visitor_of(server);
    server.stop_accepting();
    one.close();
    sleep_for(1s);
    EXPECT_EQ(server.statistics().accepted, 1U);
    server.start_accepting();
    say(two, "x");
    EXPECT_EQ(hear(two), "x");
}

// Given away.

TENDRIL_HUB_TEST(stream_server, gives_its_listener_away_and_serves_on) {
    stream_server old{"127.0.0.1:0", echo};
    old.start();
    tcp_endpoint const where = old.local_endpoint();
    tcp_stream before = visitor_of(old);
    int const descriptor = old.release_listener();
    EXPECT_FALSE(old.running());
    // Nobody accepts, and nobody is refused.
    tcp_stream between = test::connect_at_once(where);
    say(between, "between");
    say(before, "before");
    EXPECT_EQ(hear(before), "before");
    stream_server next{"127.0.0.1:0", echo};
    next.start(tcp_listener::adopt(descriptor));
    EXPECT_EQ(next.local_endpoint(), where);
    EXPECT_EQ(hear(between), "between");
    EXPECT_EQ(next.statistics().accepted, 1U);
    before.close();
    EXPECT_TRUE(old.stop(10s));
}

TENDRIL_HUB_TEST(stream_server, gives_the_listener_of_a_path_away_and_leaves_the_path) {
    test::own_folder const folder;
    std::string const path = folder.file("socket");
    int descriptor = -1;
    {
        stream_server old{"unix:" + path, echo};
        old.start();
        descriptor = old.release_listener();
    }
    unix_stream client = unix_stream::connect(path);
    stream_server next{"unix:" + path, echo};
    next.start(unix_listener::adopt(descriptor));
    EXPECT_EQ(next.local_address(), "unix:" + path);
    say(client, "x");
    EXPECT_EQ(hear(client), "x");
    next.stop(0s);
    struct stat found {};
    EXPECT_EQ(::lstat(path.c_str(), &found), 0) << "it was not this one that has made the path";
}

TENDRIL_HUB_TEST(stream_server, that_has_given_its_listener_away_can_be_started_again) {
    stream_server server{"127.0.0.1:0", echo};
    server.start();
    tcp_endpoint const where = server.local_endpoint();
    ::close(server.release_listener());
    server.start();
    EXPECT_NE(server.local_endpoint(), where);
}

TENDRIL_HUB_TEST(stream_server, has_a_descriptor_that_is_not_inherited) {
    stream_server server{"127.0.0.1:0", echo};
    server.start();
    EXPECT_EQ(::fcntl(server.native_handle(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    int const released = server.release_listener();
    EXPECT_EQ(::fcntl(released, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    ::close(released);
}

// Broken.

TENDRIL_HUB_TEST(stream_server, ends_when_its_listener_can_be_used_no_more) {
    reported_errors errors;
    stream_server server{"127.0.0.1:0", echo};
    auto serving = spawn([&] { server.serve_forever(); });
    settle();
    tcp_stream client = visitor_of(server);
    ::shutdown(server.native_handle(), SHUT_RDWR);
    serving.join();
    EXPECT_TRUE(serving.succeeded());
    EXPECT_FALSE(server.running());
    ASSERT_EQ(errors.texts.size(), 1U);
    EXPECT_NE(errors.texts[0].find("127.0.0.1:0"), std::string::npos) << errors.texts[0];
    say(client, "still served");
    EXPECT_EQ(hear(client), "still served");
    server.start();
    EXPECT_TRUE(server.running());
}

TENDRIL_HUB_TEST(stream_server, ends_its_handlers_with_itself_also_when_it_had_to_give_up) {
    for (bool const starts_in_vain : {false, true}) {
        reported_errors const errors;
        std::string how;
        stream_server_options options;
        int starts = 0;
        options.before_start = [&] {
            if (++starts > 1) {
                throw std::runtime_error{"not again"};
            }
        };
        auto const note_end = [&](tcp_stream& stream) {
            how = test::interruption_of([&] { hear(stream); });
        };
        auto server = std::make_unique<stream_server>("127.0.0.1:0", note_end, options);
        server->start();
        tcp_stream const client = visitor_of(*server);
        ::shutdown(server->native_handle(), SHUT_RDWR);
        settle();
        EXPECT_FALSE(server->running());
        if (starts_in_vain) {
            EXPECT_THROW(server->start(), std::runtime_error);
        }
        EXPECT_EQ(how, "");
        server = nullptr;
        EXPECT_EQ(how, "exit");
    }
}

TENDRIL_HUB_TEST(stream_server, an_interrupted_serve_forever_is_not_interrupted_again) {
    event cleaned;
    stream_server server{"127.0.0.1:0", [&](tcp_stream&) {
                             scope_exit const cleanup{[&] {
                                 interruption_shield const slowly;
                                 sleep_for(500ms);
                                 cleaned.set();
                             }};
                             sleep_for(1h);
                         }};
    auto serving = spawn([&] { server.serve_forever(); });
    settle();
    tcp_stream const client = visitor_of(server);
    serving.cancel();
    sleep_for(100ms);
    serving.kill();
    serving.join();
    EXPECT_TRUE(cleaned.is_set());
    EXPECT_FALSE(server.running());
}
