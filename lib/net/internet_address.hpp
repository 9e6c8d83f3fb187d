// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "stream_core.hpp"

#include <tendril/io/error.hpp>
#include <tendril/net/endpoint.hpp>

#include <boost/asio/error.hpp>

#include <sys/socket.h>

#include <cstring>

namespace tendril::detail {

/// Takes an address as one of the internet. One that is none, of a descriptor that was adopted, is
/// an error. Switches: never.
inline tcp_endpoint internet_address(stream_protocol::endpoint const& address, error_code& error) {
    tcp_endpoint converted;
    if (address.protocol().family() != AF_INET && address.protocol().family() != AF_INET6) {
        error = boost::asio::error::address_family_not_supported;
        return converted;
    }
    converted.resize(address.size());
    std::memcpy(converted.data(), address.data(), address.size());
    return converted;
}

}  // namespace tendril::detail
