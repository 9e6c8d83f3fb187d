// SPDX-License-Identifier: BSL-1.0
#pragma once

// The head of a response, as bytes.

#include <tendril/http/message.hpp>

#include <string>
#include <string_view>

namespace tendril::detail {

/// What the head says beside what the handler has set.
struct head_facts {
    /// The version of the request: an old client learns of keep-alive only if it is told.
    int request_version;
    bool keeps_alive;
    std::string_view date;
};

/// Says whether a response with this status has a body, and a length of it.
bool has_body(int status) noexcept;

/// Appends the head, up to and with the empty line.
void append_head(std::string& out, http_response const& response, head_facts const& facts);

}  // namespace tendril::detail
