// SPDX-License-Identifier: BSL-1.0
#pragma once

// A descriptor that is closed at the end of its scope.

#include <tendril/support/system_calls.hpp>

#include <utility>

namespace tendril::detail {

class owned_descriptor {
public:
    owned_descriptor() noexcept = default;
    explicit owned_descriptor(int number) noexcept : number_{number} {}
    owned_descriptor(owned_descriptor&& other) noexcept : number_{other.release()} {}
    owned_descriptor& operator=(owned_descriptor&& other) noexcept {
        owned_descriptor old{std::exchange(number_, other.release())};
        return *this;
    }
    ~owned_descriptor() {
        if (number_ >= 0) {
            kernel().close(number_);
        }
    }

    int get() const noexcept { return number_; }
    int release() noexcept { return std::exchange(number_, -1); }
    void reset() noexcept { owned_descriptor const old{release()}; }
    explicit operator bool() const noexcept { return number_ >= 0; }

private:
    int number_ = -1;
};

}  // namespace tendril::detail
