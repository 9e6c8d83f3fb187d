// SPDX-License-Identifier: BSL-1.0
#include "symbols.hpp"

#define BOOST_STACKTRACE_LINK
#include <boost/stacktrace/frame.hpp>

#include <cstddef>

namespace tendril::detail {

symbol find_symbol(void* return_address) {
    // The call ends where the return address begins.
    boost::stacktrace::frame const frame{static_cast<char*>(return_address) - 1};
    symbol found{.function = frame.name(), .place = {}};
    if (std::size_t const line = frame.source_line(); line != 0) {
        found.place = frame.source_file() + ':' + std::to_string(line);
    }
    return found;
}

}  // namespace tendril::detail
