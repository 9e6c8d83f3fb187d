// SPDX-License-Identifier: BSL-1.0
#pragma once

// A server for connections: one greenlet for each, running a plain loop.
//
//     tendril::stream_server server{"127.0.0.1:7000", [](tendril::tcp_stream& s) {
//         char data[1024];
//         while (auto size = s.read_some(boost::asio::buffer(data))) {
//             s.write(boost::asio::buffer(data, size));
//         }
//     }};
//     server.serve_forever();
//
// * At the limit of connections it stops accepting; the kernel queues. It goes on as soon as one
//   ends.
// * When accepting fails (no descriptors, no memory) it waits, at first 10 ms, then twice as long
//   up to a second, and goes on (accept_loop.hpp); connections that are open are served meanwhile.
// * A handler that throws ends its own connection only. What it threw is reported to the hub's
//   error handler, but for the ordinary ends of a connection (end of file, reset, closed by us).
// * `stop` closes the listener, lets the handlers finish for a while, and then ends those that have
//   not.
//
// Read next: lib/server/stream_server.cpp; docs/server.md.

#include <tendril/context/stack_pool.hpp>
#include <tendril/hub/deadline.hpp>
#include <tendril/net/endpoint.hpp>
#include <tendril/net/tcp_listener.hpp>
#include <tendril/support/unique_function.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace tendril {

/// How a stream server works.
struct stream_server_options {
    /// How many connections may be open at once; zero means as many as the process can hold.
    std::size_t max_connections = 0;
    /// How the listener is made.
    listen_options listen{};
    /// How many bytes of stack a handler gets.
    std::size_t stack_size = stack_pool::default_size;
    /// How long it waits after accepting has failed: the first time, and at most.
    std::chrono::milliseconds first_delay{10};
    std::chrono::milliseconds longest_delay{1000};
};

/// Numbers of a server at one moment.
struct stream_server_statistics {
    /// Connections that are open, and how many have been accepted since the start.
    std::size_t connections = 0;
    std::uint64_t accepted = 0;
    /// How often accepting has failed.
    std::uint64_t accept_errors = 0;
};

namespace detail {
class server_state;
}

class stream_server {
public:
    /// What is called for each connection, in a greenlet of its own. The stream is closed when it
    /// returns or throws.
    using handler = unique_function<void(tcp_stream&)>;

    /// Prepares a server. Nothing is bound before `start`.
    /// Throws: system_error with `errc::bad_name` for an address that cannot be read; misuse when
    /// a delay is not positive, or the longest is shorter than the first. Switches: never.
    stream_server(
        std::string_view address, handler on_connection, stream_server_options options = {});
    stream_server(stream_server const&) = delete;
    stream_server& operator=(stream_server const&) = delete;

    /// Stops without grace. Must happen on the thread of the hub where it has started, or after
    /// that has gone: elsewhere it ends the program. Switches: may.
    ~stream_server();

    /// Binds the address and accepts from now on. Does nothing when it runs.
    /// Throws: system_error, naming the address; misuse while another `start` or a `stop` is
    /// under way; errc::closed when it was stopped meanwhile.
    /// Switches: may, when the host is a name.
    void start();

    /// Starts if need be, and waits until somebody calls `stop`. When the wait is interrupted it
    /// stops the server without grace. Throws: as `start`; what was requested for the greenlet.
    /// Switches: may.
    void serve_forever();

    /// Serves a connection that was accepted elsewhere as one of its own, whether it runs or not.
    /// Throws: system_error with `errc::overloaded` at the limit of connections; std::bad_alloc;
    /// wrong_thread. Switches: never. Thread: hub.
    void serve(tcp_stream accepted);

    /// Closes the listener, waits for the handlers, and ends those that run on after `grace`. May
    /// be called in a handler, which is then not waited for. Those that are ended get one second
    /// more to unwind. Returns whether all ended by themselves.
    /// When the wait is interrupted, the handlers are ended and not waited for.
    /// Throws: misuse when the duration is not a number; wrong_thread; what was requested for the
    /// greenlet. Switches: may.
    template <typename Rep, typename Period>
    bool stop(std::chrono::duration<Rep, Period> const& grace) {
        return stop(deadline::after(grace));
    }
    bool stop() { return stop(std::chrono::seconds{1}); }
    bool stop(deadline limit);

    /// Says whether it accepts connections. Switches: never.
    bool running() const noexcept;

    /// Where it listens: with the real port when 0 was asked for. Throws: misuse when it does not
    /// run. Switches: never.
    tcp_endpoint local_endpoint() const;

    /// Returns the numbers of this moment. Switches: never.
    stream_server_statistics statistics() const noexcept;

private:
    std::shared_ptr<detail::server_state> state_;
};

}  // namespace tendril
