// SPDX-License-Identifier: BSL-1.0
//
// Calls of sockets that fail at once, or have nothing to do, take of the turn's budget all the
// same: who ignores errors in a loop does not keep the others from their turns.
#include <harness/datagrams.hpp>
#include <harness/own_folder.hpp>
#include <harness/streams.hpp>
#include <harness/turns.hpp>
#include <tendril/net/resolver.hpp>

#include <boost/asio/buffer.hpp>

#include <array>
#include <string>

namespace {

using namespace tendril;
using test::lets_others_run;

template <typename Stream>
void expect_turns_of_reads(Stream& stream) {
    std::array<char, 8> data{};
    error_code ignored;
    EXPECT_TRUE(lets_others_run([&] { stream.read_some(boost::asio::buffer(data), ignored); }));
    std::array<boost::asio::mutable_buffer, 2> const two{
        boost::asio::buffer(data, 4), boost::asio::buffer(data) + 4};
    EXPECT_TRUE(lets_others_run([&] { stream.read_some(two, ignored); }));
}

template <typename Stream>
void expect_turns_of_writes(Stream& stream) {
    std::array<char, 8> data{};
    error_code ignored;
    EXPECT_TRUE(lets_others_run([&] { stream.write_some(boost::asio::buffer(data), ignored); }));
    EXPECT_TRUE(lets_others_run([&] { stream.write(boost::asio::buffer(data), ignored); }));
    EXPECT_TRUE(lets_others_run([&] { stream.send_file(0, 0, 1, ignored); }));
}

}  // namespace

TENDRIL_HUB_TEST(stream_socket, a_loop_over_a_stream_that_has_ended_lets_others_run) {
    test::for_each_kind([](auto& here, auto& there) {
        there.shutdown_both();
        there.close();
        expect_turns_of_reads(here);
        here.shutdown_both();
        expect_turns_of_writes(here);
    });
}

TENDRIL_HUB_TEST(stream_socket, a_loop_over_a_closed_stream_lets_others_run) {
    test::for_each_kind([](auto& here, auto&) {
        here.close();
        expect_turns_of_reads(here);
        expect_turns_of_writes(here);
    });
    tcp_stream nowhere;
    expect_turns_of_reads(nowhere);
    expect_turns_of_writes(nowhere);
}

TENDRIL_HUB_TEST(stream_socket, a_loop_over_a_stream_that_somebody_else_uses_lets_others_run) {
    test::for_each_kind([](auto& here, auto& there) {
        task<error_code> const reader = test::spawn_reader(here);
        yield();
        expect_turns_of_reads(here);
        there.close();
        reader.join();
    });
}

TENDRIL_HUB_TEST(stream_socket, a_loop_over_no_bytes_lets_others_run) {
    test::for_each_kind([](auto& here, auto&) {
        error_code ignored;
        EXPECT_TRUE(
            lets_others_run([&] { here.read_some(boost::asio::mutable_buffer{}, ignored); }));
        EXPECT_TRUE(lets_others_run([&] { here.write(boost::asio::const_buffer{}, ignored); }));
        EXPECT_TRUE(
            lets_others_run([&] { here.write_some(boost::asio::const_buffer{}, ignored); }));
        EXPECT_TRUE(lets_others_run([&] { here.send_file(0, 0, 0, ignored); }));
    });
}

TENDRIL_HUB_TEST(stream_socket, a_call_for_no_bytes_looks_for_interruption) {
    test::for_each_kind([](auto& here, auto&) {
        task<void> const reader = spawn([&] {
            while (true) {
                here.read_some(boost::asio::mutable_buffer{});
            }
        });
        yield();
        reader.cancel();
        reader.join();
        EXPECT_TRUE(reader.was_cancelled());
    });
}

TENDRIL_HUB_TEST(stream_socket, a_loop_over_descriptors_of_an_ended_stream_lets_others_run) {
    auto [here, there] = test::connected_unix_pair();
    there.close();
    std::array<char, 8> data{};
    error_code ignored;
    EXPECT_TRUE(
        lets_others_run([&] { here.receive_descriptors(boost::asio::buffer(data), ignored); }));
    EXPECT_TRUE(
        lets_others_run([&] { here.send_descriptors(boost::asio::buffer(data), {}, ignored); }));
    here.close();
    EXPECT_TRUE(
        lets_others_run([&] { here.receive_descriptors(boost::asio::buffer(data), ignored); }));
    EXPECT_TRUE(
        lets_others_run([&] { here.send_descriptors(boost::asio::buffer(data), {}, ignored); }));
}

TENDRIL_HUB_TEST(stream_socket, a_loop_over_a_closed_listener_lets_others_run) {
    test::own_folder const folder;
    error_code ignored;
    tcp_listener of_tcp = tcp_listener::bind("127.0.0.1", 0);
    of_tcp.close();
    EXPECT_TRUE(lets_others_run([&] { of_tcp.accept(ignored); }));
    unix_listener of_unix = unix_listener::bind(folder.file("here"));
    of_unix.close();
    EXPECT_TRUE(lets_others_run([&] { of_unix.accept(ignored); }));
}

TENDRIL_HUB_TEST(stream_socket, a_loop_that_calls_nobody_lets_others_run) {
    test::own_folder const folder;
    error_code ignored;
    tcp_endpoint const deserted = test::deserted_endpoint();
    EXPECT_TRUE(lets_others_run([&] { tcp_stream::connect(deserted, ignored); }));
    EXPECT_TRUE(lets_others_run([&] { unix_stream::connect(folder.file("nobody"), ignored); }));
    EXPECT_TRUE(lets_others_run([&] { unix_stream::connect("", ignored); }));
    EXPECT_TRUE(lets_others_run(
        [&] { tcp_stream::connect(std::vector{deserted}, connect_options{}, ignored); }));
}

TENDRIL_HUB_TEST(stream_socket, a_loop_that_always_finds_who_it_calls_lets_others_run) {
    test::own_folder const folder;
    unix_listener const listener = unix_listener::bind(folder.file("here"));
    std::vector<unix_stream> made;
    EXPECT_TRUE(
        lets_others_run([&] { made.push_back(unix_stream::connect(folder.file("here"))); }));
}

TENDRIL_HUB_TEST(stream_socket, a_loop_of_look_ups_that_ask_nobody_lets_others_run) {
    error_code ignored;
    for (std::string const& host : {"127.0.0.1", "localhost", "bad name"}) {
        EXPECT_TRUE(lets_others_run([&] { resolve(host, "80", deadline::never(), ignored); }))
            << host;
    }
    EXPECT_TRUE(lets_others_run([&] { resolve("127.0.0.1", "?", deadline::never(), ignored); }));
}

TENDRIL_HUB_TEST(stream_socket, a_loop_over_a_datagram_socket_that_fails_lets_others_run) {
    udp_socket socket = udp_socket::bind("127.0.0.1", 0);
    std::array<char, 8> data{};
    error_code ignored;
    EXPECT_TRUE(lets_others_run([&] { socket.send(boost::asio::buffer(data), ignored); }));
    socket.close();
    EXPECT_TRUE(lets_others_run([&] { socket.send(boost::asio::buffer(data), ignored); }));
    EXPECT_TRUE(lets_others_run([&] { socket.receive(boost::asio::buffer(data), ignored); }));
}
