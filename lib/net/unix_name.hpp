// SPDX-License-Identifier: BSL-1.0
#pragma once

// Names of Unix sockets: paths, and "@name" for the abstract space.

#include "stream_core.hpp"

#include <tendril/io/error.hpp>

#include <string>
#include <string_view>

namespace tendril::detail {

/// Makes an address of a name. Errors: too long, empty, or with a zero in it. Switches: never.
stream_protocol::endpoint unix_address(std::string_view name, error_code& error);

/// The name of an address; empty when it has none. Switches: never.
std::string unix_name(stream_protocol::endpoint const& address);

/// Says whether a name is of the abstract space. Switches: never.
inline bool is_abstract(std::string_view name) noexcept {
    return !name.empty() && name.front() == '@';
}

}  // namespace tendril::detail
