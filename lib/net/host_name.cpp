// SPDX-License-Identifier: BSL-1.0
//
// The encoding of labels is that of RFC 3492, section 6.3, with its names.
#include "host_name.hpp"

#include <tendril/support/scope_exit.hpp>

#include <boost/asio/error.hpp>

#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <limits>
#include <memory>

namespace tendril::detail {
namespace {

constexpr std::size_t longest_label = 63;
constexpr std::size_t longest_name = 253;

char small_letter(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 32) : c; }

bool is_ascii(std::string_view text) noexcept {
    return std::all_of(
        text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool may_be_in_a_name(char c) noexcept {
    return static_cast<unsigned char>(c) > ' ' && c != '\x7f' && c != ':';
}

// Reads one character of UTF-8. Returns nothing for what is none.
std::optional<char32_t> next_character(std::string_view& text) noexcept {
    auto const first = static_cast<unsigned char>(text.front());
    std::size_t const length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if ((first >= 0x80 && first < 0xC2) || first > 0xF4 || text.size() < length) {
        return std::nullopt;
    }
    char32_t found = length == 1 ? first : first & (0x7FU >> length);
    for (std::size_t at = 1; at < length; ++at) {
        auto const next = static_cast<unsigned char>(text[at]);
        if ((next & 0xC0U) != 0x80U) {
            return std::nullopt;
        }
        found = found << 6 | (next & 0x3FU);
    }
    constexpr char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    bool const is_surrogate = found >= 0xD800 && found < 0xE000;
    if (found < least[length] || is_surrogate || found > 0x10FFFF) {
        return std::nullopt;
    }
    text.remove_prefix(length);
    return found;
}

// The parameters of the encoding.
constexpr std::uint32_t base = 36;
constexpr std::uint32_t least_threshold = 1;
constexpr std::uint32_t largest_threshold = 26;

std::uint32_t adapt(std::uint32_t delta, std::uint32_t points, bool first) noexcept {
    delta = first ? delta / 700 : delta / 2;
    delta += delta / points;
    std::uint32_t k = 0;
    for (; delta > (base - least_threshold) * largest_threshold / 2; k += base) {
        delta /= base - least_threshold;
    }
    return k + (base - least_threshold + 1) * delta / (delta + 38);
}

char digit(std::uint32_t value) noexcept {
    return static_cast<char>(value < 26 ? 'a' + value : '0' + (value - 26));
}

void append_variable_length(std::string& into, std::uint32_t value, std::uint32_t bias) {
    for (std::uint32_t k = base;; k += base) {
        std::uint32_t const threshold = k <= bias ? least_threshold
                                                  : std::min(k - bias, largest_threshold);
        if (value < threshold) {
            into.push_back(digit(value));
            return;
        }
        into.push_back(digit(threshold + (value - threshold) % (base - threshold)));
        value = (value - threshold) / (base - threshold);
    }
}

// A label has 63 characters at most and each is below 2^21, so no number overflows.
std::string encode(std::u32string const& label) {
    std::string made = "xn--";
    for (char32_t const each : label) {
        if (each < 0x80) {
            made.push_back(small_letter(static_cast<char>(each)));
        }
    }
    auto const basic = static_cast<std::uint32_t>(made.size() - 4);
    if (basic > 0) {
        made.push_back('-');
    }
    std::uint32_t n = 0x80;
    std::uint32_t delta = 0;
    std::uint32_t bias = 72;
    for (std::uint32_t handled = basic; handled < label.size(); ++delta, ++n) {
        char32_t next = std::numeric_limits<char32_t>::max();
        for (char32_t const each : label) {
            next = each >= n ? std::min(next, each) : next;
        }
        delta += (static_cast<std::uint32_t>(next) - n) * (handled + 1);
        n = static_cast<std::uint32_t>(next);
        for (char32_t const each : label) {
            delta += each < n ? 1 : 0;
            if (each == n) {
                append_variable_length(made, delta, bias);
                bias = adapt(delta, handled + 1, handled == basic);
                delta = 0;
                ++handled;
            }
        }
    }
    return made;
}

// Returns nothing for what can be no label.
std::optional<std::string> label_in_ascii(std::string_view label) {
    std::string made{label};
    if (!is_ascii(label)) {
        std::u32string characters;
        while (!label.empty()) {
            std::optional<char32_t> const next = next_character(label);
            if (!next || characters.size() == longest_label) {
                return std::nullopt;
            }
            characters.push_back(*next);
        }
        made = encode(characters);
    }
    bool const fits = !made.empty() && made.size() <= longest_label;
    return fits && std::all_of(made.begin(), made.end(), may_be_in_a_name) ? std::optional{made}
                                                                           : std::nullopt;
}

}  // namespace

error_code name_error(int status) {
    switch (status) {
    case EAI_AGAIN:
        return boost::asio::error::host_not_found_try_again;
    case EAI_SERVICE:
        return boost::asio::error::service_not_found;
    case EAI_SOCKTYPE:
        return boost::asio::error::socket_type_not_supported;
    case EAI_FAIL:
        return boost::asio::error::no_recovery;
    case EAI_NODATA:
        return boost::asio::error::no_data;
    case EAI_MEMORY:
        return boost::asio::error::no_memory;
    case EAI_SYSTEM:
        return error_code{errno, boost::system::system_category()};
    default:
        return boost::asio::error::host_not_found;
    }
}

std::optional<ip_address> address_in(sockaddr const* found, socklen_t size) {
    if (found == nullptr) {
        return std::nullopt;
    }
    if (found->sa_family == AF_INET && size >= sizeof(sockaddr_in)) {
        sockaddr_in four;
        std::memcpy(&four, found, sizeof four);
        return boost::asio::ip::address_v4{ntohl(four.sin_addr.s_addr)};
    }
    if (found->sa_family == AF_INET6 && size >= sizeof(sockaddr_in6)) {
        sockaddr_in6 six;
        std::memcpy(&six, found, sizeof six);
        boost::asio::ip::address_v6::bytes_type bytes;
        std::memcpy(bytes.data(), &six.sin6_addr, bytes.size());
        return boost::asio::ip::address_v6{bytes, six.sin6_scope_id};
    }
    return std::nullopt;
}

std::string to_ascii(std::string_view host, error_code& error) {
    bool const ends_with_dot = host.size() > 1 && host.back() == '.';
    host.remove_suffix(ends_with_dot ? 1 : 0);
    std::string made;
    while (true) {
        std::size_t const dot = host.find('.');
        std::optional<std::string> const label = label_in_ascii(host.substr(0, dot));
        if (!label || made.size() + label->size() > longest_name) {
            error = io_error(errc::bad_name);
            return {};
        }
        made += *label;
        if (dot == host.npos) {
            break;
        }
        made += '.';
        host.remove_prefix(dot + 1);
    }
    error = {};
    return ends_with_dot ? made + '.' : made;
}

std::optional<ip_address> numeric_address(std::string const& host) {
    if (host.empty() || host.find('\0') != host.npos) {
        return std::nullopt;
    }
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICHOST;
    addrinfo* list = nullptr;
    if (::getaddrinfo(host.c_str(), nullptr, &hints, &list) != 0) {
        return std::nullopt;
    }
    scope_exit const free_list{[&] { ::freeaddrinfo(list); }};
    return address_in(list->ai_addr, list->ai_addrlen);
}

bool is_localhost(std::string_view host) noexcept {
    constexpr std::string_view name = "localhost";
    host.remove_suffix(host.ends_with('.') ? 1 : 0);
    if (host.size() < name.size()) {
        return false;
    }
    std::string_view const last = host.substr(host.size() - name.size());
    bool const is_whole_label = last.size() == host.size() ||
        host[host.size() - name.size() - 1] == '.';
    return is_whole_label &&
        std::equal(last.begin(), last.end(), name.begin(), [](char one, char other) {
               return small_letter(one) == other;
           });
}

std::uint16_t port_of(std::string const& service, error_code& error) {
    error = {};
    if (service.empty()) {
        return 0;
    }
    if (service.find('\0') != service.npos) {
        error = io_error(errc::bad_name);
        return 0;
    }
    if (std::all_of(service.begin(), service.end(), [](char c) { return c >= '0' && c <= '9'; })) {
        // The system would take 65616 for 80.
        std::uint16_t port = 0;
        char const* const end = service.data() + service.size();
        bool const fits = std::from_chars(service.data(), end, port).ec == std::errc{};
        error = fits ? error_code{} : boost::asio::error::service_not_found;
        return fits ? port : std::uint16_t{0};
    }
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_family = AF_INET;
    hints.ai_flags = AI_NUMERICHOST;
    addrinfo* list = nullptr;
    if (int const status = ::getaddrinfo("0.0.0.0", service.c_str(), &hints, &list)) {
        error = name_error(status);
        return 0;
    }
    scope_exit const free_list{[&] { ::freeaddrinfo(list); }};
    sockaddr_in found;
    std::memcpy(&found, list->ai_addr, sizeof found);
    return ntohs(found.sin_port);
}

std::string service_of(std::uint16_t port) {
    tcp_endpoint const anywhere{boost::asio::ip::tcp::v4(), port};
    char name[NI_MAXSERV] = "";
    int const status = ::getnameinfo(
        anywhere.data(), static_cast<socklen_t>(anywhere.size()), nullptr, 0, name, sizeof name, 0);
    return status == 0 ? name : std::to_string(port);
}

std::string in_small_letters(std::string_view text) {
    std::string made{text};
    std::transform(made.begin(), made.end(), made.begin(), small_letter);
    return made;
}

}  // namespace tendril::detail
