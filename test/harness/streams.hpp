// SPDX-License-Identifier: BSL-1.0
#pragma once

// Connections of every kind that the library knows, so that a test can run over each.

#include <harness/network.hpp>
#include <tendril/net/unix_socket.hpp>

#include <utility>

namespace tendril::test {

/// Both ends of one connection by a Unix socket.
struct unix_pair {
    unix_stream here;
    unix_stream there;
};
inline unix_pair connected_unix_pair() {
    auto [here, there] = unix_stream::pair();
    return {std::move(here), std::move(there)};
}

/// Calls `test(here, there)` with the ends of a connection, for each kind of it.
template <typename F>
void for_each_kind(F&& test) {
    {
        SCOPED_TRACE("tcp");
        stream_pair pair = connected_pair();
        test(pair.here, pair.there);
    }
    {
        SCOPED_TRACE("unix");
        unix_pair pair = connected_unix_pair();
        test(pair.here, pair.there);
    }
}

}  // namespace tendril::test
