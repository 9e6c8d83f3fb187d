// SPDX-License-Identifier: BSL-1.0
//
// Hooks, numbers, limits for each address, and what a proxy says.
#include <harness/network.hpp>
#include <tendril/net/proxy_protocol.hpp>
#include <tendril/server/stream_server.hpp>
#include <tendril/server/stream_server_options.hpp>
#include <tendril/sync/event.hpp>

#include <boost/asio/error.hpp>

#include <unistd.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::echo;
using test::hear;
using test::hear_all;
using test::reported_errors;
using test::say;
using test::settle;

tcp_stream guest_of(stream_server const& server) {
    return tcp_stream::connect(server.local_endpoint());
}

// Tells each client who it is.
void tell_peer(stream_socket& stream) { say(stream, to_string(this_connection.get().peer)); }

stream_server_options behind_a_proxy(std::string_view trusted = "127.0.0.1") {
    stream_server_options options;
    options.proxy = proxy_protocol::required;
    options.trusted_proxies.add(trusted);
    return options;
}

proxy_header header_from(std::string const& address) {
    return {
        .what = proxy_header::kind::tcp,
        .source = {boost::asio::ip::make_address(address), 5000},
        .destination = {boost::asio::ip::make_address("192.0.2.1"), 80}};
}

// Sends something, and returns what comes back until the end.
std::string answer_to(stream_server const& server, std::string const& text) {
    tcp_stream client = guest_of(server);
    say(client, text);
    return hear_all(client);
}

}  // namespace

// Hooks.

TENDRIL_HUB_TEST(stream_server_options, the_hook_is_called_before_anything_is_bound) {
    int calls = 0;
    tcp_endpoint const where = test::deserted_endpoint();
    stream_server_options options;
    options.before_start = [&] {
        ++calls;
        EXPECT_EQ(
            test::code_of([&] { tcp_stream::connect(where); }),
            boost::asio::error::connection_refused);
    };
    stream_server server{to_string(where), echo, options};
    server.start();
    server.start();
    EXPECT_EQ(calls, 1);
    server.stop();
    server.start();
    EXPECT_EQ(calls, 2);
}

TENDRIL_HUB_TEST(stream_server_options, what_the_hook_throws_ends_the_start) {
    stream_server_options options;
    options.before_start = [] { throw std::runtime_error{"not today"}; };
    stream_server server{"127.0.0.1:0", echo, options};
    EXPECT_THROW(server.start(), std::runtime_error);
    EXPECT_FALSE(server.running());
    tcp_listener given = tcp_listener::bind("127.0.0.1", 0);
    EXPECT_THROW(server.start(std::move(given)), std::runtime_error);
    EXPECT_TRUE(server.stop());
}

TENDRIL_HUB_TEST(stream_server_options, an_error_is_reported_with_the_peer_and_the_server) {
    reported_errors errors;
    stream_server server{
        "127.0.0.1:0", [](tcp_stream&) { throw std::runtime_error{"broken handler"}; }};
    server.start();
    tcp_stream client = guest_of(server);
    std::string const peer = to_string(client.local_endpoint());
    EXPECT_EQ(hear_all(client), "");
    settle();
    ASSERT_EQ(errors.texts.size(), 1U);
    for (std::string const& part :
         {peer, std::string{"127.0.0.1:0"}, std::string{"broken handler"}}) {
        EXPECT_NE(errors.texts[0].find(part), std::string::npos) << errors.texts[0];
    }
}

TENDRIL_HUB_TEST(stream_server_options, errors_go_to_the_hook_and_nowhere_else) {
    reported_errors errors;
    std::vector<std::string> told;
    stream_server_options options{.tell_connection = false};
    options.on_error = [&](connection_info const& served, std::exception_ptr error) {
        told.push_back(to_string(served.peer) + ": " + describe(error));
    };
    stream_server server{
        "127.0.0.1:0", [](tcp_stream&) { throw std::runtime_error{"x"}; }, options};
    server.start();
    tcp_stream client = guest_of(server);
    std::string const peer = to_string(client.local_endpoint());
    EXPECT_EQ(hear_all(client), "");
    settle();
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told[0].find(peer), 0U) << told[0];
    EXPECT_TRUE(errors.texts.empty());
}

TENDRIL_HUB_TEST(stream_server_options, what_the_hook_for_errors_throws_is_reported) {
    reported_errors errors;
    stream_server_options options;
    options.on_error = [&](connection_info const&, std::exception_ptr) {
        throw std::runtime_error{"in the hook"};
    };
    stream_server server{"127.0.0.1:0", [](tcp_stream&) { throw 1; }, options};
    server.start();
    tcp_stream client = guest_of(server);
    EXPECT_EQ(hear_all(client), "");
    settle();
    ASSERT_EQ(errors.texts.size(), 1U);
    EXPECT_NE(errors.texts[0].find("in the hook"), std::string::npos);
    EXPECT_EQ(server.statistics().failed, 1U);
}

