// SPDX-License-Identifier: BSL-1.0
//
// What UDP adds: addresses and names, peers that refuse, groups, broadcast.
#include <harness/datagrams.hpp>
#include <tendril/net/udp_socket.hpp>
#include <tendril/support/system_calls.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/ip/multicast.hpp>
#include <boost/asio/socket_base.hpp>

#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <string>

namespace {

using namespace tendril;
using test::connected_sockets;
using test::post;
using test::receive_error;
using test::send_error;
using test::take;
namespace asio_error = boost::asio::error;
namespace multicast = boost::asio::ip::multicast;

udp_socket bound() { return udp_socket::bind("127.0.0.1", 0); }

boost::asio::ip::address const group = boost::asio::ip::make_address("239.255.77.1");

// A socket that has joined a group on the loopback interface, at a port that several share.
udp_socket member(std::uint16_t port, std::uint32_t loopback) {
    udp_socket made = udp_socket::bind(udp_endpoint{group, port}, {.reuse_address = true});
    made.join_group(group, loopback);
    return made;
}

// A socket that sends to groups by way of the loopback interface.
udp_socket speaker() {
    udp_socket made = bound();
    made.set_option(multicast::outbound_interface{boost::asio::ip::address_v4::loopback()});
    return made;
}

}  // namespace

TENDRIL_HUB_TEST(udp_socket, an_answer_goes_to_the_sender_of_the_question) {
    udp_socket server = bound();
    udp_socket client = bound();
    client.send_to(boost::asio::buffer("question", 8), server.local_endpoint());
    std::array<char, 64> data;
    udp_endpoint sender;
    std::size_t const size = server.receive_from(boost::asio::buffer(data), sender);
    EXPECT_EQ(std::string(data.data(), size), "question");
    EXPECT_EQ(sender, client.local_endpoint());
    server.send_to(boost::asio::buffer("answer", 6), sender);
    EXPECT_EQ(take(client), "answer");
}

TENDRIL_HUB_TEST(udp_socket, an_empty_host_means_both_families) {
    udp_socket server = udp_socket::bind("", 0);
    std::uint16_t const port = server.local_endpoint().port();
    udp_socket by_four = udp_socket::connect("127.0.0.1", port);
    post(by_four, "four");
    EXPECT_EQ(take(server), "four");
}

TENDRIL_HUB_TEST(udp_socket, an_empty_host_means_the_older_family_where_there_is_no_other) {
    system_calls table = kernel();
    table.socket = [](int family, int type, int protocol) {
        errno = EAFNOSUPPORT;
        return family == AF_INET6 ? -1 : real_kernel().socket(family, type, protocol);
    };
    {
        replaced_system_calls const in_place{table};
        EXPECT_TRUE(udp_socket::bind("", 0).local_endpoint().address().is_v4());
    }
    table.socket = [](int, int, int) {
        errno = EMFILE;
        return -1;
    };
    replaced_system_calls const in_place{table};
    EXPECT_EQ(
        test::code_of([] { udp_socket::bind("", 0); }), boost::system::errc::too_many_files_open);
}

TENDRIL_HUB_TEST(udp_socket, names_are_looked_up) {
    udp_socket server = bound();
    udp_socket client = udp_socket::connect("localhost", server.local_endpoint().port());
    if (client.remote_endpoint().address().is_v4()) {
        post(client, "by name");
        EXPECT_EQ(take(server), "by name");
    }
}

TENDRIL_HUB_TEST(udp_socket, a_connected_one_hears_its_peer_only) {
    auto [here, there] = connected_sockets();
    udp_socket stranger = bound();
    stranger.send_to(boost::asio::buffer("stranger", 8), there.local_endpoint());
    post(here, "peer");
    EXPECT_EQ(take(there), "peer");
    EXPECT_TRUE(there.is_connected());
    EXPECT_FALSE(stranger.is_connected());
    EXPECT_EQ(there.remote_endpoint(), here.local_endpoint());
}

TENDRIL_HUB_TEST(udp_socket, a_refusal_is_told_once_and_the_next_call_goes_on) {
    udp_socket client = udp_socket::connect(test::deserted_address());
    post(client, "anybody?");
    EXPECT_EQ(receive_error(client), asio_error::connection_refused);
    udp_socket server = udp_socket::bind(client.remote_endpoint());
    EXPECT_FALSE(send_error(client, "again").failed());
    EXPECT_EQ(take(server), "again");
}

TENDRIL_HUB_TEST(udp_socket, a_refusal_wakes_whoever_waits) {
    udp_socket client = udp_socket::connect(test::deserted_address());
    auto receiver = spawn([&] { return receive_error(client); });
    test::settle();
    post(client, "anybody?");
    EXPECT_EQ(receiver.get(), asio_error::connection_refused);
}

TENDRIL_HUB_TEST(udp_socket, one_that_is_not_connected_does_not_hear_of_refusals) {
    udp_socket client = bound();
    client.send_to(boost::asio::buffer("anybody?", 8), test::deserted_address());
    std::array<char, 8> data;
    error_code error;
    client.receive_for(boost::asio::buffer(data), error, std::chrono::seconds{1});
    EXPECT_EQ(error, errc::timed_out);
}

