// SPDX-License-Identifier: BSL-1.0
#pragma once

// What `run_process` and `run_pipeline` have in common.

#include "child.hpp"

#include <tendril/process/process_options.hpp>

#include <chrono>
#include <memory>
#include <span>
#include <utility>

namespace tendril::detail {

/// Ends those that still run: asks all to, waits for a while, and kills the others. Nothing of that
/// is interrupted; where nobody may park they are killed at once. Switches: may.
void end_all_after(
    std::span<std::shared_ptr<child> const> ended, std::chrono::nanoseconds grace) noexcept;

/// Says what a redirection is where the caller did not.
inline void replace_usual(redirection& given, redirection wanted) {
    if (given.what() == redirection::kind::usual) {
        given = std::move(wanted);
    }
}

}  // namespace tendril::detail