// Numbers.

TENDRIL_HUB_TEST(stream_server_options, counts_how_handlers_end) {
    reported_errors const errors;
    stream_server server{"127.0.0.1:0", [](tcp_stream& stream) {
                             std::string const wish = hear(stream);
                             if (wish == "fail") {
                                 throw std::runtime_error{"as asked"};
                             }
                             if (wish == "end") {
                                 throw system_error{io_error(errc::closed)};
                             }
                             if (wish == "stay") {
                                 sleep_for(1h);
                             }
                         }};
    server.start();
    for (std::string const wish : {"fail", "end", "return"}) {
        EXPECT_EQ(answer_to(server, wish), "");
    }
    tcp_stream staying = guest_of(server);
    say(staying, "stay");
    settle();
    EXPECT_EQ(server.statistics().connections, 1U);
    server.stop(0s);
    stream_server_statistics const numbers = server.statistics();
    EXPECT_EQ(numbers.accepted, 4U);
    EXPECT_EQ(numbers.ended, 2U);
    EXPECT_EQ(numbers.failed, 1U);
    EXPECT_EQ(numbers.killed, 1U);
    EXPECT_EQ(numbers.connections, 0U);
}

TENDRIL_TEST(stream_server_options, numbers_of_two_servers_add_up) {
    stream_server_statistics sum{
        .connections = 1,
        .accepted = 2,
        .accept_errors = 3,
        .ended = 4,
        .failed = 5,
        .killed = 6,
        .refused = 7,
        .refused_headers = 8};
    sum += stream_server_statistics{sum};
    EXPECT_EQ(sum.connections, 2U);
    EXPECT_EQ(sum.accepted, 4U);
    EXPECT_EQ(sum.accept_errors, 6U);
    EXPECT_EQ(sum.ended, 8U);
    EXPECT_EQ(sum.failed, 10U);
    EXPECT_EQ(sum.killed, 12U);
    EXPECT_EQ(sum.refused, 14U);
    EXPECT_EQ(sum.refused_headers, 16U);
}

// A limit for each address.

TENDRIL_HUB_TEST(stream_server_options, one_too_many_of_an_address_is_closed_at_once) {
    stream_server server{"127.0.0.1:0", echo, {.max_connections_per_address = 2}};
    server.start();
    tcp_stream one = guest_of(server);
    tcp_stream two = guest_of(server);
    tcp_stream three = guest_of(server);
    EXPECT_EQ(hear_all(three), "");
    EXPECT_EQ(server.statistics().refused, 1U);
    EXPECT_EQ(server.statistics().connections, 2U);
    say(two, "served");
    EXPECT_EQ(hear(two), "served");
    one.close();
    settle();
    tcp_stream four = guest_of(server);
    say(four, "served");
    EXPECT_EQ(hear(four), "served");
    EXPECT_EQ(server.statistics().refused, 1U);
}

TENDRIL_HUB_TEST(stream_server_options, others_have_room_when_one_address_has_none) {
    stream_server_options options = behind_a_proxy();
    options.max_connections_per_address = 1;
    event leave;
    stream_server server{
        "127.0.0.1:0",
        [&](tcp_stream& stream) {
            tell_peer(stream);
            leave.wait();
        },
        options};
    server.start();
    std::vector<tcp_stream> clients;
    auto const from = [&](std::string const& address) {
        clients.push_back(guest_of(server));
        say(clients.back(), proxy_header_v1(header_from(address)));
        return hear(clients.back());
    };
    EXPECT_EQ(from("198.51.100.1"), "198.51.100.1:5000");
    EXPECT_EQ(from("198.51.100.1"), "");
    EXPECT_EQ(from("198.51.100.2"), "198.51.100.2:5000");
    EXPECT_EQ(server.statistics().refused, 1U);
    leave.set();
    settle();
    leave.reset();
    EXPECT_EQ(from("198.51.100.1"), "198.51.100.1:5000");
    leave.set();
}

TENDRIL_HUB_TEST(stream_server_options, a_customer_of_ipv6_counts_as_one) {
    stream_server_options options{.max_connections_per_address = 1};
    stream_server server{"[::1]:0", echo, options};
    server.start();
    tcp_stream const one = guest_of(server);
    tcp_stream other = guest_of(server);
    EXPECT_EQ(hear_all(other), "");
    EXPECT_EQ(server.statistics().refused, 1U);
}

// What a proxy says.

TENDRIL_HUB_TEST(stream_server_options, a_trusted_proxy_says_who_has_connected) {
    stream_server server{"127.0.0.1:0", tell_peer, behind_a_proxy()};
    server.start();
    proxy_header const header = header_from("198.51.100.7");
    EXPECT_EQ(answer_to(server, proxy_header_v1(header)), "198.51.100.7:5000");
    EXPECT_EQ(answer_to(server, proxy_header_v2(header)), "198.51.100.7:5000");
    EXPECT_EQ(server.statistics().refused_headers, 0U);
}