TENDRIL_HUB_TEST(udp_socket, too_large_a_datagram_is_an_error_and_nothing_is_sent) {
    auto [here, there] = connected_sockets();
    EXPECT_EQ(send_error(here, std::string(70'000, 'x')), asio_error::message_size);
    EXPECT_FALSE(send_error(here, std::string(60'000, 'x')).failed());
}

TENDRIL_HUB_TEST(udp_socket, without_a_peer_there_is_nowhere_to_send) {
    udp_socket alone = bound();
    EXPECT_EQ(send_error(alone).value(), EDESTADDRREQ);
    EXPECT_EQ(test::code_of([&] { alone.remote_endpoint(); }), asio_error::not_connected);
}

TENDRIL_HUB_TEST(udp_socket, every_member_of_a_group_hears_what_is_sent_to_it) {
    std::uint32_t const loopback = ::if_nametoindex("lo");
    std::uint16_t const port = test::deserted_address().port();
    udp_socket first = member(port, loopback);
    udp_socket second = member(port, loopback);
    udp_socket sender = speaker();
    sender.send_to(boost::asio::buffer("all", 3), udp_endpoint{group, port});
    EXPECT_EQ(take(first), "all");
    EXPECT_EQ(take(second), "all");
}

TENDRIL_HUB_TEST(udp_socket, who_has_left_a_group_hears_no_more) {
    std::uint32_t const loopback = ::if_nametoindex("lo");
    std::uint16_t const port = test::deserted_address().port();
    udp_socket first = member(port, loopback);
    udp_socket second = member(port, loopback);
    first.set_option(
        boost::asio::detail::socket_option::boolean<IPPROTO_IP, IP_MULTICAST_ALL>{false});
    first.leave_group(group, loopback);
    speaker().send_to(boost::asio::buffer("all", 3), udp_endpoint{group, port});
    EXPECT_EQ(take(second), "all");
    std::array<char, 8> data;
    error_code error;
    first.receive_for(boost::asio::buffer(data), error, std::chrono::seconds{1});
    EXPECT_EQ(error, errc::timed_out);
    EXPECT_NE(
        test::text_of([&] { first.leave_group(group, loopback); }).find("239.255.77.1"),
        std::string::npos);
}

TENDRIL_HUB_TEST(udp_socket, a_group_is_not_heard_without_loopback) {
    std::uint32_t const loopback = ::if_nametoindex("lo");
    std::uint16_t const port = test::deserted_address().port();
    udp_socket listener = member(port, loopback);
    udp_socket silent = speaker();
    silent.set_option(multicast::enable_loopback{false});
    silent.set_option(multicast::hops{1});
    multicast::hops hops;
    silent.get_option(hops);
    EXPECT_EQ(hops.value(), 1);
    multicast::enable_loopback heard;
    silent.get_option(heard);
    EXPECT_FALSE(heard.value());
}

TENDRIL_HUB_TEST(udp_socket, broadcast_must_be_allowed) {
    udp_socket sender = bound();
    udp_endpoint const everybody{boost::asio::ip::address_v4::broadcast(), 9};
    error_code error;
    sender.send_to(boost::asio::buffer("x", 1), everybody, error);
    EXPECT_EQ(error, asio_error::access_denied);
    sender.set_option(boost::asio::socket_base::broadcast{true});
    boost::asio::socket_base::broadcast allowed;
    sender.get_option(allowed);
    EXPECT_TRUE(allowed.value());
}

TENDRIL_HUB_TEST(udp_socket, errors_name_the_address) {
    udp_socket first = bound();
    std::string const address = to_string(first.local_endpoint());
    auto const again = [&] { udp_socket::bind(first.local_endpoint()); };
    EXPECT_EQ(test::code_of(again), asio_error::address_in_use);
    EXPECT_NE(test::text_of(again).find(address), std::string::npos);
    EXPECT_FALSE(test::names_a_source(test::text_of(again)));
    auto const nowhere = [] {
        udp_socket::connect(udp_endpoint{boost::asio::ip::address_v4::broadcast(), 9});
    };
    EXPECT_EQ(test::code_of(nowhere), asio_error::access_denied);
    EXPECT_NE(test::text_of(nowhere).find("255.255.255.255:9"), std::string::npos);
}

TENDRIL_HUB_TEST(udp_socket, several_may_share_a_port) {
    udp_socket first = udp_socket::bind(
        {boost::asio::ip::address_v4::loopback(), 0}, {.reuse_port = true});
    EXPECT_NO_THROW(udp_socket::bind(first.local_endpoint(), {.reuse_port = true}));
}

TENDRIL_HUB_TEST(udp_socket, a_released_descriptor_can_be_adopted) {
    auto [here, there] = connected_sockets();
    post(here, "before");
    int const descriptor = there.release();
    EXPECT_FALSE(there.is_open());
    EXPECT_EQ(test::code_of([&end = there] { end.release(); }), errc::closed);
    udp_socket again = udp_socket::adopt(descriptor);
    EXPECT_TRUE(again.is_connected());
    EXPECT_EQ(take(again), "before");
}

TENDRIL_HUB_TEST(udp_socket, what_is_no_datagram_socket_is_not_adopted) {
    auto const adopt = [](int domain, int type) {
        return test::code_of([&] { udp_socket::adopt(::socket(domain, type | SOCK_CLOEXEC, 0)); });
    };
    EXPECT_EQ(adopt(AF_INET, SOCK_STREAM), asio_error::operation_not_supported);
    EXPECT_EQ(adopt(AF_UNIX, SOCK_DGRAM), asio_error::address_family_not_supported);
    EXPECT_EQ(test::code_of([] { udp_socket::adopt(-1); }), asio_error::bad_descriptor);
}

TENDRIL_TEST(udp_socket, an_endpoint_is_written_with_its_port) {
    EXPECT_EQ(to_string(udp_endpoint{boost::asio::ip::address_v4::loopback(), 53}), "127.0.0.1:53");
    EXPECT_EQ(to_string(udp_endpoint{boost::asio::ip::address_v6::loopback(), 53}), "[::1]:53");
}
