// SPDX-License-Identifier: BSL-1.0
#include <tendril/process/exit_status.hpp>

#include <cstring>
#include <string>

namespace tendril {

int exit_status::code() const noexcept {
    constexpr int unknown_end = 255;
    switch (how_) {
    case how::code:
        return number_;
    case how::signal:
        return -number_;
    case how::unknown:
        break;
    }
    return unknown_end;
}

std::string exit_status::text() const {
    switch (how_) {
    case how::code:
        return "code " + std::to_string(number_);
    case how::signal: {
        // Those for applications have no names.
        char const* const name = ::sigabbrev_np(number_);
        std::string const word = name != nullptr ? std::string{"SIG"} + name
                                                 : "signal " + std::to_string(number_);
        return dumped_core_ ? word + ", core dumped" : word;
    }
    case how::unknown:
        break;
    }
    return "unknown";
}

}  // namespace tendril
