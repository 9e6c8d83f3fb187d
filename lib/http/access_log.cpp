// SPDX-License-Identifier: BSL-1.0
#include "append_text.hpp"

#include <tendril/http/access_log.hpp>
#include <tendril/http/request.hpp>

#include <array>
#include <cstdio>
#include <ctime>
#include <string_view>

namespace tendril {
namespace {

bool is_plain(char c) noexcept { return c >= ' ' && c < '\x7f' && c != '"' && c != '\\'; }

// In quotes, with escapes as the usual readers of logs know them.
void append_quoted(std::string& out, std::string_view text) {
    out += '"';
    for (char const c : text) {
        if (is_plain(c)) {
            out += c;
        } else {
            char escape[5];
            std::snprintf(escape, sizeof escape, "\\x%02x", static_cast<unsigned char>(c));
            out += escape;
        }
    }
    out += '"';
}

void append_json(std::string& out, std::string_view text) {
    out += '"';
    for (char const c : text) {
        auto const code = static_cast<unsigned char>(c);
        if (is_plain(c)) {
            out += c;
        } else {
            char escape[7];
            // Bytes that are no ASCII are told as Latin-1: the text need not be UTF-8.
            std::snprintf(escape, sizeof escape, "\\u%04x", code);
            out += escape;
        }
    }
    out += '"';
}

void append_json_field(std::string& out, char const* name, std::string_view value) {
    out.append(out.back() == '{' ? "" : ",").append("\"").append(name).append("\":");
    append_json(out, value);
}

void append_json_field(std::string& out, char const* name, std::uint64_t value) {
    out.append(",\"").append(name).append("\":");
    detail::append_number(out, value);
}

std::tm utc(std::chrono::system_clock::time_point at) {
    std::time_t const seconds = std::chrono::system_clock::to_time_t(at);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    return parts;
}

// As in "30/Nov/2026:12:00:00 +0000", whatever the locale of the program.
std::string time_of_log(std::chrono::system_clock::time_point at) {
    std::tm const parts = utc(at);
    std::array<char, 64> text{};
    std::snprintf(
        text.data(), text.size(), "[%02d/%s/%04d:%02d:%02d:%02d +0000]", parts.tm_mday,
        detail::names_of_months[static_cast<std::size_t>(parts.tm_mon)], parts.tm_year + 1900,
        parts.tm_hour, parts.tm_min, parts.tm_sec);
    return text.data();
}

std::string time_of_json(std::chrono::system_clock::time_point at) {
    std::tm const parts = utc(at);
    auto const part = at.time_since_epoch() % std::chrono::seconds{1};
    std::array<char, 64> text{};
    std::snprintf(
        text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900,
        parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
        static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(part).count()));
    return text.data();
}

std::string request_line(http_request const& request) {
    if (request.method().empty() || request.target().empty()) {
        return "-";
    }
    return std::string{request.method()} + " " + std::string{request.target()} +
        (request.version() == 10 ? " HTTP/1.0" : " HTTP/1.1");
}

void append_quoted_or_dash(std::string& out, std::string_view text) {
    out += ' ';
    append_quoted(out, text.empty() ? std::string_view{"-"} : text);
}

}  // namespace

std::string common_log_line(http_exchange const& done) {
    std::string line = done.request.client();
    line += " - - " + time_of_log(done.at) + " ";
    append_quoted(line, request_line(done.request));
    line += ' ';
    detail::append_number(line, static_cast<unsigned>(done.status));
    line += ' ';
    detail::append_number(line, done.body_bytes);
    return line;
}

std::string combined_log_line(http_exchange const& done) {
    std::string line = common_log_line(done);
    append_quoted_or_dash(line, done.request.header("Referer"));
    append_quoted_or_dash(line, done.request.header("User-Agent"));
    return line;
}

std::string json_log_line(http_exchange const& done) {
    std::string line = "{";
    append_json_field(line, "time", time_of_json(done.at));
    append_json_field(line, "client", done.request.client());
    append_json_field(line, "id", done.request.id());
    append_json_field(line, "method", done.request.method());
    append_json_field(line, "target", done.request.target());
    append_json_field(line, "host", done.request.authority());
    append_json_field(line, "status", static_cast<std::uint64_t>(done.status));
    append_json_field(line, "bytes", done.body_bytes);
    append_json_field(
        line, "microseconds",
        static_cast<std::uint64_t>(
            std::chrono::duration_cast<std::chrono::microseconds>(done.duration).count()));
    append_json_field(line, "referer", done.request.header("Referer"));
    append_json_field(line, "agent", done.request.header("User-Agent"));
    return line + "}";
}

}  // namespace tendril
