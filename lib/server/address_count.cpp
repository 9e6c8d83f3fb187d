// SPDX-License-Identifier: BSL-1.0
#include "address_count.hpp"

#include <algorithm>

namespace tendril::detail {
namespace {

address_count::client client_of(boost::asio::ip::address const& address) noexcept {
    namespace ip = boost::asio::ip;
    if (address.is_v4()) {
        return ip::make_address_v6(ip::v4_mapped, address.to_v4()).to_bytes();
    }
    address_count::client bytes = address.to_v6().to_bytes();
    if (!address.to_v6().is_v4_mapped()) {
        std::fill(bytes.begin() + 8, bytes.end(), static_cast<unsigned char>(0));
    }
    return bytes;
}

}  // namespace

std::optional<address_count::client> address_count::enter(
    tcp_endpoint const& from, std::size_t most) {
    client const one = client_of(from.address());
    std::size_t& count = counts_[one];
    if (count >= most) {
        return std::nullopt;
    }
    ++count;
    return one;
}

void address_count::leave(client const& one) noexcept {
    auto const at = counts_.find(one);
    if (at != counts_.end() && --at->second == 0) {
        counts_.erase(at);
    }
}

}  // namespace tendril::detail
