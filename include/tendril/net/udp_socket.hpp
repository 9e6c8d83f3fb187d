// SPDX-License-Identifier: BSL-1.0
#pragma once

// UDP sockets whose calls park the greenlet instead of blocking the thread.
//
//     auto socket = tendril::udp_socket::bind("127.0.0.1", 7000);
//     std::array<char, 1500> data;
//     tendril::udp_endpoint sender;
//     while (true) {
//         std::size_t const size = socket.receive_from(boost::asio::buffer(data), sender);
//         socket.send_to(boost::asio::buffer(data, size), sender);
//     }
//
// A connected socket sends to one peer, receives from nobody else, and learns when there is no
// socket at the other end:
//
//     auto socket = tendril::udp_socket::connect("127.0.0.1", 7000);
//     socket.send(boost::asio::buffer("ping"sv));
//     std::size_t const size = socket.receive_for(boost::asio::buffer(data), 1s);
//
// Asio's options say the rest: `socket_base::broadcast`, `ip::multicast::hops`,
// `ip::multicast::enable_loopback`, `ip::multicast::outbound_interface`.
//
// Read next: datagram_socket.hpp has the calls and their errors.

#include <tendril/net/datagram_socket.hpp>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/udp.hpp>

#include <cstdint>
#include <string>

namespace tendril {

using udp_endpoint = boost::asio::ip::udp::endpoint;

/// Writes "127.0.0.1:53" or "[::1]:53". Switches: never. Thread: any.
std::string to_string(udp_endpoint const& endpoint);

/// What is set before a socket is bound.
struct udp_options {
    /// Lets several sockets of multicast groups share an address: each receives every datagram.
    bool reuse_address = false;
    /// Lets several sockets share an address: the kernel spreads senders over them.
    bool reuse_port = false;
};

class udp_socket : public datagram_socket<udp_endpoint> {
public:
    /// Makes a socket that is not open: every operation says `errc::closed`.
    udp_socket() noexcept = default;

    /// Makes a socket at an address; port 0 means one that is free. An empty host means every
    /// address of the machine, IPv6 and IPv4 with one socket. Throws: system_error, naming the
    /// address; what was requested for the greenlet. Switches: may, for a name.
    static udp_socket bind(
        std::string const& host, std::uint16_t port, udp_options const& options = {});

    /// As above, at an endpoint. Switches: never.
    static udp_socket bind(udp_endpoint const& local, udp_options const& options = {});

    /// Makes a socket that has a peer. Of a name, takes the first address that can be reached from
    /// here. Nothing is sent. Throws: system_error, naming the address; what was requested for the
    /// greenlet. Switches: may, for a name.
    static udp_socket connect(std::string const& host, std::uint16_t port);

    /// As above, to an endpoint. Switches: never.
    static udp_socket connect(udp_endpoint const& peer, error_code& error);
    static udp_socket connect(udp_endpoint const& peer);

    /// Takes over a descriptor, which it makes non-blocking. On failure the descriptor is closed.
    /// Throws: system_error. Switches: never.
    static udp_socket adopt(int descriptor, error_code& error);
    static udp_socket adopt(int descriptor);

    /// Joins a multicast group on the network interface of this number (`if_nametoindex`); with 0
    /// the system chooses one. Throws: system_error. Switches: never.
    void join_group(boost::asio::ip::address const& group, std::uint32_t interface = 0);

    /// Leaves a group that was joined on that interface. Throws: system_error. Switches: never.
    void leave_group(boost::asio::ip::address const& group, std::uint32_t interface = 0);

private:
    void change_group(
        int operation, boost::asio::ip::address const& group, std::uint32_t interface);
};

}  // namespace tendril
