// SPDX-License-Identifier: BSL-1.0
#include <tendril/hub/hub.hpp>
#include <tendril/support/error.hpp>

#include <cstdio>
#include <string>

namespace tendril {

void print_error(std::exception_ptr error, std::string_view whose) noexcept {
    try {
        std::string const text = "tendril: an error that nobody collected, from " +
            std::string{whose} + ": " + describe(error) + "\n";
        std::fputs(text.c_str(), stderr);
    } catch (...) {
        std::fputs("tendril: an error that nobody collected, and no memory to say more\n", stderr);
    }
}

}  // namespace tendril
