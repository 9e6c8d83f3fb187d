// SPDX-License-Identifier: BSL-1.0
#pragma once

// How many connections each address has, and a limit on that.

#include <tendril/net/endpoint.hpp>

#include <array>
#include <cstddef>
#include <map>
#include <optional>

namespace tendril::detail {

class address_count {
public:
    /// What counts as one client: an IPv4 address, or the first half of an IPv6 one.
    using client = std::array<unsigned char, 16>;

    /// Counts one more, unless the client has `most`. Returns who was counted, to give it back.
    /// Throws: std::bad_alloc. Switches: never.
    std::optional<client> enter(tcp_endpoint const& from, std::size_t most);

    /// Counts one less. Switches: never.
    void leave(client const& one) noexcept;

private:
    std::map<client, std::size_t> counts_;
};

}  // namespace tendril::detail
