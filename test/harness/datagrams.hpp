// SPDX-License-Identifier: BSL-1.0
#pragma once

// Words that many tests of datagram sockets share: two of them that know each other.

#include <harness/network.hpp>
#include <tendril/net/udp_socket.hpp>
#include <tendril/net/unix_datagram.hpp>

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace tendril::test {

/// Two sockets on the loopback interface, each the peer of the other.
struct socket_pair {
    udp_socket here;
    udp_socket there;
};
inline socket_pair connected_sockets() {
    socket_pair made{udp_socket::bind("127.0.0.1", 0), udp_socket::bind("127.0.0.1", 0)};
    made.here.connect_to(made.there.local_endpoint());
    made.there.connect_to(made.here.local_endpoint());
    return made;
}

/// An address where no socket is.
inline udp_endpoint deserted_address() { return udp_socket::bind("127.0.0.1", 0).local_endpoint(); }

/// Receives one datagram as a text; an error as its message in brackets.
template <typename Socket>
std::string take(Socket& socket) {
    std::array<char, 4096> data;
    error_code error;
    std::size_t const size = socket.receive(boost::asio::buffer(data), error);
    return error.failed() ? "(" + error.message() + ")" : std::string{data.data(), size};
}

/// Sends a text.
template <typename Socket>
std::size_t post(Socket& socket, std::string_view text) {
    return socket.send(boost::asio::buffer(text));
}

/// How a receive ends that brings nothing.
template <typename Socket>
error_code receive_error(Socket& socket) {
    std::array<char, 64> data;
    error_code error;
    EXPECT_EQ(socket.receive(boost::asio::buffer(data), error), 0U);
    return error;
}

/// How a send ends.
template <typename Socket>
error_code send_error(Socket& socket, std::string_view text = "x") {
    error_code error;
    socket.send(boost::asio::buffer(text), error);
    return error;
}

/// Sends to a Unix socket until its queue is full, from sockets whose own room is not.
inline void fill_queue(unix_datagram_endpoint const& receiver) {
    bool is_full = false;
    while (!is_full) {
        unix_datagram const helper = unix_datagram::bind({});
        std::size_t sent = 0;
        while (::sendto(
                   helper.native_handle(), "f", 1, MSG_DONTWAIT, receiver.data(),
                   static_cast<socklen_t>(receiver.size())) == 1) {
            ++sent;
        }
        is_full = sent == 0;
    }
}

/// Sends to the peer of a Unix socket until there is no room.
inline void fill_peer(unix_datagram const& sender) {
    while (::send(sender.native_handle(), "f", 1, MSG_DONTWAIT) == 1) {}
}

/// Takes all that is there. Whose own room was full is told when most of it is free again.
inline void drain(unix_datagram const& receiver) {
    char byte = 0;
    while (::recv(receiver.native_handle(), &byte, 1, MSG_DONTWAIT) >= 0) {}
}

}  // namespace tendril::test
