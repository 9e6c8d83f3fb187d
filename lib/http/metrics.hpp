// SPDX-License-Identifier: BSL-1.0
#pragma once

// The numbers of a server as text.

#include <tendril/http/http_server.hpp>

#include <string>

namespace tendril::detail {

/// What the text is, for the field `Content-Type`.
inline constexpr char metrics_type[] = "text/plain; version=0.0.4; charset=utf-8";

/// Writes the numbers in the text format of Prometheus.
std::string metrics_text(http_server_statistics const& numbers);

}  // namespace tendril::detail
