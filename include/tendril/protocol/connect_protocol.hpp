// SPDX-License-Identifier: BSL-1.0
#pragma once

// Connecting to a server and running a protocol there.
//
//     auto [connection, client] = tendril::connect_protocol(
//         "localhost", "http", [] { return std::make_shared<my_client>(); });
//     connection.write("GET / HTTP/1.0\r\n\r\n");
//     client->answer.get();
//
// The protocol is made when there is a connection, and the call returns when `connection_made` has
// returned. Both parts of the result may be kept or dropped: the connection goes on either way.

#include <tendril/io/abi_lock.hpp>
#include <tendril/net/endpoint.hpp>
#include <tendril/net/tcp_stream.hpp>
#include <tendril/protocol/protocol.hpp>
#include <tendril/protocol/transport.hpp>

#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace tendril {

/// A connection and the protocol that runs there.
template <typename Protocol>
struct connected_protocol {
    transport connection;
    std::shared_ptr<Protocol> handler;
};

namespace detail {

/// Starts the protocol and waits for its first call; ends it when the wait is interrupted.
transport start_and_wait(
    any_stream stream, std::shared_ptr<protocol> handler, protocol_options const& options);

template <typename Factory>
auto run_connected(tcp_stream stream, Factory& factory, protocol_options const& options) {
    using made = std::invoke_result_t<Factory&>;
    using handler = typename std::pointer_traits<made>::element_type;
    std::shared_ptr<handler> shared{std::invoke(factory)};
    transport started = start_and_wait(any_stream{std::move(stream)}, shared, options);
    return connected_protocol<handler>{std::move(started), std::move(shared)};
}

}  // namespace detail

/// Connects, makes a protocol with `factory`, and runs it. The factory returns a `shared_ptr` or a
/// `unique_ptr` to it. Throws: as `tcp_stream::connect`; what the factory throws, and then the
/// connection is closed; as `start_protocol`; what was requested for the greenlet. Switches: may.
template <typename Factory>
auto connect_protocol(
    tcp_endpoint const& peer, Factory&& factory, protocol_options const& options = {}) {
    return detail::run_connected(tcp_stream::connect(peer), factory, options);
}
template <typename Factory>
auto connect_protocol(
    std::string const& host, std::string const& service, Factory&& factory,
    protocol_options const& options = {}) {
    return detail::run_connected(tcp_stream::connect(host, service), factory, options);
}

}  // namespace tendril
