// SPDX-License-Identifier: BSL-1.0
#pragma once

// Who has really asked, when proxies stand between: `Forwarded` (RFC 7239) and `X-Forwarded-For`.
//
//     tendril::address_set const proxies{"127.0.0.1", "10.0.0.0/8"};
//     auto const from = tendril::find_origin(
//         peer, request.fields(), tendril::forwarding_fields::forwarded, proxies);
//     if (from.malformed) { refuse(400); }
//     log(from.address, from.scheme, from.host);
//
// Each proxy adds what it knows at the end of a list. Whoever connects can write anything at the
// beginning of it, so the list is read from its end: as long as an address is one of those that are
// trusted, what it has added is believed, and names the next address. The first that is not trusted
// is the client. What stands before that is not even looked at.
//
//     Forwarded: for=6.6.6.6, for=203.0.113.9;proto=https, for=10.0.0.7      peer 10.0.0.2
//                    made up      the client of 10.0.0.7       the client of 10.0.0.2
//
// Proxies write one kind of field and pass the other kind on as it came. Reading whichever is there
// would believe a client that sends the other one, so the caller says which it is. Nothing is
// forgiven in what is read: a list that breaks the grammar there is malformed, and so are an empty
// element, a parameter that is there twice, and more than 16 of them in an element.

#include <tendril/http/fields.hpp>
#include <tendril/io/abi_lock.hpp>
#include <tendril/net/endpoint.hpp>

#include <boost/asio/ip/address.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tendril {

/// One end of a connection, as a proxy names it.
struct forwarded_node {
    enum class kind : std::uint8_t {
        /// Nothing was said.
        none,
        /// An address.
        address,
        /// The word "unknown", or a word of the proxy's own that begins with `_`.
        unknown,
    };

    kind what = kind::none;
    boost::asio::ip::address address{};
    /// Zero when no port was named, or one of the proxy's own.
    std::uint16_t port = 0;
    /// As it was written, without quotes.
    std::string text{};
};

/// What one proxy says about a request.
struct forwarded_element {
    /// Who has asked the proxy, and where the proxy was asked.
    forwarded_node client{};
    forwarded_node by{};
    /// The Host that it was asked for, and the scheme in small letters. Empty when it does not say.
    std::string host{};
    std::string scheme{};
};

/// Reads a node: "192.0.2.1", "192.0.2.1:80", "[2001:db8::1]:80", "unknown", "_name". Empty when it
/// is none. Throws: std::bad_alloc. Switches: never. Thread: any.
std::optional<forwarded_node> parse_forwarded_node(std::string_view text);

/// Reads the value of a `Forwarded` field. Parameters that RFC 7239 does not know are checked and
/// passed over. Empty when it breaks the grammar. Throws: std::bad_alloc. Switches: never.
/// Thread: any.
std::optional<std::vector<forwarded_element>> parse_forwarded(std::string_view value);

/// Which fields the proxies write.
enum class forwarding_fields : std::uint8_t {
    /// `Forwarded`.
    forwarded,
    /// `X-Forwarded-For`, `X-Forwarded-Proto` and `X-Forwarded-Host`. The latter two have as many
    /// elements as the first, or one, which is that of the outermost trusted proxy.
    x_forwarded,
};

/// Where a request comes from.
struct request_origin {
    /// The nearest address that is not trusted: the client. The address of a trusted proxy when
    /// that does not say who has asked it, or when what it says is malformed.
    boost::asio::ip::address address{};
    std::uint16_t port = 0;
    /// What the last trusted proxy says that the client has asked for; empty when none does.
    std::string host{};
    std::string scheme{};
    /// How many proxies were believed.
    std::size_t proxies = 0;
    /// A proxy does not say who has asked it.
    bool hidden = false;
    /// What a trusted proxy has added breaks the grammar: the request is worth a 400.
    bool malformed = false;
};

namespace detail {

/// A question about an address, without its type.
struct address_question {
    void const* whom;
    bool (*ask)(void const* whom, boost::asio::ip::address const& address);

    bool operator()(boost::asio::ip::address const& address) const { return ask(whom, address); }
};

request_origin find_origin(
    tcp_endpoint const& peer, http_fields const& fields, forwarding_fields kind,
    address_question is_trusted);

}  // namespace detail

/// Finds out who has sent a request: `peer` is who has connected, and `trusted.contains(address)`
/// says whether an address is that of a proxy that may speak for others. IPv4 addresses in the form
/// of IPv6 are asked about in their own form. Throws: std::bad_alloc. Switches: never. Thread: any.
template <typename Addresses>
request_origin find_origin(
    tcp_endpoint const& peer, http_fields const& fields, forwarding_fields kind,
    Addresses const& trusted) {
    return detail::find_origin(
        peer, fields, kind,
        {&trusted, [](void const* whom, boost::asio::ip::address const& address) {
             return static_cast<Addresses const*>(whom)->contains(address);
         }});
}

}  // namespace tendril
