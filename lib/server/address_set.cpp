// SPDX-License-Identifier: BSL-1.0
#include <tendril/io/error.hpp>
#include <tendril/server/address_set.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <optional>
#include <string>

namespace tendril {
namespace {

using address_bytes = boost::asio::ip::address_v6::bytes_type;

// How many bits stand before an IPv4 address in its long form.
constexpr unsigned bits_before_v4 = 96;

address_bytes long_form(boost::asio::ip::address const& address) noexcept {
    namespace ip = boost::asio::ip;
    return address.is_v6() ? address.to_v6().to_bytes()
                           : ip::make_address_v6(ip::v4_mapped, address.to_v4()).to_bytes();
}

bool agree(address_bytes const& one, address_bytes const& other, unsigned bits) noexcept {
    std::size_t const whole = bits / 8;
    bool const same = std::equal(
        one.begin(), one.begin() + static_cast<std::ptrdiff_t>(whole), other.begin());
    unsigned const rest = bits % 8;
    return same && (rest == 0 || ((one[whole] ^ other[whole]) >> (8 - rest)) == 0);
}

// A number from 0 to `most`.
std::optional<unsigned> bits_in(std::string_view text, unsigned most) noexcept {
    unsigned bits = 0;
    char const* const end = text.data() + text.size();
    auto const [read_to, error] = std::from_chars(text.data(), end, bits);
    bool const is_whole = error == std::errc{} && read_to == end && !text.empty();
    return is_whole && bits <= most ? std::optional{bits} : std::nullopt;
}

}  // namespace

address_set::address_set(std::initializer_list<std::string_view> texts) {
    for (std::string_view const each : texts) {
        add(each);
    }
}

void address_set::add(std::string_view text) {
    std::size_t const slash = text.find('/');
    error_code error;
    auto const address = boost::asio::ip::make_address(std::string{text.substr(0, slash)}, error);
    unsigned const most = address.is_v4() ? 32 : 128;
    auto const bits = slash == text.npos ? std::optional{most}
                                         : bits_in(text.substr(slash + 1), most);
    if (error.failed() || !bits) {
        throw system_error{
            io_error(errc::bad_name),
            "'" + std::string{text} + "' is no set of addresses: write 10.0.0.1 or 10.0.0.0/8"};
    }
    networks_.push_back({long_form(address), *bits + (address.is_v4() ? bits_before_v4 : 0)});
}

bool address_set::contains(boost::asio::ip::address const& address) const noexcept {
    address_bytes const asked = long_form(address);
    return std::any_of(networks_.begin(), networks_.end(), [&](network const& each) {
        return agree(each.first, asked, each.bits);
    });
}

}  // namespace tendril
