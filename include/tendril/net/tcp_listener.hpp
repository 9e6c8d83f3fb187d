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
// When the process is out of descriptors, `accept` says so and leaves the connection in the
// kernel's queue. The next call says so again, at once: whoever calls it in a loop waits a little
// before, as a `stream_server` does, which also bounds how many connections there are.
//
// Names of the address, several listeners for one address, both families with one: `listen_options`
// and docs/net.md. From a service manager: socket_activation.hpp.

#include <tendril/hub/deadline.hpp>
#include <tendril/io/abi_lock.hpp>
#include <tendril/net/endpoint.hpp>
#include <tendril/net/tcp_stream.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

namespace tendril {

namespace detail {
class listener_core;
}

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
};

class tcp_listener {
public:
    /// Makes a listener that listens to nothing: `accept` says `errc::closed`.
    tcp_listener() noexcept = default;
    tcp_listener(tcp_listener&& other) noexcept : core_{std::exchange(other.core_, nullptr)} {}
    tcp_listener& operator=(tcp_listener&& other) noexcept;

    /// Closes it. Must happen on the hub's thread, or after the hub has gone: elsewhere it ends the
    /// program. Switches: never.
    ~tcp_listener();

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

    /// Stops listening and wakes whoever waits in `accept` with `errc::closed`. A second call does
    /// nothing. Throws: wrong_thread. Switches: never. Thread: hub.
    void close();

    /// Says whether it listens. Switches: never.
    bool is_open() const noexcept;

    /// The descriptor, or -1. It stays the listener's. Switches: never.
    int native_handle() const noexcept;

    /// Where it listens. Throws: system_error. Switches: never.
    tcp_endpoint local_endpoint() const;

private:
    explicit tcp_listener(detail::listener_core& core) noexcept : core_{&core} {}

    detail::listener_core* core_ = nullptr;
};

}  // namespace tendril
