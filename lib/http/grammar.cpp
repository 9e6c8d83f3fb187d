// SPDX-License-Identifier: BSL-1.0
#include "grammar.hpp"

#include <tendril/http/fields.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace tendril::detail {
namespace {

bool is_decimal(char c) noexcept { return c >= '0' && c <= '9'; }
bool is_hex_digit(char c) noexcept {
    return is_decimal(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool is_port(std::string_view text) noexcept {
    std::uint16_t number = 0;
    auto const [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    return text.empty() || (failure == std::errc{} && end == text.data() + text.size());
}

bool is_letter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// An address of a version to come (RFC 3986, 3.2.2): `v`, its number, a dot, and marks.
bool is_of_later_version(std::string_view text) noexcept {
    std::size_t const dot = text.find('.');
    if (dot == std::string_view::npos || dot < 2 || dot + 1 == text.size()) {
        return false;
    }
    std::string_view const version = text.substr(1, dot - 1);
    std::string_view const address = text.substr(dot + 1);
    return std::all_of(version.begin(), version.end(), is_hex_digit) &&
        std::all_of(address.begin(), address.end(), [](char c) {
               constexpr std::string_view marks = "-._~!$&'()*+,;=:";
               return is_letter(c) || is_decimal(c) || marks.find(c) != std::string_view::npos;
           });
}

// An address of IPv6, as far as its characters tell, or one of a version to come.
bool is_in_brackets(std::string_view text) noexcept {
    if (text.size() < 4 || text.front() != '[' || text.back() != ']') {
        return false;
    }
    std::string_view const inner = text.substr(1, text.size() - 2);
    if (inner.front() == 'v' || inner.front() == 'V') {
        return is_of_later_version(inner);
    }
    return std::count(inner.begin(), inner.end(), ':') >= 2 &&
        std::all_of(inner.begin(), inner.end(), [](char c) {
               return is_hex_digit(c) || c == ':' || c == '.';
           });
}

bool is_registered_name(std::string_view text) noexcept {
    constexpr std::string_view marks = "-._~!$&'()*+;=%";
    for (std::size_t at = 0; at < text.size(); ++at) {
        char const c = text[at];
        if (!is_letter(c) && !is_decimal(c) && marks.find(c) == std::string_view::npos) {
            return false;
        }
        if (c == '%' &&
            (at + 2 >= text.size() || !is_hex_digit(text[at + 1]) || !is_hex_digit(text[at + 2]))) {
            return false;
        }
    }
    return true;
}

bool is_known_coding(std::string_view name) noexcept {
    constexpr std::string_view known[] = {"gzip", "x-gzip", "compress", "x-compress", "deflate"};
    return std::any_of(std::begin(known), std::end(known), [&](std::string_view each) {
        return same_http_name(each, name);
    });
}

// The authority of the absolute form is what a proxy would connect to; nobody else is asked here.
int judge_absolute_form(std::string_view target, bool secured) {
    std::size_t const end = target.find("://");
    std::string_view const scheme = target.substr(0, end);
    if (end == std::string_view::npos || !is_http_token(scheme)) {
        return 400;
    }
    std::string_view const rest = target.substr(end + 3);
    std::string_view const authority = rest.substr(0, rest.find_first_of("/?"));
    if (authority.empty() || !valid_host(authority)) {
        return 400;
    }
    return same_http_name(scheme, secured ? "https" : "http") ? 200 : 421;
}

// The end of a value in quotes that begins at the second character; npos when it does not end.
std::size_t end_of_quoted(std::string_view text) noexcept {
    for (std::size_t at = 2; at < text.size(); ++at) {
        if (text[at] == '"') {
            return at + 1;
        }
        at += text[at] == '\\' ? 1 : 0;
    }
    return std::string_view::npos;
}

}  // namespace

std::string_view trimmed(std::string_view text) noexcept {
    text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
    return text.substr(0, text.find_last_not_of(" \t") + 1);
}

bool valid_host(std::string_view host) noexcept {
    bool const brackets = host.substr(0, 1) == "[";
    std::size_t const colon = host.find(':', brackets ? host.find(']') : 0);
    std::string_view const name = host.substr(0, colon);
    std::string_view const port = colon == std::string_view::npos ? std::string_view{}
                                                                  : host.substr(colon + 1);
    bool const valid = brackets ? is_in_brackets(name) : is_registered_name(name);
    return valid && is_port(port) && (!name.empty() || host.empty());
}

// What a transfer coding is answered with: 200 for `chunked` alone, which is all we know.
int judge_codings(std::string_view value) {
    std::size_t unknown = 0;
    std::string_view last;
    std::size_t chunked = 0;
    std::size_t known = 0;
    for (bool more = true; more;) {
        std::size_t const comma = value.find(',');
        last = trimmed(value.substr(0, comma));
        if (!is_http_token(last) || same_http_name(last, "identity")) {
            return 400;
        }
        bool const is_chunked = same_http_name(last, "chunked");
        chunked += is_chunked ? 1U : 0U;
        unknown += is_chunked ? 0U : 1U;
        known += is_known_coding(last) ? 1U : 0U;
        more = comma != std::string_view::npos;
        value.remove_prefix(more ? comma + 1 : value.size());
    }
    if (chunked > 1 || (chunked == 1 && !same_http_name(last, "chunked")) ||
        (chunked == 0 && (unknown > 1 || known > 0))) {
        return 400;
    }
    return unknown == 0 ? 200 : 501;
}

int judge_target(std::string_view method, std::string_view target, bool secured) {
    auto const is_foreign = [](char c) { return c <= ' ' || c >= '\x7f' || c == '#'; };
    if (target.empty() || std::any_of(target.begin(), target.end(), is_foreign)) {
        return 400;
    }
    if (method == "CONNECT") {
        std::size_t const colon = target.rfind(':');
        bool const has_port = colon != std::string_view::npos && colon + 1 < target.size();
        return has_port && valid_host(target) ? 200 : 400;
    }
    if (target.front() == '/') {
        return 200;
    }
    if (target == "*") {
        return method == "OPTIONS" ? 200 : 400;
    }
    return judge_absolute_form(target, secured);
}

bool valid_extensions(std::string_view text) noexcept {
    if (std::any_of(text.begin(), text.end(), is_control_byte)) {
        return false;
    }
    while (!text.empty()) {
        std::size_t const end = std::min(text.find_first_of(";=", 1), text.size());
        if (text.front() != ';' || !is_http_token(text.substr(1, end - 1))) {
            return false;
        }
        text.remove_prefix(end);
        if (text.substr(0, 1) != "=") {
            continue;
        }
        bool const quoted = text.substr(1, 1) == "\"";
        std::size_t const end_of_value = quoted ? end_of_quoted(text)
                                                : std::min(text.find(';', 1), text.size());
        if (end_of_value == std::string_view::npos ||
            (!quoted && !is_http_token(text.substr(1, end_of_value - 1)))) {
            return false;
        }
        text.remove_prefix(end_of_value);
    }
    return true;
}

bool may_become_chunk_line(std::string_view rest) noexcept {
    std::string_view line = rest.substr(0, 2) == "\r\n" ? rest.substr(2) : rest;
    std::size_t const end = line.find("\r\n");
    std::size_t const extensions = std::min(line.find(';'), line.size());
    if (end == std::string_view::npos || extensions > end) {
        return true;
    }
    return valid_extensions(line.substr(extensions, end - extensions));
}

}  // namespace tendril::detail
