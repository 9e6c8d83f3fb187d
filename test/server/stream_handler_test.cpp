// SPDX-License-Identifier: BSL-1.0
//
// Handlers of all kinds of streams, at both kinds of addresses.
#include <harness/network.hpp>
#include <harness/own_folder.hpp>
#include <tendril/io/any_stream.hpp>
#include <tendril/server/stream_handler.hpp>
#include <tendril/server/stream_server.hpp>
#include <tendril/support/scope_exit.hpp>

#include <boost/asio/error.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::echo;
using test::hear;
using test::hear_all;
using test::say;
using test::settle;

void echo_any(any_stream& stream) {
    char data[64];
    error_code error;
    std::size_t size = stream.read_some(boost::asio::buffer(data), error);
    while (!error.failed()) {
        stream.write(boost::asio::buffer(data, size));
        size = stream.read_some(boost::asio::buffer(data), error);
    }
}

// A name that is free, and goes with the process.
std::string abstract_address(std::string const& of) {
    return "unix:@tendril-handler-" + of + "-" + std::to_string(::getpid());
}

unix_stream unix_client(stream_server const& server) {
    return unix_stream::connect(server.local_address().substr(5));
}

bool is_there(std::string const& path) {
    struct stat found {};
    return ::lstat(path.c_str(), &found) == 0;
}

}  // namespace

TENDRIL_TEST(stream_handler, knows_what_it_takes) {
    stream_handler const tcp{[](tcp_stream&) {}};
    stream_handler const local{[](unix_stream&) {}};
    stream_handler const sockets{[](stream_socket&) {}};
    stream_handler const any{[](any_stream&) {}};
    EXPECT_TRUE(tcp.takes(stream_kind::tcp) && !tcp.takes(stream_kind::unix_socket));
    EXPECT_TRUE(!local.takes(stream_kind::tcp) && local.takes(stream_kind::unix_socket));
    EXPECT_TRUE(sockets.takes(stream_kind::tcp) && sockets.takes(stream_kind::unix_socket));
    EXPECT_TRUE(any.takes(stream_kind::tcp) && any.takes(stream_kind::unix_socket));
}

TENDRIL_TEST(stream_handler, may_be_a_template_and_may_own_something) {
    stream_handler handler{[own = std::make_unique<int>(1)](auto& stream) { stream.close(); }};
    EXPECT_TRUE(handler.takes(stream_kind::tcp) && handler.takes(stream_kind::unix_socket));
    detail::served_stream nothing{unix_stream{}};
    handler(nothing);
    stream_handler const moved = std::move(handler);
    EXPECT_TRUE(moved.takes(stream_kind::tcp));
}

TENDRIL_HUB_TEST(stream_handler, of_the_wrong_kind_for_the_address_is_refused_at_once) {
    auto const for_unix = [](unix_stream&) {};
    auto const for_tcp = [](tcp_stream&) {};
    EXPECT_THROW((stream_server{"127.0.0.1:0", for_unix}), misuse);
    EXPECT_THROW((stream_server{"unix:/tmp/x", for_tcp}), misuse);
    auto const make = [&] { stream_server const server{"unix:/tmp/x", for_tcp}; };
    EXPECT_NE(test::text_of(make).find("unix_stream&"), std::string::npos) << test::text_of(make);
}

TENDRIL_HUB_TEST(stream_handler, of_the_wrong_kind_for_what_is_handed_in_is_refused) {
    stream_server server{"127.0.0.1:0", [](tcp_stream&) {}};
    EXPECT_THROW(server.start(unix_listener{}), misuse);
    EXPECT_THROW(server.serve(unix_stream{}), misuse);
    stream_server local{abstract_address("wrong"), [](unix_stream&) {}};
    EXPECT_THROW(local.start(tcp_listener{}), misuse);
    EXPECT_THROW(local.serve(tcp_stream{}), misuse);
    EXPECT_FALSE(local.running());
}

TENDRIL_HUB_TEST(stream_handler, of_any_stream_serves_tcp) {
    stream_server server{"127.0.0.1:0", echo_any};
    server.start();
    tcp_stream client = tcp_stream::connect(server.local_endpoint());
    say(client, "any");
    EXPECT_EQ(hear(client), "any");
    server.stop(0s);
    EXPECT_EQ(hear_all(client), "");
}

TENDRIL_HUB_TEST(stream_handler, of_any_stream_can_find_out_which_it_is) {
    bool is_tcp = false;
    stream_server server{"127.0.0.1:0", [&](any_stream& stream) {
                             is_tcp = stream.target<tcp_stream>() != nullptr;
                         }};
    server.start();
    tcp_stream client = tcp_stream::connect(server.local_endpoint());
    EXPECT_EQ(hear_all(client), "");
    EXPECT_TRUE(is_tcp);
}

