// SPDX-License-Identifier: BSL-1.0
#pragma once

// What tells the main greenlet that it waits in vain.

#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/errors.hpp>

#include <string>
#include <utility>

namespace tendril::detail {

/// Where a parked greenlet was made, and where it stands, as the end of a line about it.
std::string place_of(control_block& parked);

class deadlock_notice final : public interruption {
public:
    explicit deadlock_notice(std::string text) : interruption{rank::edge}, text_{std::move(text)} {}
    ~deadlock_notice() = default;

    std::string const& text() const noexcept { return text_; }

private:
    void raise() override { throw would_block_forever{text_}; }

    std::string text_;
};

}  // namespace tendril::detail
