// SPDX-License-Identifier: BSL-1.0
//
// Lists of `Forwarded` and `X-Forwarded-For`. Whatever a client writes before what the proxies add,
// it is found to be the same.
#include "target.hpp"

#include <tendril/http/forwarded.hpp>

#include <string>

namespace {

using namespace tendril;
using fuzz::require;

struct trusted_network {
    bool contains(boost::asio::ip::address const& address) const {
        return address.is_v4() && address.to_v4().to_bytes()[0] == 10;
    }
};

bool same(request_origin const& a, request_origin const& b) {
    return a.address == b.address && a.port == b.port && a.host == b.host && a.scheme == b.scheme &&
        a.proxies == b.proxies && a.hidden == b.hidden && a.malformed == b.malformed;
}

void judge(forwarding_fields kind, http_fields const& fields, http_fields const& forged) {
    tcp_endpoint const peer{boost::asio::ip::make_address_v4("10.0.0.1"), 80};
    request_origin const origin = find_origin(peer, fields, kind, trusted_network{});
    bool const is_trusted = trusted_network{}.contains(origin.address);
    require(origin.proxies > 0 || is_trusted, "only a trusted peer speaks for others");
    if (!is_trusted || origin.hidden || origin.malformed) {
        require(
            same(find_origin(peer, forged, kind, trusted_network{}), origin),
            "what stands before changes nothing");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::string_view const value = fuzz::text_of(data, size);
    if (auto const elements = parse_forwarded(value)) {
        require(!elements->empty(), "a list has an element");
    }
    http_fields fields;
    fields.add("Forwarded", value);
    fields.add("X-Forwarded-For", value);
    http_fields forged;
    forged.add("Forwarded", "for=192.0.2.66, nonsense \"");
    forged.add("X-Forwarded-For", "192.0.2.66, nonsense \"");
    forged.add("Forwarded", value);
    forged.add("X-Forwarded-For", value);
    judge(forwarding_fields::forwarded, fields, forged);
    judge(forwarding_fields::x_forwarded, fields, forged);
    return 0;
}
