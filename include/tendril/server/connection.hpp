// SPDX-License-Identifier: BSL-1.0
#pragma once

// The connection that a handler serves, for code that was not told: who is there, and since when.
//
//     void log(std::string_view text) {
//         if (auto const* served = tendril::this_connection.find()) {
//             std::clog << served->id << ' ' << to_string(served->peer) << ": " << text << '\n';
//         }
//     }
//
// A `stream_server` sets the variable before it calls the handler. Tasks that the handler spawns
// inherit it, as any `context_var`, and keep it when the connection has ended.
//
// Read next: stream_server.hpp.

#include <tendril/hub/clock.hpp>
#include <tendril/net/endpoint.hpp>
#include <tendril/task/context_var.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace tendril {

/// Who is at the other end of a connection.
struct connection_peer {
    /// Of a TCP connection; behind a proxy, who has connected to that. None when that is not known:
    /// at a Unix socket, and where the connection had failed before anybody asked.
    std::optional<tcp_endpoint> endpoint{};
    /// Whether it is at a Unix socket.
    bool is_local = false;
    /// The name of a Unix socket. Most clients have none.
    std::string name{};
};

/// Writes "127.0.0.1:5000", "unix:/path", or "somebody" where nothing is known; control bytes of a
/// name as `\x0a`. Switches: never. Thread: any.
std::string to_string(connection_peer const& peer);

/// A connection that a server serves.
struct connection_info {
    /// Its number: no other connection of this process has it.
    std::uint64_t id = 0;
    connection_peer peer{};
    /// When it was accepted, by the clock of the hub.
    time_point since{};
};

/// The connection that the running greenlet belongs to; it has no value elsewhere.
inline context_var<connection_info> this_connection;

}  // namespace tendril
