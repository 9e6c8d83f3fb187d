// SPDX-License-Identifier: BSL-1.0
//
// URLs, read in one pass from the left: scheme, authority, path, query.
//
// 1. What is kept has no byte that could end a line or a word of a request: targets and hosts go
//    into heads as they are.
// 2. A host is kept as it is connected to, as it is verified by TLS, and as it is sent: once.
#include <tendril/http/url.hpp>
#include <tendril/io/error.hpp>

#include <boost/asio/ip/address.hpp>

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>

namespace tendril {
namespace {

constexpr std::string_view::size_type nowhere = std::string_view::npos;
constexpr std::size_t longest_host = 253;

[[noreturn]] void refuse_url(std::string_view whole, char const* why) {
    std::string shown;
    for (char const each : whole.substr(0, 200)) {
        shown += each >= ' ' && each <= '~' ? each : '?';
    }
    throw system_error{io_error(errc::bad_name), "the URL '" + shown + "': " + why};
}

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
char small_letter(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
bool is_small_letter(char c) noexcept { return c >= 'a' && c <= 'z'; }

// What could be taken for the end of a target, or for a slash.
bool is_unsafe(char c) noexcept {
    auto const byte = static_cast<unsigned char>(c);
    return byte <= ' ' || byte == 0x7f || c == '\\';
}
// What has no place in a URL, but does no harm when it is escaped.
bool wants_escape(char c) noexcept {
    return static_cast<unsigned char>(c) >= 0x80 ||
        std::string_view{"\"<>^`{|}"}.find(c) != nowhere;
}

void append_escaped(std::string& out, std::string_view text) {
    constexpr char const* digits = "0123456789ABCDEF";
    for (char const each : text) {
        if (wants_escape(each)) {
            auto const byte = static_cast<unsigned char>(each);
            out += '%';
            out += digits[byte >> 4U];
            out += digits[byte & 15U];
        } else {
            out += each;
        }
    }
}

std::size_t scheme_end(std::string_view text) noexcept {
    std::size_t const colon = text.find_first_of(":/?#");
    return colon != nowhere && text[colon] == ':' ? colon : nowhere;
}

// Some programs take numbers for addresses that others take for names.
bool is_name_of_host(std::string_view host) {
    if (host.empty() || host.size() > longest_host || host.front() == '.') {
        return false;
    }
    bool const plain = std::all_of(host.begin(), host.end(), [](char c) {
        return is_small_letter(c) || is_digit(c) || c == '-' || c == '.' || c == '_';
    });
    std::string_view last = host.back() == '.' ? host.substr(0, host.size() - 1) : host;
    last = last.substr(last.rfind('.') == nowhere ? 0 : last.rfind('.') + 1);
    bool const numeric = !last.empty() && is_digit(last.front()) &&
        (std::all_of(last.begin(), last.end(), is_digit) || last.substr(0, 2) == "0x");
    if (!plain || last.empty() || host.find("..") != nowhere) {
        return false;
    }
    boost::system::error_code error;
    if (numeric) {
        static_cast<void>(boost::asio::ip::make_address_v4(std::string{host}, error));
    }
    return !error.failed();
}

bool is_ipv6(std::string_view text) {
    // No zone, and no zero byte behind which the rest would be overlooked.
    if (text.find_first_not_of("0123456789abcdefABCDEF:.") != nowhere) {
        return false;
    }
    boost::system::error_code error;
    static_cast<void>(boost::asio::ip::make_address_v6(std::string{text}, error));
    return !error.failed();
}

// RFC 3986, 5.2.4, on the segments of an absolute path.
std::string without_dots(std::string_view path) {
    std::string out;
    std::size_t at = 0;
    while (at < path.size()) {
        std::size_t const next = std::min(path.find('/', at + 1), path.size());
        std::string_view const segment = path.substr(at, next - at);
        bool const last = next == path.size();
        if (segment == "/..") {
            out.erase(std::min(out.rfind('/'), out.size()));
        }
        if (segment != "/." && segment != "/..") {
            out += segment;
        } else if (last) {
            out += '/';
        }
        at = next;
    }
    return out;
}

}  // namespace

http_url::http_url(std::string_view text) {
    std::size_t const colon = scheme_end(text);
    std::string scheme{text.substr(0, colon == nowhere ? 0 : colon)};
    std::transform(scheme.begin(), scheme.end(), scheme.begin(), small_letter);
    if (scheme != "http" && scheme != "https") {
        refuse_url(text, "it must begin with http:// or https://");
    }
    if (text.substr(colon, 3) != "://") {
        refuse_url(text, "two slashes must follow the scheme");
    }
    secure_ = scheme == "https";
    std::string_view const rest = text.substr(colon + 3);
    std::size_t const end = std::min(rest.find_first_of("/?#"), rest.size());
    read_authority(rest.substr(0, end), text);
    read_target(rest.substr(end), text);
}

void http_url::read_authority(std::string_view authority, std::string_view whole) {
    if (std::size_t const at = authority.rfind('@'); at != nowhere) {
        // Messages are written to logs, where a password belongs even less.
        std::string shown = secure_ ? "https://..." : "http://...";
        shown.append(whole.substr(whole.find(authority) + at));
        refuse_url(
            shown,
            "a user's name or password does not belong here: set the field "
            "Authorization");
    }
    bool const bracketed = authority.substr(0, 1) == "[";
    std::size_t const bracket = authority.find(']');
    std::size_t const host_end = bracketed ? (bracket == nowhere ? 0 : bracket + 1)
                                           : std::min(authority.find(':'), authority.size());
    std::string_view host = authority.substr(0, host_end);
    std::string_view const port = authority.substr(host_end);
    if (bracketed && host_end > 0) {
        host = host.substr(1, host.size() - 2);
    }
    host_ = host;
    std::transform(host_.begin(), host_.end(), host_.begin(), small_letter);
    if (bracketed ? !is_ipv6(host_) : !is_name_of_host(host_)) {
        refuse_url(whole, "its host is neither a name in ASCII nor an address");
    }
    port_ = secure_ ? 443 : 80;
    if (port.size() > 1 || (!port.empty() && port != ":")) {
        char const* const end = port.data() + port.size();
        auto const read = std::from_chars(port.data() + 1, end, port_);
        if (port.front() != ':' || read.ec != std::errc{} || read.ptr != end || port_ == 0) {
            refuse_url(whole, "its port is not a number from 1 to 65535");
        }
    }
}

void http_url::read_target(std::string_view path_and_query, std::string_view whole) {
    std::string_view const kept = path_and_query.substr(0, path_and_query.find('#'));
    if (std::any_of(kept.begin(), kept.end(), is_unsafe)) {
        refuse_url(whole, "blanks, backslashes and control bytes must be escaped");
    }
    std::size_t const query = std::min(kept.find('?'), kept.size());
    target_.clear();
    append_escaped(target_, query == 0 ? "/" : without_dots(kept.substr(0, query)));
    append_escaped(target_, kept.substr(query));
}

http_url http_url::resolve(std::string_view reference) const {
    if (scheme_end(reference) != nowhere) {
        return http_url{reference};
    }
    if (reference.substr(0, 2) == "//") {
        return http_url{std::string{scheme()}.append(":").append(reference)};
    }
    http_url found{*this};
    std::string_view const own_path = std::string_view{target_}.substr(0, target_.find('?'));
    std::string_view const wanted = reference.substr(0, reference.find('#'));
    std::string path;
    if (wanted.empty()) {
        return found;
    }
    if (wanted.front() == '?') {
        path = own_path;
    } else if (wanted.front() != '/') {
        path = own_path.substr(0, own_path.rfind('/') + 1);
    }
    found.read_target(path.append(wanted), reference);
    return found;
}

std::string http_url::authority() const {
    bool const usual = port_ == (secure_ ? 443 : 80);
    std::string const both = host_and_port();
    return usual ? both.substr(0, both.rfind(':')) : both;
}

std::string http_url::host_and_port() const {
    bool const bracketed = host_.find(':') != nowhere;
    std::string text = bracketed ? "[" + host_ + "]" : host_;
    return text.append(":").append(std::to_string(port_));
}

std::string http_url::text() const {
    return std::string{scheme()}.append("://").append(authority()).append(target_);
}

bool http_url::same_origin(http_url const& other) const noexcept {
    return secure_ == other.secure_ && port_ == other.port_ && host_ == other.host_;
}

}  // namespace tendril
