// SPDX-License-Identifier: BSL-1.0
#pragma once

// What tells the main greenlet that it waits in vain.

#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/errors.hpp>

#include <exception>
#include <string>
#include <utility>

namespace tendril::detail {

/// Where a parked greenlet was made, and where it stands, as the end of a line about it.
std::string place_of(control_block& parked);

class deadlock_notice final : public interruption {
public:
    deadlock_notice() noexcept : interruption{rank::edge} {}
    ~deadlock_notice() = default;

    /// What it throws.
    std::exception_ptr error;

private:
    void raise() override { std::rethrow_exception(std::exchange(error, nullptr)); }
};

}  // namespace tendril::detail