TENDRIL_HUB_TEST(stream_handler, of_any_stream_may_keep_it) {
    any_stream kept;
    stream_server server{"127.0.0.1:0", [&](any_stream& stream) { kept = std::move(stream); }};
    server.start();
    tcp_stream client = tcp_stream::connect(server.local_endpoint());
    settle();
    kept.write(boost::asio::buffer("kept", 4));
    EXPECT_EQ(hear(client), "kept");
    EXPECT_EQ(server.statistics().connections, 0U);
}

// Unix sockets.

TENDRIL_HUB_TEST(stream_handler, of_unix_streams_serves_a_path) {
    test::own_folder const folder;
    std::string const path = folder.file("socket");
    stream_server server{"unix:" + path, [](unix_stream& stream) {
                             EXPECT_EQ(stream.credentials_of_peer().process, ::getpid());
                             echo(stream);
                         }};
    server.start();
    EXPECT_EQ(server.local_address(), "unix:" + path);
    EXPECT_THROW(server.local_endpoint(), misuse);
    unix_stream client = unix_stream::connect(path);
    say(client, "local");
    EXPECT_EQ(hear(client), "local");
    server.stop(0s);
    EXPECT_FALSE(is_there(path));
    EXPECT_EQ(hear_all(client), "");
}

TENDRIL_HUB_TEST(stream_handler, of_sockets_and_of_any_stream_serve_a_unix_socket_too) {
    stream_server sockets{abstract_address("sockets"), echo};
    stream_server any{abstract_address("any"), echo_any};
    for (stream_server* const each : {&sockets, &any}) {
        each->start();
        unix_stream client = unix_client(*each);
        say(client, "both");
        EXPECT_EQ(hear(client), "both");
    }
}

TENDRIL_HUB_TEST(stream_handler, at_a_path_of_one_that_has_died_takes_its_place) {
    test::own_folder const folder;
    std::string const path = folder.file("socket");
    int const left_behind = unix_listener::bind(path).release();
    ::close(left_behind);
    ASSERT_TRUE(is_there(path));
    stream_server careful{"unix:" + path, echo, {.listen = {.reuse_address = false}}};
    EXPECT_EQ(test::code_of([&] { careful.start(); }), boost::asio::error::address_in_use);
    stream_server server{"unix:" + path, echo};
    server.start();
    stream_server second{"unix:" + path, echo};
    EXPECT_EQ(test::code_of([&] { second.start(); }), boost::asio::error::address_in_use);
    EXPECT_NE(test::text_of([&] { second.start(); }).find(path), std::string::npos);
}

TENDRIL_HUB_TEST(stream_handler, an_address_of_a_unix_socket_without_a_name_is_refused) {
    for (std::string const text : {"unix:", "unix:@"}) {
        EXPECT_EQ(test::code_of([&] { stream_server const server{text, echo}; }), errc::bad_name);
    }
}

TENDRIL_HUB_TEST(stream_handler, at_its_limit_a_unix_server_lets_the_next_wait) {
    stream_server server{abstract_address("limit"), echo, {.max_connections = 1}};
    server.start();
    unix_stream one = unix_client(server);
    unix_stream two = unix_client(server);
    say(two, "patience");
    settle();
    EXPECT_EQ(server.statistics().accepted, 1U);
    one.close();
    EXPECT_EQ(hear(two), "patience");
}

TENDRIL_HUB_TEST(stream_handler, streams_that_were_accepted_elsewhere_are_served) {
    stream_server server{abstract_address("serve"), echo};
    auto [near, far] = unix_stream::pair();
    server.serve(std::move(far));
    say(near, "served");
    EXPECT_EQ(hear(near), "served");
    server.stop(0s);
}

TENDRIL_HUB_TEST(stream_handler, of_one_that_was_never_started_ends_with_the_server) {
    bool ended = false;
    auto [near, far] = unix_stream::pair();
    {
        stream_server server{abstract_address("unstarted"), [&](unix_stream& stream) {
                                 scope_exit const at_end{[&] { ended = true; }};
                                 echo(stream);
                             }};
        server.serve(std::move(far));
        settle();
    }
    EXPECT_TRUE(ended);
    EXPECT_EQ(hear_all(near), "");
}

// A host is optional, and so is IPv6.

TENDRIL_HUB_TEST(stream_handler, an_address_without_a_host_serves_both_families) {
    for (std::string const text : {":0", "0"}) {
        stream_server server{text, echo};
        server.start();
        for (std::string const host : {"127.0.0.1", "::1"}) {
            tcp_stream client = tcp_stream::connect(host, server.local_endpoint().port());
            say(client, "x");
            EXPECT_EQ(hear(client), "x") << host;
        }
    }
}

TENDRIL_HUB_TEST(stream_handler, an_address_in_brackets_is_one_of_ipv6) {
    stream_server server{"[::1]:0", echo};
    server.start();
    EXPECT_TRUE(server.local_endpoint().address().is_v6());
    EXPECT_TRUE(server.local_address().starts_with("[::1]:"));
}
