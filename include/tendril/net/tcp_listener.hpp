// SPDX-License-Identifier: BSL-1.0
#pragma once

// Listeners: where the TCP streams of a server come from.
//
//     auto listener = tendril::tcp_listener::bind("127.0.0.1", 0);
//     while (true) {
//         tendril::spawn([stream = listener.accept()]() mutable { serve(stream); });
//     }
//
// One greenlet accepts at a time; a second one gets `errc::busy`. `close` wakes it with
// `errc::closed`. A connection that failed before it was accepted is passed over.
//
// What a listener does when descriptors lack, and which error means what, stands in
// listener_socket.hpp; `accept_loop` waits such a lack out.
//
// Names of the address, several listeners for one address, both families with one: `listen_options`
// and docs/net.md. From a service manager: socket_activation.hpp.

#include <tendril/hub/deadline.hpp>
#include <tendril/io/abi_lock.hpp>
#include <tendril/net/endpoint.hpp>
#include <tendril/net/listener_socket.hpp>
#include <tendril/net/tcp_stream.hpp>

#include <chrono>
#include <cstdint>
#include <string>

namespace tendril {

/// How a listener is made.
struct listen_options {
    /// How many connections may wait in the kernel to be accepted.
    int backlog = 4096;
    /// Takes an address over from a server that has just ended.
    bool reuse_address = true;
    /// Lets several listeners share an address; the kernel divides connections among them.
    bool reuse_port = false;
    /// Lets an IPv6 listener serve IPv6 only; otherwise one at `::` serves IPv4 as well.
    bool v6_only = false;
    /// Keeps a descriptor in reserve, to turn clients away with when others lack.
    bool reserve_descriptor = false;
};

class tcp_listener : public listener_socket {
public:
    /// Makes a listener that listens to nothing: `accept` says `errc::closed`.
    tcp_listener() noexcept = default;
    tcp_listener(tcp_listener&&) noexcept = default;
    /// Closes the listener that was there. Switches: never.
    tcp_listener& operator=(tcp_listener&&) noexcept = default;

    /// Closes it. Must happen on the hub's thread, or after the hub has gone: elsewhere it ends the
    /// program. Switches: never.
    ~tcp_listener() = default;

    /// Listens at an address. An empty host means every address of the machine; of the addresses
    /// of a name it is the first that can be listened at; port 0 means any free port (see
    /// `local_endpoint`).
    /// Throws: system_error, naming the address. Switches: may, when the host is a name.
    static tcp_listener bind(
        std::string const& host, std::uint16_t port, listen_options const& options = {});
    static tcp_listener bind(
        std::string const& host, std::uint16_t port, listen_options const& options,
        error_code& error);
    /// As above. Switches: never.
    static tcp_listener bind(tcp_endpoint const& endpoint, listen_options const& options = {});
    static tcp_listener bind(
        tcp_endpoint const& endpoint, listen_options const& options, error_code& error);

    /// Takes over a descriptor that listens already, and makes it non-blocking. On failure the
    /// descriptor is closed. Throws: system_error. Switches: never.
    static tcp_listener adopt(int descriptor);
    static tcp_listener adopt(int descriptor, error_code& error);

    /// Waits for a connection. Connections that fail before they are accepted are passed over.
    /// Throws: system_error (EMFILE and the like are the caller's to wait out); what was requested
    /// for the greenlet. Switches: may.
    tcp_stream accept();
    tcp_stream accept(error_code& error);

    /// As above, but until a moment, or for a while, at most; then the error is `errc::timed_out`.
    /// Switches: may.
    tcp_stream accept_until(deadline limit);
    tcp_stream accept_until(error_code& error, deadline limit);
    template <typename Rep, typename Period>
    tcp_stream accept_for(std::chrono::duration<Rep, Period> const& duration) {
        return accept_until(deadline::after(duration));
    }
    template <typename Rep, typename Period>
    tcp_stream accept_for(error_code& error, std::chrono::duration<Rep, Period> const& duration) {
        return accept_until(error, deadline::after(duration));
    }

    /// Where it listens. Throws: system_error. Switches: never.
    tcp_endpoint local_endpoint() const;
};

}  // namespace tendril
