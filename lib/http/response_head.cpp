// SPDX-License-Identifier: BSL-1.0
//
// Written by hand into one buffer: a general serializer costs ten times as much.
#include "response_head.hpp"

#include "append_text.hpp"

#include <tendril/http/status.hpp>

namespace tendril::detail {
namespace {

void append_status(std::string& out, int status, std::string_view reason) {
    out.append("HTTP/1.1 ");
    append_number(out, static_cast<unsigned>(status));
    out.append(" ").append(reason).append("\r\n");
}

void append_framing(std::string& out, head_facts const& facts) {
    if (facts.how == framing::length) {
        out.append("Content-Length: ");
        append_number(out, facts.length);
        out.append("\r\n");
    } else if (facts.how == framing::chunks) {
        out.append("Transfer-Encoding: chunked\r\n");
    }
    if (!facts.keeps_alive) {
        out.append("Connection: close\r\n");
    } else if (facts.request_version == 10) {
        out.append("Connection: keep-alive\r\n");
    }
}

bool varies_by_encoding(http_fields const& fields) {
    for (std::size_t index = 0; index < fields.size(); ++index) {
        auto const [name, value] = fields[index];
        if (same_http_name(name, "Vary") &&
            (is_in_http_list(value, "*") || is_in_http_list(value, "Accept-Encoding"))) {
            return true;
        }
    }
    return false;
}

// The fields of a compressed response: a strong entity tag stands for the bytes, and these are
// others (RFC 9110, 8.8.1).
void append_packed_fields(std::string& out, http_fields const& fields) {
    for (std::size_t index = 0; index < fields.size(); ++index) {
        auto const [name, value] = fields[index];
        bool const is_strong_tag = value.starts_with('"') && same_http_name(name, "ETag");
        out.append(name).append(is_strong_tag ? ": W/" : ": ").append(value).append("\r\n");
    }
    out.append("\r\n");
}

}  // namespace

bool has_body(int status) noexcept { return status != 204 && status != 304; }

void append_fields(std::string& out, http_fields const& fields) {
    for (std::size_t index = 0; index < fields.size(); ++index) {
        append_field(out, fields[index].name, fields[index].value);
    }
    out.append("\r\n");
}

void append_head(std::string& out, http_response const& response, head_facts const& facts) {
    if (response.status() == 200 && response.reason() == "OK") {
        out.append("HTTP/1.1 200 OK\r\n");
    } else {
        append_status(out, response.status(), response.reason());
    }
    if (response.fields().count("Date") == 0) {
        append_field(out, "Date", facts.date);
    }
    append_framing(out, facts);
    if (facts.may_be_gzip && !varies_by_encoding(response.fields())) {
        append_field(out, "Vary", "Accept-Encoding");
    }
    if (facts.is_gzip) {
        append_field(out, "Content-Encoding", "gzip");
        append_packed_fields(out, response.fields());
    } else {
        append_fields(out, response.fields());
    }
}

void append_interim_head(
    std::string& out, int status, http_fields const& fields, std::string_view upgrade) {
    append_status(out, status, http_reason(status));
    if (!upgrade.empty()) {
        append_field(out, "Connection", "Upgrade");
        append_field(out, "Upgrade", upgrade);
    }
    append_fields(out, fields);
}

}  // namespace tendril::detail
