// SPDX-License-Identifier: BSL-1.0
#include <tendril/io/error.hpp>
#include <tendril/net/endpoint.hpp>

#include <charconv>

namespace tendril {
namespace {

[[noreturn]] void refuse(std::string_view text, char const* expected) {
    throw system_error{
        io_error(errc::bad_name), "'" + std::string{text} + "' is no " + std::string{expected}};
}

}  // namespace

host_and_service parse_address(std::string_view text) {
    constexpr char const* expected = "address: write host:port, [ipv6]:port, :port or a port";
    std::size_t const colon = text.rfind(':');
    if (colon == std::string_view::npos) {
        if (text.empty()) {
            refuse(text, expected);
        }
        return {"", std::string{text}};
    }
    std::string_view host = text.substr(0, colon);
    std::string_view const service = text.substr(colon + 1);
    bool const bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) {
        host = host.substr(1, host.size() - 2);
    }
    // Several colons without brackets: where the host ends is anybody's guess.
    bool const ambiguous = !bracketed && host.find(':') != std::string_view::npos;
    if (service.empty() || ambiguous || (bracketed && host.empty())) {
        refuse(text, expected);
    }
    return {std::string{host}, std::string{service}};
}

std::uint16_t parse_port(std::string_view text) {
    std::uint16_t port = 0;
    char const* const end = text.data() + text.size();
    auto const [read_to, error] = std::from_chars(text.data(), end, port);
    if (error != std::errc{} || read_to != end || text.empty()) {
        refuse(text, "port: a number from 0 to 65535");
    }
    return port;
}

std::string to_string(tcp_endpoint const& endpoint) {
    std::string const host = endpoint.address().to_string();
    std::string const port = std::to_string(endpoint.port());
    return endpoint.address().is_v6() ? "[" + host + "]:" + port : host + ":" + port;
}

}  // namespace tendril
