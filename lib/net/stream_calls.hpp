// SPDX-License-Identifier: BSL-1.0
#pragma once

// The steps that all operations of streams are made of.

#include "socket_operation.hpp"
#include "stream_core.hpp"

#include <tendril/hub/deadline.hpp>
#include <tendril/hub/waiter.hpp>
#include <tendril/io/error.hpp>
#include <tendril/net/endpoint.hpp>
#include <tendril/net/stream_socket.hpp>
#include <tendril/net/tcp_stream.hpp>

#include <sys/socket.h>
#include <sys/uio.h>

#include <boost/asio/generic/stream_protocol.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace tendril::detail {

using stream_operation = socket_operation<plain_socket>;

/// What Asio's "operation aborted" means for us: nothing, when only the other direction was meant.
/// Else `error` says how the operation ended. Throws: what the greenlet was interrupted for.
/// Switches: never.
bool must_retry(stream_core const& core, stream_operation const& ended, error_code& error);

/// Starts an operation with `start`, and waits for its end, or for its limit and then for its end.
/// Throws: std::bad_alloc, before it has begun. Switches: may.
template <typename Start>
void run_operation(stream_operation& operation, deadline limit, Start&& start) {
    park_limit const alarm{operation, limit};
    start();
    operation.await();
}

/// Waits until there is room in the kernel's buffer, or it is time to see whether there is. Returns
/// false when the call is over; `error` says why. Switches: may.
bool wait_for_room(stream_core& core, call_limit& limit, error_code& error);

/// Calls `send`, which is a system call that sends, until it has sent something. Returns how much;
/// nothing with an error. Switches: may.
template <typename Send>
std::size_t send_when_there_is_room(
    stream_core& core, Send&& send, call_limit& limit, error_code& error) {
    return call_when_ready(
        core, [&] { return send(core.socket->native_handle()); },
        [&] { return wait_for_room(core, limit, error); }, error);
}

/// Writes some parts to their end, and changes them meanwhile. Adds to `written`, which is right
/// even when this throws. Switches: may.
void write_parts_to_end(
    stream_core& core, std::span<iovec> parts, call_limit& limit, std::uint64_t& written,
    error_code& error);

/// Ends a connection in order: ends the sending side, reads until the peer has ended its own, and
/// closes. Switches: may.
void tear_down(stream_socket& stream, error_code& error);

/// Makes a socket for `core` and connects it. Switches: may.
void connect_core(
    stream_core& core, stream_protocol::endpoint const& peer, deadline limit, error_code& error);

/// Makes one attempt to connect to one address, from a local end if there is one.
/// Throws: std::bad_alloc; what was requested for the greenlet. Switches: may.
tcp_stream connect_once(
    tcp_endpoint const& peer, tcp_endpoint const* local, deadline limit, error_code& error);

}  // namespace tendril::detail
