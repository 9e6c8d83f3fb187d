// SPDX-License-Identifier: BSL-1.0
#pragma once

// The head of a response, as bytes.

#include <tendril/http/response.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace tendril::detail {

/// How the client finds the end of a response.
enum class framing : std::uint8_t {
    /// There is no body, and nothing is said of one.
    nothing,
    /// After so many bytes.
    length,
    /// Behind the last chunk.
    chunks,
    /// With the end of the connection.
    end_of_connection,
};

/// What the head says beside what the handler has set.
struct head_facts {
    /// The version of the request: an old client learns of keep-alive only if it is told.
    int request_version;
    bool keeps_alive;
    framing how;
    /// With `framing::length`.
    std::uint64_t length = 0;
    std::string_view date{};
    /// Whether the body is compressed, and whether that depends on what the client accepts.
    bool is_gzip = false;
    bool may_be_gzip = false;
};

/// Says whether a response with this status has a body, and a length of it.
bool has_body(int status) noexcept;

/// Appends the head, up to and with the empty line.
void append_head(std::string& out, http_response const& response, head_facts const& facts);

/// Appends the head of an interim response, or of the one that agrees to an upgrade.
void append_interim_head(
    std::string& out, int status, http_fields const& fields, std::string_view upgrade = {});

/// Appends fields, and the empty line behind them.
void append_fields(std::string& out, http_fields const& fields);

}  // namespace tendril::detail
