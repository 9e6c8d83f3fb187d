// SPDX-License-Identifier: BSL-1.0
#include <harness/network.hpp>
#include <tendril/server/connection.hpp>
#include <tendril/server/stream_server.hpp>

#include <unistd.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::hear_all;
using test::settle;

}  // namespace

TENDRIL_TEST(connection, peers_are_written_as_addresses) {
    tcp_endpoint const four{boost::asio::ip::make_address("127.0.0.1"), 80};
    tcp_endpoint const six{boost::asio::ip::make_address("::1"), 80};
    EXPECT_EQ(to_string(connection_peer{.endpoint = four}), "127.0.0.1:80");
    EXPECT_EQ(to_string(connection_peer{.endpoint = six}), "[::1]:80");
    EXPECT_EQ(to_string(connection_peer{.name = "/run/x"}), "unix:/run/x");
    EXPECT_EQ(to_string(connection_peer{.name = "/run/x\ny\x7f"}), "unix:/run/x\\x0ay\\x7f");
    EXPECT_EQ(to_string(connection_peer{}), "somebody");
}

TENDRIL_HUB_TEST(connection, a_handler_knows_its_own) {
    std::vector<connection_info> seen;
    time_point const before = now();
    stream_server server{
        "127.0.0.1:0", [&](tcp_stream&) { seen.push_back(this_connection.get()); }};
    server.start();
    sleep_for(3s);
    tcp_stream one = tcp_stream::connect(server.local_endpoint());
    tcp_endpoint const address_of_one = one.local_endpoint();
    EXPECT_EQ(hear_all(one), "");
    tcp_stream other = tcp_stream::connect(server.local_endpoint());
    EXPECT_EQ(hear_all(other), "");
    ASSERT_EQ(seen.size(), 2U);
    EXPECT_EQ(seen[0].peer.endpoint, address_of_one);
    EXPECT_LT(seen[0].id, seen[1].id);
    EXPECT_GE(seen[0].since - before, 3s);
}

TENDRIL_HUB_TEST(connection, tasks_of_a_handler_inherit_it_and_others_have_none) {
    std::optional<std::uint64_t> in_handler;
    std::optional<std::uint64_t> in_task;
    stream_server server{"127.0.0.1:0", [&](tcp_stream&) {
                             in_handler = this_connection.get().id;
                             spawn([&] { in_task = this_connection.get().id; }).join();
                         }};
    server.start();
    tcp_stream client = tcp_stream::connect(server.local_endpoint());
    EXPECT_EQ(hear_all(client), "");
    EXPECT_TRUE(in_handler.has_value());
    EXPECT_EQ(in_handler, in_task);
    EXPECT_EQ(this_connection.find(), nullptr);
}

TENDRIL_HUB_TEST(connection, is_not_told_when_nobody_wants_to_know) {
    bool found = true;
    stream_server server{
        "127.0.0.1:0",
        [&](tcp_stream&) { found = this_connection.find() != nullptr; },
        {.tell_connection = false}};
    server.start();
    tcp_stream client = tcp_stream::connect(server.local_endpoint());
    EXPECT_EQ(hear_all(client), "");
    EXPECT_FALSE(found);
}

TENDRIL_HUB_TEST(connection, of_a_unix_socket_has_no_endpoint) {
    std::string peer;
    stream_server server{
        "unix:@tendril-connection-test-" + std::to_string(::getpid()),
        [&](unix_stream&) { peer = to_string(this_connection.get().peer); }};
    server.start();
    unix_stream client = unix_stream::connect(server.local_address().substr(5));
    EXPECT_EQ(hear_all(client), "");
    EXPECT_EQ(peer, "somebody");
}

TENDRIL_HUB_TEST(connection, of_ipv4_has_its_short_address_at_a_listener_for_both_families) {
    std::string peer;
    stream_server server{":0", [&](tcp_stream&) { peer = to_string(this_connection.get().peer); }};
    server.start();
    tcp_stream client = tcp_stream::connect("127.0.0.1", server.local_endpoint().port());
    EXPECT_EQ(hear_all(client), "");
    EXPECT_EQ(peer, to_string(client.local_endpoint()));
}

TENDRIL_HUB_TEST(connection, that_nobody_wanted_to_know_of_is_named_in_a_report) {
    test::reported_errors errors;
    stream_server server{"127.0.0.1:0", [](tcp_stream&) { throw 1; }, {.tell_connection = false}};
    server.start();
    tcp_stream client = tcp_stream::connect(server.local_endpoint());
    EXPECT_EQ(hear_all(client), "");
    settle();
    ASSERT_EQ(errors.texts.size(), 1U);
    EXPECT_NE(errors.texts[0].find(to_string(client.local_endpoint())), std::string::npos);
}
