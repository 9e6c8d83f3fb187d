// SPDX-License-Identifier: BSL-1.0
#pragma once

// TCP streams whose calls park the greenlet instead of blocking the thread.
//
//     auto stream = tendril::tcp_stream::connect("localhost", "http");
//     stream.write(boost::asio::buffer("GET / HTTP/1.0\r\n\r\n"sv));
//     auto size = stream.read_some(boost::asio::buffer(data));
//
// What they can do beyond connecting, and which error means what, stands in stream_socket.hpp.
// `read_some`, `write_some`, `write` and their forms with limits are declared in io/stream.hpp.
//
// TCP_NODELAY is on: small writes leave at once. Write what belongs together with one call.

#include <tendril/hub/deadline.hpp>
#include <tendril/io/abi_lock.hpp>
#include <tendril/io/error.hpp>
#include <tendril/net/connect.hpp>
#include <tendril/net/endpoint.hpp>
#include <tendril/net/stream_socket.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace boost::beast {
enum class role_type;
}

namespace tendril {

class tcp_stream;

namespace detail {
tcp_stream connect_once(
    tcp_endpoint const& peer, tcp_endpoint const* local, deadline limit, error_code& error);
}

class tcp_stream : public stream_socket {
public:
    using lowest_layer_type = tcp_stream;
    using endpoint_type = tcp_endpoint;

    /// Makes a stream that is not connected: every operation says `errc::closed`.
    tcp_stream() noexcept = default;
    tcp_stream(tcp_stream&&) noexcept = default;
    /// Closes the stream that was there. Switches: never.
    tcp_stream& operator=(tcp_stream&&) noexcept = default;

    /// Closes it. Must happen on the hub's thread, or after the hub has gone: elsewhere it ends the
    /// program. Switches: never.
    ~tcp_stream() = default;

    /// Connects to a host by name or number; of several addresses the first that answers is taken
    /// (connect.hpp). Throws: connect_error, naming host and addresses; system_error when the name
    /// is not found; misuse for a delay below ten milliseconds; what was requested for the
    /// greenlet. Switches: may.
    static tcp_stream connect(
        std::string const& host, std::string const& service, connect_options const& options = {});
    static tcp_stream connect(
        std::string const& host, std::uint16_t port, connect_options const& options = {}) {
        return connect(host, std::to_string(port), options);
    }
    /// As above, but `error` says what came of the last attempt. Switches: may.
    static tcp_stream connect(
        std::string const& host, std::string const& service, connect_options const& options,
        error_code& error);

    /// As above, to the first of several addresses that answers, tried in this order: see
    /// `interleaved`. Throws: misuse when there is none. Switches: may.
    static tcp_stream connect(
        std::vector<tcp_endpoint> const& peers, connect_options const& options = {});
    static tcp_stream connect(
        std::vector<tcp_endpoint> const& peers, connect_options const& options, error_code& error);

    /// Connects to an address. Switches: may.
    static tcp_stream connect(tcp_endpoint const& peer);
    static tcp_stream connect(tcp_endpoint const& peer, error_code& error);

    /// As above, but until a moment, or for a while, at most; then the error is `errc::timed_out`.
    /// Switches: may.
    static tcp_stream connect_until(tcp_endpoint const& peer, deadline limit);
    static tcp_stream connect_until(tcp_endpoint const& peer, error_code& error, deadline limit);
    template <typename Rep, typename Period>
    static tcp_stream connect_for(
        tcp_endpoint const& peer, std::chrono::duration<Rep, Period> const& duration) {
        return connect_until(peer, deadline::after(duration));
    }

    /// Takes over a connected descriptor, which it makes non-blocking. On failure the descriptor is
    /// closed. Throws: system_error. Switches: never.
    static tcp_stream adopt(int descriptor);
    static tcp_stream adopt(int descriptor, error_code& error);

    /// The addresses of both ends. Throws: system_error. Switches: never.
    tcp_endpoint local_endpoint() const;
    tcp_endpoint remote_endpoint() const;

    /// For code that is written for Asio's layers. Switches: never.
    lowest_layer_type& lowest_layer() noexcept { return *this; }
    lowest_layer_type const& lowest_layer() const noexcept { return *this; }

private:
    friend tcp_stream detail::connect_once(
        tcp_endpoint const& peer, tcp_endpoint const* local, deadline limit, error_code& error);
    explicit tcp_stream(detail::stream_core& core) noexcept : stream_socket{core} {}
};

/// Ends the connection under a WebSocket of Boost.Beast, which finds this function by its name:
/// ends the sending side, reads until the peer has ended its own, and closes. Switches: may.
void teardown(boost::beast::role_type role, tcp_stream& stream, error_code& error);

}  // namespace tendril