TENDRIL_HUB_TEST(stream_server_options, a_proxy_that_speaks_for_itself_is_the_peer) {
    stream_server server{"127.0.0.1:0", tell_peer, behind_a_proxy()};
    server.start();
    tcp_stream client = guest_of(server);
    say(client, proxy_header_v2({.what = proxy_header::kind::local}));
    EXPECT_EQ(hear_all(client), to_string(client.local_endpoint()));
}

TENDRIL_HUB_TEST(stream_server_options, what_follows_the_header_is_the_handlers) {
    stream_server server{
        "127.0.0.1:0", [](tcp_stream& stream) { say(stream, hear(stream)); }, behind_a_proxy()};
    server.start();
    EXPECT_EQ(answer_to(server, proxy_header_v1(header_from("198.51.100.7")) + "first"), "first");
}

TENDRIL_HUB_TEST(stream_server_options, a_header_is_taken_from_nobody_but_a_trusted_proxy) {
    stream_server server{"127.0.0.1:0", tell_peer, behind_a_proxy("192.0.2.0/24")};
    server.start();
    EXPECT_EQ(answer_to(server, proxy_header_v1(header_from("198.51.100.7"))), "");
    EXPECT_EQ(server.statistics().refused_headers, 1U);
}

TENDRIL_HUB_TEST(stream_server_options, a_connection_without_a_header_is_refused) {
    reported_errors const errors;
    stream_server server{"127.0.0.1:0", tell_peer, behind_a_proxy()};
    server.start();
    EXPECT_EQ(answer_to(server, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "");
    { tcp_stream const goes = guest_of(server); }
    settle();
    EXPECT_EQ(server.statistics().refused_headers, 2U);
    EXPECT_TRUE(errors.texts.empty());
}

TENDRIL_HUB_TEST(stream_server_options, a_header_has_a_limit_that_no_trickle_extends) {
    stream_server server{"127.0.0.1:0", tell_peer, behind_a_proxy()};
    server.start();
    tcp_stream client = guest_of(server);
    auto trickle = spawn([&] {
        error_code error;
        for (char const each : std::string_view{"PROXY TCP4 198.51.100.7 192.0.2.1 5000 80\r\n"}) {
            client.write(boost::asio::buffer(&each, 1), error);
            sleep_for(1s);
        }
    });
    settle();
    EXPECT_EQ(hear_all(client), "");
    EXPECT_EQ(clock.elapsed() / 1s, 3);
    EXPECT_EQ(server.statistics().refused_headers, 1U);
    trickle.kill();
    trickle.join();
}

TENDRIL_HUB_TEST(stream_server_options, a_header_has_a_limit_in_bytes) {
    stream_server_options options = behind_a_proxy();
    options.proxy_header.most_bytes = 200;
    stream_server server{"127.0.0.1:0", tell_peer, options};
    server.start();
    proxy_header header = header_from("198.51.100.7");
    header.extensions = std::string{"\x04\x01\x00", 3} + std::string(256, 'x');
    EXPECT_EQ(answer_to(server, proxy_header_v2(header)), "");
    EXPECT_EQ(server.statistics().refused_headers, 1U);
}

TENDRIL_HUB_TEST(stream_server_options, who_is_slow_with_a_header_holds_up_nobody) {
    stream_server server{"127.0.0.1:0", tell_peer, behind_a_proxy()};
    server.start();
    tcp_stream const silent = guest_of(server);
    EXPECT_EQ(answer_to(server, proxy_header_v1(header_from("198.51.100.7"))), "198.51.100.7:5000");
    EXPECT_EQ(clock.elapsed() / 1ms, 0);
}

TENDRIL_HUB_TEST(stream_server_options, a_proxy_at_a_unix_socket_is_trusted) {
    std::string const name = "@tendril-proxy-" + std::to_string(::getpid());
    stream_server server{"unix:" + name, tell_peer, behind_a_proxy("192.0.2.1")};
    server.start();
    unix_stream client = unix_stream::connect(name);
    say(client, proxy_header_v1(header_from("198.51.100.7")));
    EXPECT_EQ(hear_all(client), "198.51.100.7:5000");
}

TENDRIL_HUB_TEST(stream_server_options, who_comes_by_tcp_to_a_unix_server_is_not_trusted_for_that) {
    std::string const name = "@tendril-proxy-" + std::to_string(::getpid());
    stream_server server{"unix:" + name, tell_peer, behind_a_proxy("192.0.2.1")};
    server.start(tcp_listener::bind("127.0.0.1", 0));
    EXPECT_EQ(answer_to(server, proxy_header_v1(header_from("198.51.100.7"))), "");
    EXPECT_EQ(server.statistics().refused_headers, 1U);
}
