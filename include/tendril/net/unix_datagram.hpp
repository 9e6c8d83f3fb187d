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
// Nothing is lost and nothing overtakes: a sender waits while the receiver's queue is full. A name
// that begins with a zero byte is abstract: it stands in no folder and goes with its socket. A path
// stays when its socket is closed, and whoever has bound it removes the file. A socket that was not
// bound has no name, and nobody can answer it.
//
// Read next: datagram_socket.hpp has the calls and their errors.

#include <tendril/net/datagram_socket.hpp>

#include <boost/asio/local/datagram_protocol.hpp>

#include <utility>

namespace tendril {

/// A path, or an abstract name: `unix_datagram_endpoint{"/run/service/log"}`.
using unix_datagram_endpoint = boost::asio::local::datagram_protocol::endpoint;

class unix_datagram : public datagram_socket<unix_datagram_endpoint> {
public:
    /// Makes a socket that is not open: every operation says `errc::closed`.
    unix_datagram() noexcept = default;

    /// Makes a socket with this name; an empty one means an abstract name that is free.
    /// Throws: system_error, naming the path. Switches: never.
    static unix_datagram bind(unix_datagram_endpoint const& local);

    /// Makes a socket that has a peer, and no name. Throws: system_error, naming the path.
    /// Switches: never.
    static unix_datagram connect(unix_datagram_endpoint const& peer, error_code& error);
    static unix_datagram connect(unix_datagram_endpoint const& peer);

    /// Makes two sockets that are each other's peers. Throws: system_error. Switches: never.
    static std::pair<unix_datagram, unix_datagram> pair();

    /// Takes over a descriptor, which it makes non-blocking. On failure the descriptor is closed.
    /// Throws: system_error. Switches: never.
    static unix_datagram adopt(int descriptor, error_code& error);
    static unix_datagram adopt(int descriptor);
};

}  // namespace tendril
