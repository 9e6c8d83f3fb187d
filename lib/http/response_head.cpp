// SPDX-License-Identifier: BSL-1.0
//
// Written by hand into one buffer: a general serializer costs ten times as much.
#include "response_head.hpp"

#include <charconv>

namespace tendril::detail {
namespace {

void append_number(std::string& out, std::size_t number) {
    char digits[20];
    auto const end = std::to_chars(digits, digits + sizeof digits, number).ptr;
    out.append(digits, end);
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
    out.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

bool has_body(int status) noexcept { return status != 204 && status != 304; }

void append_head(std::string& out, http_response const& response, head_facts const& facts) {
    if (response.status() == 200) {
        out.append("HTTP/1.1 200 OK\r\n");
    } else {
        out.append("HTTP/1.1 ");
        append_number(out, static_cast<std::size_t>(response.status()));
        out.append(" ").append(http_reason(response.status())).append("\r\n");
    }
    http_fields const& fields = response.fields();
    if (fields.count("Date") == 0) {
        append_field(out, "Date", facts.date);
    }
    if (has_body(response.status())) {
        out.append("Content-Length: ");
        append_number(out, response.body().size());
        out.append("\r\n");
    }
    if (!facts.keeps_alive) {
        out.append("Connection: close\r\n");
    } else if (facts.request_version == 10) {
        out.append("Connection: keep-alive\r\n");
    }
    for (std::size_t index = 0; index < fields.size(); ++index) {
        append_field(out, fields[index].name, fields[index].value);
    }
    out.append("\r\n");
}

}  // namespace tendril::detail
