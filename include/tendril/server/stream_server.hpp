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
// * Its address is "host:port", "[ipv6]:port", ":port" or "port", where no host means every address
//   of the machine, or "unix:/path" or "unix:@name". The handler takes streams of that kind
//   (stream_handler.hpp).
// * At the limit of connections it stops accepting; the kernel queues. It goes on as soon as one
//   ends. A connection too many of one address is closed at once.
// * When accepting fails (no descriptors, no memory) it waits, at first 10 ms, then twice as long
//   up to a second, and goes on (accept_loop.hpp); connections that are open are served meanwhile.
//   When the listener itself can be used no more, the server ends, and handlers go on.
// * A handler that throws ends its own connection only. What it threw is reported, with the peer,
//   but for the ordinary ends of a connection (end of file, reset, closed by us).
// * `stop` closes the listener, lets the handlers finish for a while, and then ends those that have
//   not.
// * In the child of a fork it does not run until `start`, which accepts from the listener that the
//   parent has too. The connections are the parent's: the first call closes the child's copies, but
//   for the one of the handler that has forked.
//
// Read next: stream_server_options.hpp; lib/server/stream_service.cpp; docs/servers.md.

#include <tendril/hub/deadline.hpp>
#include <tendril/net/endpoint.hpp>
#include <tendril/net/tcp_listener.hpp>
#include <tendril/net/unix_socket.hpp>
#include <tendril/server/stream_handler.hpp>
#include <tendril/server/stream_server_options.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace tendril {

namespace detail {
class stream_service;
class handed_connection;
}  // namespace detail

class stream_server {
public:
    /// What is called for each connection, in a greenlet of its own. The stream is closed when it
    /// returns or throws.
    using handler = stream_handler;

    /// Prepares a server. Nothing is bound before `start`.
    /// Throws: system_error with `errc::bad_name` for an address that cannot be read; misuse when
    /// the handler takes no streams of that kind, when a delay is not positive, or when the longest
    /// is shorter than the first. Switches: never.
    stream_server(
        std::string_view address, handler on_connection, stream_server_options options = {});
    stream_server(stream_server const&) = delete;
    stream_server& operator=(stream_server const&) = delete;

    /// Stops without grace, and ends also handlers that have called `stop`, but for its caller; in
    /// a callback of the hub, where nobody may wait, it begins the end only. Must happen on the
    /// thread of the hub where it has started, or after that has gone: elsewhere it ends the
    /// program. Switches: may.
    ~stream_server();

    /// Binds the address and accepts from now on. Does nothing when it runs.
    /// Throws: system_error, naming the address; misuse while another `start` or a `stop` is
    /// under way; errc::closed when it was stopped meanwhile; what `before_start` throws;
    /// wrong_thread while another thread has the hub where it ran before.
    /// Switches: may, when the host is a name.
    void start();

    /// As above, but accepts from a listener that is there: of a service manager, or made before a
    /// fork. It is closed when that fails, or when the server runs already. Throws: misuse, as
    /// above, and when the handler takes no streams of that kind; std::bad_alloc; what
    /// `before_start` throws. Switches: never.
    void start(tcp_listener listening);
    void start(unix_listener listening);

    /// Starts if need be, and waits until somebody calls `stop`. When the wait is interrupted it
    /// stops the server without grace. Throws: as `start`; what was requested for the greenlet.
    /// Switches: may.
    void serve_forever();

    /// Serves a connection that was accepted elsewhere as one of its own, whether it runs or not.
    /// Throws: system_error with `errc::overloaded` at the limit of connections; misuse when the
    /// handler takes no streams of that kind; std::bad_alloc; wrong_thread. Switches: never.
    /// Thread: hub.
    void serve(tcp_stream accepted);
    void serve(unix_stream accepted);

    /// Accepts no more until `start_accepting`; the listener stays, and the kernel queues. Does
    /// nothing when it pauses already. Throws: misuse when it does not run; wrong_thread; what was
    /// requested for the greenlet, and then it pauses all the same. Switches: may. Thread: hub.
    void stop_accepting();
    /// Accepts again. Throws: misuse when it does not run; wrong_thread; std::bad_alloc, and then
    /// it still pauses; what was requested for the greenlet. Switches: may. Thread: hub.
    void start_accepting();

    /// Closes the listener, waits for the handlers, and ends those that run on after `grace`. May
    /// be called in a handler, which is then not waited for. Those that are ended get one second
    /// more to unwind. Returns whether all ended by themselves, and not by another `stop` either.
    /// When the wait is interrupted, the handlers are ended and not waited for.
    /// Throws: misuse when the duration is not a number; wrong_thread; what was requested for the
    /// greenlet. Switches: may.
    template <typename Rep, typename Period>
    bool stop(std::chrono::duration<Rep, Period> const& grace) {
        return stop(deadline::after(grace));
    }
    bool stop() { return stop(std::chrono::seconds{1}); }
    bool stop(deadline limit);

    /// Gives the listening descriptor away, for another process or another server that goes on with
    /// it: no connection is refused meanwhile. It accepts nothing from then on; what is open is
    /// served on until `stop`. The path of a Unix socket stays. Returns the descriptor, which is
    /// not inherited by programs unless it is passed on.
    /// Throws: misuse when it does not run; system_error; wrong_thread. Switches: never.
    /// Thread: hub.
    int release_listener();

    /// The listening descriptor, or -1. It stays the server's. Switches: never.
    int native_handle() const noexcept;

    /// Says whether a `stop` waits for the handlers: they should come to an end. Switches: never.
    bool stopping() const noexcept;

    /// Says whether it was started and has a listener; also while it pauses. Switches: never.
    bool running() const noexcept;

    /// Where it listens: with the real port when 0 was asked for. Throws: misuse when it does not
    /// run, or listens at a Unix socket. Switches: never.
    tcp_endpoint local_endpoint() const;

    /// The same as text, as it can be written into an address: "127.0.0.1:7000", "unix:/path".
    /// Throws: misuse when it does not run. Switches: never.
    std::string local_address() const;

    /// Returns the numbers of this moment. Switches: never.
    stream_server_statistics statistics() const noexcept;

private:
    friend detail::handed_connection;

    // Destroys what is counted elsewhere when the connection is closed.
    void serve(tcp_stream accepted, std::shared_ptr<void> counted_elsewhere);
    template <typename Listen>
    void start_with(Listen&& listen);

    std::shared_ptr<detail::stream_service> state_;
};

}  // namespace tendril
