// SPDX-License-Identifier: BSL-1.0
#pragma once

// What names and services may look like, before anybody is asked.

#include <tendril/io/error.hpp>
#include <tendril/net/resolver.hpp>

#include <netdb.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tendril::detail {

/// Says what a code of getaddrinfo means. Requires: `errno` is its own. Switches: never.
error_code name_error(int status);

/// Takes the address out of a `sockaddr` of a family that we know. Switches: never.
std::optional<ip_address> address_in(sockaddr const* found, socklen_t size);

/// Encodes a name in ASCII. Sets `error` to `errc::bad_name` for what can be none. Switches: never.
std::string to_ascii(std::string_view host, error_code& error);

/// Reads a number, with a scope if there is one. Switches: never.
std::optional<ip_address> numeric_address(std::string const& host);

/// Says whether a name means this machine, whoever is asked (RFC 6761). Switches: never.
bool is_localhost(std::string_view host) noexcept;

/// Reads a port: a number, the name of a service, or nothing. Switches: never.
std::uint16_t port_of(std::string const& service, error_code& error);

/// The name of a port's service, else its number. Switches: never.
std::string service_of(std::uint16_t port);

/// Small letters, as names are compared. Switches: never.
std::string in_small_letters(std::string_view text);

}  // namespace tendril::detail
