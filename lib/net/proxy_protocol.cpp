// SPDX-License-Identifier: BSL-1.0
//
// How much may be read at a time: the shortest header of version 1 has 15 bytes, the shortest of
// version 2 has 16, and the first twelve tell them apart. From there on version 2 says how long it
// is. A line of version 1 ends where it ends; but the words that it must still have take two bytes
// each with the blank before them, and its end takes two, so it costs fewer reads than bytes.
#include <tendril/net/proxy_protocol.hpp>
#include <tendril/support/assert.hpp>

#include <boost/asio/ip/address.hpp>
#include <boost/system/errc.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>

namespace tendril {
namespace {

using namespace std::string_view_literals;
using kind = proxy_header::kind;

constexpr std::string_view proxy_signature = "\r\n\r\n\0\r\nQUIT\n"sv;
constexpr std::size_t proxy_start = 16;
constexpr std::size_t longest_proxy_line = 107;
constexpr std::size_t unix_path_size = 108;

// The words of a line: PROXY, the family, two addresses, two ports.
constexpr std::size_t words_of_unknown = 2;
constexpr std::size_t words_of_tcp = 6;

// The families of version 2, each with how many bytes its addresses take.
struct binary_family {
    std::uint8_t code;
    kind what;
    std::size_t size;
};
constexpr std::array<binary_family, 7> binary_families{{
    {0x00, kind::unknown, 0},
    {0x11, kind::tcp, 12},
    {0x12, kind::udp, 12},
    {0x21, kind::tcp, 36},
    {0x22, kind::udp, 36},
    {0x31, kind::unix_stream, 2 * unix_path_size},
    {0x32, kind::unix_datagram, 2 * unix_path_size},
}};

std::size_t number_at(std::string_view bytes, std::size_t at) noexcept {
    return static_cast<std::size_t>(static_cast<unsigned char>(bytes[at])) << 8 |
        static_cast<unsigned char>(bytes[at + 1]);
}

void append_number(std::string& to, std::size_t number) {
    to.push_back(static_cast<char>(number >> 8 & 0xFFU));
    to.push_back(static_cast<char>(number & 0xFFU));
}

// A number without zeros before it.
std::optional<std::uint16_t> port_in(std::string_view text) noexcept {
    std::uint16_t port = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    bool const is_whole = error == std::errc{} && end == text.data() + text.size();
    return is_whole && (text.size() == 1 || text.front() != '0') ? std::optional{port}
                                                                 : std::nullopt;
}

std::optional<tcp_endpoint> endpoint_in(
    std::string_view family, std::string_view host, std::string_view service) {
    bool const is_six = family == "TCP6";
    std::optional<std::uint16_t> const port = port_in(service);
    error_code error;
    auto const address = boost::asio::ip::make_address(std::string{host}, error);
    // No scope, and no zero behind which the rest would be overlooked.
    bool const is_bare = host.find_first_not_of("0123456789abcdefABCDEF:.") == host.npos;
    if (error.failed() || !is_bare || !port || address.is_v6() != is_six) {
        return std::nullopt;
    }
    return tcp_endpoint{address, *port};
}

template <typename Address>
tcp_endpoint binary_endpoint(std::string_view host, std::size_t port) {
    typename Address::bytes_type bytes;
    std::memcpy(bytes.data(), host.data(), bytes.size());
    return {Address{bytes}, static_cast<std::uint16_t>(port)};
}

// Two addresses, and two ports behind them.
template <typename Address>
void read_endpoints(std::string_view bytes, proxy_header& header) {
    constexpr std::size_t size = std::tuple_size_v<typename Address::bytes_type>;
    header.source = binary_endpoint<Address>(bytes, number_at(bytes, 2 * size));
    header.destination = binary_endpoint<Address>(
        bytes.substr(size), number_at(bytes, 2 * size + 2));
}

// A path ends at its first zero; an abstract one begins with a zero, and ends at the last that
// follows.
std::string path_in(std::string_view field) {
    std::size_t const last = field.find_last_not_of('\0');
    if (last == field.npos) {
        return {};
    }
    return std::string{
        field.front() == '\0' ? field.substr(0, last + 1) : field.substr(0, field.find('\0'))};
}

bool are_extensions(std::string_view bytes) noexcept {
    while (!bytes.empty()) {
        if (bytes.size() < 3 || bytes.size() - 3 < number_at(bytes, 1)) {
            return false;
        }
        bytes.remove_prefix(3 + number_at(bytes, 1));
    }
    return true;
}

void append_endpoints(std::string& to, proxy_header const& header) {
    for (tcp_endpoint const* each : {&header.source, &header.destination}) {
        auto const append = [&](auto const& bytes) { to.append(bytes.begin(), bytes.end()); };
        each->address().is_v6() ? append(each->address().to_v6().to_bytes())
                                : append(each->address().to_v4().to_bytes());
    }
    append_number(to, header.source.port());
    append_number(to, header.destination.port());
}

void append_paths(std::string& to, proxy_header const& header) {
    for (std::string const* each : {&header.source_path, &header.destination_path}) {
        TENDRIL_REQUIRE(
            each->size() <= unix_path_size, "a path in a proxy's header has 108 bytes at most");
        to += *each;
        to.append(unix_path_size - each->size(), '\0');
    }
}

binary_family const& family_of(proxy_header const& header) {
    bool const is_six = header.source.address().is_v6();
    auto const is_it = [&](binary_family const& each) {
        bool const is_ip = each.what == kind::tcp || each.what == kind::udp;
        return each.what == header.what && (!is_ip || (each.size == 36) == is_six);
    };
    auto const at = std::find_if(binary_families.begin(), binary_families.end(), is_it);
    return at == binary_families.end() ? binary_families.front() : *at;
}

void require_one_family(proxy_header const& header) {
    TENDRIL_REQUIRE(
        header.source.protocol() == header.destination.protocol(),
        "both addresses in a proxy's header are of one family: map the IPv4 one");
}

}  // namespace

namespace detail {

error_code no_proxy_header() noexcept {
    return boost::system::errc::make_error_code(boost::system::errc::protocol_error);
}

proxy_parser::proxy_parser(proxy_header_options options)
    : most_bytes_{options.most_bytes},
      wanted_{proxy_signature.size()} {
    TENDRIL_REQUIRE(
        most_bytes_ >= longest_proxy_line && most_bytes_ <= proxy_start + 0xFFFF,
        "most_bytes of a proxy's header is from 107 to 65551");
}

bool proxy_parser::take(std::string_view bytes) {
    seen_ += bytes;
    if (seen_.starts_with("PROXY ")) {
        return take_line();
    }
    if (!seen_.starts_with(proxy_signature)) {
        return false;
    }
    if (seen_.size() == proxy_signature.size()) {
        wanted_ = proxy_start - seen_.size();
        return true;
    }
    if (seen_.size() == proxy_start && !read_binary_start()) {
        return false;
    }
    wanted_ = proxy_start + number_at(seen_, 14) - seen_.size();
    return wanted_ > 0 || read_binary();
}

// Complete, or says how much is certainly missing.
bool proxy_parser::take_line() {
    std::size_t const end = seen_.find('\n');
    if (end != seen_.npos) {
        wanted_ = 0;
        return end + 1 == seen_.size() && seen_[end - 1] == '\r' &&
            read_line(std::string_view{seen_}.substr(0, end - 1));
    }
    std::size_t const carriage = seen_.find('\r');
    bool const ends = carriage != seen_.npos;
    if ((ends && carriage + 1 != seen_.size()) || seen_.size() >= longest_proxy_line) {
        return false;
    }
    bool const is_unknown = seen_.starts_with("PROXY U");
    auto const blanks = static_cast<std::size_t>(std::count(seen_.begin(), seen_.end(), ' '));
    std::size_t const words = is_unknown ? words_of_unknown : words_of_tcp;
    std::size_t const missing_words = words - std::min(words, blanks + 1);
    wanted_ = ends ? 1 : 2 + 2 * missing_words;
    wanted_ = std::min(wanted_, longest_proxy_line - seen_.size());
    return true;
}

bool proxy_parser::read_line(std::string_view line) {
    std::array<std::string_view, words_of_tcp> words;
    if (line == "PROXY UNKNOWN" || line.starts_with("PROXY UNKNOWN ")) {
        return true;
    }
    auto const blanks = std::count(line.begin(), line.end(), ' ');
    for (std::string_view& each : words) {
        std::size_t const blank = std::min(line.find(' '), line.size());
        each = line.substr(0, blank);
        line.remove_prefix(std::min(blank + 1, line.size()));
    }
    bool const is_whole = blanks == static_cast<std::ptrdiff_t>(words_of_tcp) - 1;
    bool const is_known = words[1] == "TCP4" || words[1] == "TCP6";
    std::optional<tcp_endpoint> const source = endpoint_in(words[1], words[2], words[4]);
    std::optional<tcp_endpoint> const destination = endpoint_in(words[1], words[3], words[5]);
    if (!is_known || !is_whole || !source || !destination) {
        return false;
    }
    header_.what = kind::tcp;
    header_.source = *source;
    header_.destination = *destination;
    return true;
}

// Version, command, family and length.
bool proxy_parser::read_binary_start() {
    auto const command = static_cast<unsigned char>(seen_[12]);
    auto const family = static_cast<unsigned char>(seen_[13]);
    auto const has_code = [&](binary_family const& each) { return each.code == family; };
    auto const at = std::find_if(binary_families.begin(), binary_families.end(), has_code);
    std::size_t const length = number_at(seen_, 14);
    if ((command != 0x20 && command != 0x21) || at == binary_families.end()) {
        return false;
    }
    header_.what = command == 0x20 ? kind::local : at->what;
    bool const has_room = command == 0x20 || length >= at->size;
    return has_room && proxy_start + length <= most_bytes_;
}

bool proxy_parser::read_binary() {
    std::string_view rest = std::string_view{seen_}.substr(proxy_start);
    auto const family = static_cast<unsigned char>(seen_[13]);
    switch (header_.what) {
    case kind::local:
        // Whatever it carries is to be passed over.
        return true;
    case kind::unknown:
        break;
    case kind::tcp:
    case kind::udp:
        if (family < 0x20) {
            read_endpoints<boost::asio::ip::address_v4>(rest, header_);
            rest.remove_prefix(12);
        } else {
            read_endpoints<boost::asio::ip::address_v6>(rest, header_);
            rest.remove_prefix(36);
        }
        break;
    case kind::unix_stream:
    case kind::unix_datagram:
        header_.source_path = path_in(rest.substr(0, unix_path_size));
        header_.destination_path = path_in(rest.substr(unix_path_size, unix_path_size));
        rest.remove_prefix(2 * unix_path_size);
        break;
    }
    header_.extensions = rest;
    // What an unspecified family carries is to be passed over, too.
    return header_.what == kind::unknown || are_extensions(rest);
}

}  // namespace detail

std::string proxy_header_v1(proxy_header const& header) {
    if (header.what == kind::unknown) {
        return "PROXY UNKNOWN\r\n";
    }
    TENDRIL_REQUIRE(
        header.what == kind::tcp, "version 1 of a proxy's header knows TCP only: write version 2");
    require_one_family(header);
    bool const is_six = header.source.address().is_v6();
    std::string made = is_six ? "PROXY TCP6" : "PROXY TCP4";
    for (tcp_endpoint const* each : {&header.source, &header.destination}) {
        std::string const address = each->address().to_string();
        made += ' ' + address.substr(0, address.find('%'));
    }
    for (tcp_endpoint const* each : {&header.source, &header.destination}) {
        made += ' ' + std::to_string(each->port());
    }
    return made + "\r\n";
}

std::string proxy_header_v2(proxy_header const& header) {
    std::string body;
    if (header.what == kind::tcp || header.what == kind::udp) {
        require_one_family(header);
        append_endpoints(body, header);
    } else if (header.what == kind::unix_stream || header.what == kind::unix_datagram) {
        append_paths(body, header);
    }
    body += header.extensions;
    TENDRIL_REQUIRE(body.size() <= 0xFFFF, "the extensions of a proxy's header are too long");
    std::string made{proxy_signature};
    made.push_back(header.what == kind::local ? '\x20' : '\x21');
    made.push_back(static_cast<char>(family_of(header).code));
    append_number(made, body.size());
    return made + body;
}

}  // namespace tendril
