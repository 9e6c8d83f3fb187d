// SPDX-License-Identifier: BSL-1.0
#include "client_request_head.hpp"

#include "append_text.hpp"
#include "grammar.hpp"

#include <tendril/http/fields.hpp>
#include <tendril/support/assert.hpp>

#include <algorithm>
#include <array>

namespace tendril::detail {
namespace {

constexpr std::array<std::string_view, 11> fields_of_client{
    "Host",
    "Content-Length",
    "Transfer-Encoding",
    "Connection",
    "Keep-Alive",
    "TE",
    "Upgrade",
    "Proxy-Connection",
    "Expect",
    "Proxy-Authorization",
    "HTTP2-Settings",
};

constexpr std::array<std::string_view, 6> fields_of_head{
    "Authorization", "Content-Encoding", "Content-Type", "Content-Range", "Trailer", "Cookie",
};

template <std::size_t Size>
bool is_one_of(std::array<std::string_view, Size> const& names, std::string_view name) noexcept {
    return std::any_of(names.begin(), names.end(), [&](std::string_view each) {
        return same_http_name(each, name);
    });
}

void require_field(std::string_view name, std::string_view value) {
    TENDRIL_REQUIRE(
        is_http_token(name),
        "the name of a field is a token: letters, digits and a few marks, no spaces");
    require_field_value(value);
    TENDRIL_REQUIRE(
        !is_one_of(fields_of_client, name),
        "how a request is framed, and to whom it goes, is the client's business: set the length "
        "of a body by `body_length`, and a proxy by the options");
}

bool has_field(http_client_request const& asked, std::string_view name) noexcept {
    return std::any_of(asked.fields.begin(), asked.fields.end(), [&](auto const& field) {
        return same_http_name(field.first, name);
    });
}

// What has a meaning with a body of no bytes.
bool expects_body(std::string_view method) noexcept {
    return method == "POST" || method == "PUT" || method == "PATCH";
}

}  // namespace

void require_field_value(std::string_view value) {
    TENDRIL_REQUIRE(
        std::none_of(value.begin(), value.end(), is_control_byte),
        "the value of a field has no CR, LF, NUL or other control bytes: they would end the line "
        "and begin another one");
}

void require_sendable(http_client_request const& asked) {
    TENDRIL_REQUIRE(
        is_http_token(asked.method), "a method is a token: letters, digits and a few marks");
    TENDRIL_REQUIRE(
        asked.method != "CONNECT",
        "a tunnel is no request with an answer: name the proxy in the options of the client");
    TENDRIL_REQUIRE(
        asked.method != "TRACE" || (asked.body.empty() && asked.body_length == 0),
        "a TRACE has no body: RFC 9110, 9.3.8");
    for (auto const& [name, value] : asked.fields) {
        require_field(name, value);
    }
}

void require_sendable_trailers(http_client_fields const& trailers) {
    for (auto const& [name, value] : trailers) {
        require_field(name, value);
        TENDRIL_REQUIRE(
            !is_one_of(fields_of_head, name),
            "a trailer cannot say what must be known before the body: RFC 9110, 6.5.1");
    }
}

std::string make_request_head(
    http_client_request const& asked, http_url const& url, std::uint64_t body_length,
    client_route const& route) {
    std::string head;
    head.reserve(256);
    head.append(asked.method).append(" ");
    head.append(route.absolute ? url.text() : url.target()).append(" HTTP/1.1\r\n");
    append_field(head, "Host", url.authority());
    if (!route.user_agent.empty() && !has_field(asked, "User-Agent")) {
        append_field(head, "User-Agent", route.user_agent);
    }
    if (!route.proxy_authorization.empty()) {
        append_field(head, "Proxy-Authorization", route.proxy_authorization);
    }
    for (auto const& [name, value] : asked.fields) {
        append_field(head, name, value);
    }
    if (body_length == http_unknown_length) {
        append_field(head, "Transfer-Encoding", "chunked");
    } else if (body_length > 0 || expects_body(asked.method)) {
        append_number(head.append("Content-Length: "), body_length);
        head.append("\r\n");
    }
    return head.append("\r\n");
}

std::string make_connect_head(http_url const& url, client_route const& route) {
    std::string const place = url.host_and_port();
    std::string head = "CONNECT " + place + " HTTP/1.1\r\n";
    append_field(head, "Host", place);
    if (!route.user_agent.empty()) {
        append_field(head, "User-Agent", route.user_agent);
    }
    if (!route.proxy_authorization.empty()) {
        append_field(head, "Proxy-Authorization", route.proxy_authorization);
    }
    return head.append("\r\n");
}

bool is_idempotent(std::string_view method) noexcept {
    return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "TRACE" ||
        method == "PUT" || method == "DELETE";
}

}  // namespace tendril::detail
