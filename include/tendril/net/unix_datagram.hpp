// SPDX-License-Identifier: BSL-1.0
#pragma once

// Datagrams between the processes of one machine, by way of a path or an abstract name.
//
//     auto log = tendril::unix_datagram::bind("/run/service/log");
//     auto line = log.receive(boost::asio::buffer(data));
//
//     auto socket = tendril::unix_datagram::connect("/run/service/log");
//     socket.send(boost::asio::buffer("started"sv));
//
// Nothing is lost and nothing overtakes: a sender waits while the receiver's queue is full.
//
// A name is a path, or, when it begins with "@", a name of Linux's abstract space, which no file
// stands for and which goes with its socket. (A path that begins so is written "./@…".) A path
// stays when its socket is closed, and whoever has bound it removes the file. A socket that was not
// bound has no name, and nobody can answer it.
//
// Read next: datagram_socket.hpp has the calls and their errors.

#include <tendril/net/datagram_socket.hpp>

#include <boost/asio/local/datagram_protocol.hpp>

#include <concepts>
#include <string_view>
#include <utility>

namespace tendril {

/// The address of a socket, as `receive_from` fills it in.
using unix_datagram_endpoint = boost::asio::local::datagram_protocol::endpoint;

class unix_datagram : public datagram_socket<unix_datagram_endpoint> {
public:
    /// Makes a socket that is not open: every operation says `errc::closed`.
    unix_datagram() noexcept = default;

    /// The address of a name. Throws: system_error: too long, empty, or with a zero in it.
    /// Switches: never.
    static unix_datagram_endpoint address_of_name(std::string_view name);

    /// Makes a socket with this name; an empty one means an abstract name that is free.
    /// Throws: system_error, naming it. Switches: never.
    static unix_datagram bind(std::string_view name);

    /// Makes a socket that has a peer, and no name. Throws: system_error, naming the peer.
    /// Switches: never.
    static unix_datagram connect(std::string_view name);

    /// As above, to an address. A name is none, and would be ambiguous.
    template <std::same_as<unix_datagram_endpoint> Endpoint>
    static unix_datagram connect(Endpoint const& peer) {
        return connect_at(peer);
    }

    /// Makes two sockets that are each other's peers. Throws: system_error. Switches: never.
    static std::pair<unix_datagram, unix_datagram> pair();

    /// Takes over a descriptor, which it makes non-blocking. On failure the descriptor is closed.
    /// Throws: system_error. Switches: never.
    static unix_datagram adopt(int descriptor, error_code& error);
    static unix_datagram adopt(int descriptor);

private:
    static unix_datagram connect_at(unix_datagram_endpoint const& peer);
};

}  // namespace tendril
