// SPDX-License-Identifier: BSL-1.0
#pragma once

// Where a server listens, as somebody has written it.

#include <tendril/server/stream_handler.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace tendril::detail {

struct server_address {
    /// Reads "host:port", "[ipv6]:port", ":port", "port", "unix:/path" or "unix:@name". Throws:
    /// system_error with `errc::bad_name`, naming the text. Switches: never.
    explicit server_address(std::string_view written);

    stream_kind kind = stream_kind::tcp;
    /// As it was written.
    std::string text;
    std::string host;
    std::uint16_t port = 0;
    /// Of a Unix socket.
    std::string name;
};

}  // namespace tendril::detail
