// SPDX-License-Identifier: BSL-1.0
//
// In a library that was built without OpenSSL.
#include "client_transport.hpp"

#include <tendril/http/client_error.hpp>

namespace tendril::detail {

bool has_tls() noexcept { return false; }

tls_context usual_trust() { return {}; }

std::unique_ptr<client_transport> secured_transport(
    tcp_stream&&, tls_context const&, std::string const&, std::chrono::nanoseconds,
    error_code& error, std::string&) {
    error = http_client_errc::no_tls;
    return nullptr;
}

}  // namespace tendril::detail
