// SPDX-License-Identifier: BSL-1.0
#pragma once

// The head of a request, written into one text; and what may stand in it.

#include <tendril/http/client_stream.hpp>
#include <tendril/http/url.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace tendril::detail {

/// Throws: misuse for what cannot be the value of a field.
void require_field_value(std::string_view value);
/// Throws: misuse for a request that cannot be sent.
void require_sendable(http_client_request const& asked);
/// Throws: misuse for trailers that cannot be sent.
void require_sendable_trailers(http_client_fields const& trailers);

/// How a request goes out, beside what it asks for.
struct client_route {
    std::string_view user_agent;
    /// To a proxy, which is told the whole URL.
    bool absolute = false;
    std::string_view proxy_authorization = {};
};

/// Requires: it can be sent. Throws: std::bad_alloc.
std::string make_request_head(
    http_client_request const& asked, http_url const& url, std::uint64_t body_length,
    client_route const& route);

/// The same for a tunnel to a host.
std::string make_connect_head(http_url const& url, client_route const& route);

/// Says whether a request may be sent twice and has been made once.
bool is_idempotent(std::string_view method) noexcept;

}  // namespace tendril::detail
