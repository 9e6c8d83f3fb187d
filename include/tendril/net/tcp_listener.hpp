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
// `errc::closed`.

#include <tendril/io/abi_lock.hpp>
#include <tendril/net/endpoint.hpp>
#include <tendril/net/tcp_stream.hpp>

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

    /// Listens at an address. An empty host means every address of the machine; port 0 means any
    /// free port (see `local_endpoint`).
    /// Throws: system_error, naming the address. Switches: may, when the host is a name.
    static tcp_listener bind(
        std::string const& host, std::uint16_t port, listen_options const& options = {});
    /// As above. Switches: never.
    static tcp_listener bind(tcp_endpoint const& endpoint, listen_options const& options = {});

    /// Waits for a connection. Connections that fail before they are accepted are passed over.
    /// Throws: system_error (EMFILE and the like are the caller's to wait out); what was requested
    /// for the greenlet. Switches: may.
    tcp_stream accept();
    tcp_stream accept(error_code& error);

    /// Stops listening and wakes whoever waits in `accept` with `errc::closed`. A second call does
    /// nothing. Throws: wrong_thread. Switches: never. Thread: hub.
    void close();

    /// Says whether it listens. Switches: never.
    bool is_open() const noexcept;

    /// Where it listens. Throws: system_error. Switches: never.
    tcp_endpoint local_endpoint() const;

private:
    explicit tcp_listener(detail::listener_core& core) noexcept : core_{&core} {}

    detail::listener_core* core_ = nullptr;
};

}  // namespace tendril
