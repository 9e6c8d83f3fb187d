// SPDX-License-Identifier: BSL-1.0
#pragma once

// Addresses and ports as text.
//
//     127.0.0.1:7000    localhost:http    [::1]:80    :8080    8080
//
// Without a host, a server listens on every address of the machine. A server's port is a number.

#include <tendril/io/abi_lock.hpp>

#include <boost/asio/ip/tcp.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace tendril {

using tcp_endpoint = boost::asio::ip::tcp::endpoint;

/// A host and a service, as somebody has written them.
struct host_and_service {
    /// A name or a number; empty for "every address".
    std::string host;
    /// A port number or the name of a service.
    std::string service;
};

/// Takes "host:service" apart. Throws: system_error with `errc::bad_name`, naming the text.
/// Switches: never. Thread: any.
host_and_service parse_address(std::string_view text);

/// Reads a port number. Throws: system_error with `errc::bad_name`, naming the text.
/// Switches: never. Thread: any.
std::uint16_t parse_port(std::string_view text);

/// Writes "127.0.0.1:80" or "[::1]:80". Switches: never. Thread: any.
std::string to_string(tcp_endpoint const& endpoint);

}  // namespace tendril
