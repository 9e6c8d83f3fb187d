// SPDX-License-Identifier: BSL-1.0
#pragma once

// A set of addresses, as one writes them into a configuration: which proxies are trusted.
//
//     tendril::address_set const proxies{"127.0.0.1", "::1", "10.0.0.0/8"};
//     if (proxies.contains(stream.remote_endpoint().address())) …
//
// An IPv4 address is the same in both of its forms: 127.0.0.1 and ::ffff:127.0.0.1.

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/address_v6.hpp>

#include <initializer_list>
#include <string_view>
#include <vector>

namespace tendril {

class address_set {
public:
    /// Makes an empty set, or one of addresses and of networks: "10.0.0.0/8", "2001:db8::/32".
    /// Throws: system_error with `errc::bad_name`, naming the text. Switches: never. Thread: any.
    address_set() = default;
    address_set(std::initializer_list<std::string_view> texts);

    /// Adds one address or network. Throws: as above. Switches: never. Thread: any.
    void add(std::string_view text);

    /// Says whether an address is in it. Switches: never. Thread: any.
    bool contains(boost::asio::ip::address const& address) const noexcept;

    /// Says whether nothing was added. Switches: never. Thread: any.
    bool empty() const noexcept { return networks_.empty(); }

private:
    // The first `bits` of an address, which is an IPv6 one, or made one.
    struct network {
        boost::asio::ip::address_v6::bytes_type first;
        unsigned bits;
    };

    std::vector<network> networks_;
};

}  // namespace tendril
