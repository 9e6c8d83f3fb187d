// SPDX-License-Identifier: BSL-1.0
#include <tendril/http/status.hpp>

// Boost's string_view needs it and does not say so.
#include <ostream>

#include <boost/beast/http/status.hpp>

namespace tendril {

std::string_view http_reason(int status) noexcept {
    namespace http = boost::beast::http;
    http::status const known = http::int_to_status(static_cast<unsigned>(status));
    if (known == http::status::unknown) {
        return {};
    }
    auto const reason = http::obsolete_reason(known);
    return {reason.data(), reason.size()};
}

}  // namespace tendril
