// SPDX-License-Identifier: BSL-1.0
#pragma once

// The words for a status.
//
//     tendril::http_reason(404);                         // "Not Found"

#include <string_view>

namespace tendril {

/// The usual words for a status: "Not Found" for 404; empty for one that has none.
/// Switches: never. Thread: any.
std::string_view http_reason(int status) noexcept;

}  // namespace tendril
