// SPDX-License-Identifier: BSL-1.0
#include <tendril/server/connection.hpp>

namespace tendril {

std::string to_string(connection_peer const& peer) {
    if (peer.endpoint) {
        return to_string(*peer.endpoint);
    }
    return peer.name.empty() ? "somebody" : "unix:" + peer.name;
}

}  // namespace tendril
