// SPDX-License-Identifier: BSL-1.0
#include <tendril/server/connection.hpp>

#include <cstdio>
#include <string_view>

namespace tendril {
namespace {

// Whoever has chosen the name shall not write lines of his own into a log.
std::string printable(std::string_view name) {
    std::string text;
    for (char const each : name) {
        auto const code = static_cast<unsigned char>(each);
        if (code >= ' ' && code != 0x7f) {
            text += each;
        } else {
            char escaped[5];
            std::snprintf(escaped, sizeof escaped, "\\x%02x", code);
            text += escaped;
        }
    }
    return text;
}

}  // namespace

std::string to_string(connection_peer const& peer) {
    if (peer.endpoint) {
        return to_string(*peer.endpoint);
    }
    return peer.name.empty() ? "somebody" : "unix:" + printable(peer.name);
}

}  // namespace tendril
