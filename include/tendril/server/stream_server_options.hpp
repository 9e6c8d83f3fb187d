// SPDX-License-Identifier: BSL-1.0
#pragma once

// How servers of streams work, and what they count.
//
//     tendril::stream_server server{"0.0.0.0:7000", echo, {
//         .max_connections = 10'000,
//         .max_connections_per_address = 100,
//         .on_error = [](tendril::connection_info const& served, std::exception_ptr error) { … },
//     }};
//
// docs/servers.md has all limits and their defaults in one table.
//
// With the PROXY protocol (net/proxy_protocol.hpp) each connection begins with a header that says
// who has connected to the proxy. It is read in the greenlet of the connection, so one who is slow
// at it holds up nobody, and only from trusted peers: anybody else is refused. A peer of a Unix
// socket is trusted, because the permissions of the path decide who can be one.

#include <tendril/context/stack_pool.hpp>
#include <tendril/net/proxy_protocol.hpp>
#include <tendril/net/tcp_listener.hpp>
#include <tendril/server/address_set.hpp>
#include <tendril/server/connection.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>

namespace tendril {

/// Whether connections begin with a header of a proxy.
enum class proxy_protocol : std::uint8_t {
    /// They do not.
    none,
    /// All do. One without, or of a peer that is not trusted, is refused.
    required,
};

/// How a stream server works. It is copied for each hub of a `server_group`, and so are the
/// functions in it.
struct stream_server_options {
    /// How many connections may be open at once; zero means as many as the process can hold.
    std::size_t max_connections = 0;
    /// How many of them one address may have; zero means all. A client of IPv6 counts by the first
    /// half of its address, which is what a customer gets. One too many is closed at once. Clients
    /// of Unix sockets have no address.
    std::size_t max_connections_per_address = 0;
    /// How the listener is made. At a Unix socket `reuse_address` takes the path of a listener that
    /// has ended without removing it, and the options of ports do not matter.
    listen_options listen{};
    /// How many bytes of stack a handler gets.
    std::size_t stack_size = stack_pool::default_size;
    /// How long it waits after accepting has failed: the first time, and at most.
    std::chrono::milliseconds first_delay{10};
    std::chrono::milliseconds longest_delay{1000};
    /// Whether `stop` begins by ending the input of all connections: a handler that reads finds
    /// what has arrived, and then the end of file, and may still write. For handlers that serve one
    /// request after the other; others may ask `stopping`.
    bool end_input_at_stop = false;
    /// Whether connections begin with a header of a proxy, from whom, and what it may take: how
    /// long, and how many bytes.
    proxy_protocol proxy = proxy_protocol::none;
    address_set trusted_proxies{};
    std::chrono::milliseconds proxy_header_limit{3000};
    proxy_header_options proxy_header{};
    /// Whether `this_connection` says whom a handler serves. It costs a call of the system and two
    /// allocations for each connection.
    bool tell_connection = true;
    /// Is called by `start`, in its greenlet, before anything is bound. What it throws ends that.
    std::function<void()> before_start{};
    /// Is told what a handler has thrown, in the greenlet of the connection, instead of the error
    /// handler of the hub. What it throws itself goes there.
    std::function<void(connection_info const&, std::exception_ptr)> on_error{};
};

/// Numbers of a server at one moment, since it was made.
struct stream_server_statistics {
    /// Connections that are open, and how many have been accepted.
    std::size_t connections = 0;
    std::uint64_t accepted = 0;
    /// How often accepting has failed.
    std::uint64_t accept_errors = 0;
    /// How handlers have ended: by themselves or with their connection; by an error; by a `stop` or
    /// another wish.
    std::uint64_t ended = 0;
    std::uint64_t failed = 0;
    std::uint64_t killed = 0;
    /// Connections that no handler has seen: of an address that had too many, and of a proxy that
    /// is not trusted or whose header was none.
    std::uint64_t refused = 0;
    std::uint64_t refused_headers = 0;

    /// Adds the numbers of another server. Switches: never.
    stream_server_statistics& operator+=(stream_server_statistics const& other) noexcept;
};

}  // namespace tendril
