// SPDX-License-Identifier: BSL-1.0
#include <tendril/http/client_error.hpp>

#include <string>

namespace tendril {
namespace {

class client_category final : public boost::system::error_category {
public:
    char const* name() const noexcept override { return "tendril.http_client"; }
    std::string message(int code) const override { return text_of(http_client_errc{code}); }

private:
    static char const* text_of(http_client_errc code) noexcept {
        switch (code) {
        case http_client_errc::bad_response:
            return "the answer is malformed";
        case http_client_errc::head_too_large:
            return "the head of the answer is too large";
        case http_client_errc::body_too_large:
            return "the body of the answer is too large";
        case http_client_errc::truncated:
            return "the connection ended before the end of the answer";
        case http_client_errc::no_response:
            return "the connection ended before an answer came";
        case http_client_errc::too_many_redirects:
            return "there are too many redirects";
        case http_client_errc::insecure_redirect:
            return "a redirect leads from https to http";
        case http_client_errc::no_tls:
            return "this library was built without TLS";
        case http_client_errc::proxy_refused:
            return "the proxy refuses the connection";
        case http_client_errc::wrong_protocol:
            return "the server speaks another protocol";
        }
        return "unknown";
    }
};

}  // namespace

error_code make_error_code(http_client_errc code) noexcept {
    static client_category const category;
    return error_code{static_cast<int>(code), category};
}

char const* to_string(http_phase phase) noexcept {
    switch (phase) {
    case http_phase::slot:
        return "slot";
    case http_phase::connect:
        return "connect";
    case http_phase::tunnel:
        return "tunnel";
    case http_phase::handshake:
        return "handshake";
    case http_phase::send:
        return "send";
    case http_phase::response:
        return "response";
    case http_phase::body:
        return "body";
    }
    return "unknown";
}

}  // namespace tendril
