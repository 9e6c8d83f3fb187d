// SPDX-License-Identifier: BSL-1.0
//
// Headers of the PROXY protocol. One that is accepted can be written, and read again as the same.
#include "target.hpp"

#include <tendril/net/proxy_protocol.hpp>

#include <optional>
#include <string>

namespace {

using namespace tendril;
using fuzz::require;

std::optional<proxy_header> read_all(std::string_view input) {
    detail::proxy_parser parser{{}};
    while (parser.wanted() > 0) {
        if (parser.wanted() > input.size()) {
            return std::nullopt;
        }
        std::string_view const piece = input.substr(0, parser.wanted());
        input.remove_prefix(piece.size());
        if (!parser.take(piece)) {
            return std::nullopt;
        }
    }
    return parser.header();
}

bool same(proxy_header const& a, proxy_header const& b) {
    return a.what == b.what && a.source == b.source && a.destination == b.destination &&
        a.source_path == b.source_path && a.destination_path == b.destination_path &&
        a.extensions == b.extensions;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::optional<proxy_header> const header = read_all(fuzz::text_of(data, size));
    if (!header) {
        return 0;
    }
    std::optional<proxy_header> const second = read_all(proxy_header_v2(*header));
    require(second && same(*second, *header), "version 2 says the same");
    if (header->what == proxy_header::kind::tcp && header->extensions.empty()) {
        std::optional<proxy_header> const first = read_all(proxy_header_v1(*header));
        require(first && same(*first, *header), "version 1 says the same");
    }
    return 0;
}
