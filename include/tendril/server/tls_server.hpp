// SPDX-License-Identifier: BSL-1.0
#pragma once

// A server for connections that are encrypted.
//
//     tendril::tls_server server{
//         "0.0.0.0:443",
//         tendril::tls_context::server({.identity = identity}),
//         [](tendril::tls_stream& stream) { … }};
//     server.serve_forever();
//
// It is a `stream_server` with a handshake before each handler, and all that this promises holds.
// The handshake happens in the greenlet of its connection, within a limit: a client that is slow at
// it holds up nobody. One that fails closes the connection and is counted; it is the client's
// business and nobody's error. (What the context's `choose` throws is reported.)
//
// When the handler returns, the stream is closed in order, within a limit. When it throws, the
// stream is cut off, so that the peer does not take what it has for all. A peer that cuts off is an
// error where the handler reads (`tls_errc::truncated`), and an ordinary end for the server.
//
// The stream is lent to the handler, which may not keep it: its socket goes with the connection.
//
// Read next: tls/tls_stream.hpp; docs/servers.md.

#include <tendril/hub/deadline.hpp>
#include <tendril/io/any_stream.hpp>
#include <tendril/server/stream_server.hpp>
#include <tendril/support/unique_function.hpp>
#include <tendril/tls/tls_context.hpp>
#include <tendril/tls/tls_stream.hpp>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace tendril {

/// How a TLS server works.
struct tls_serving_options {
    /// Connections, listener, stacks: as for any server.
    stream_server_options server{};
    /// How long a handshake may take, and how long a close may wait for room.
    std::chrono::milliseconds handshake_limit{10'000};
    std::chrono::milliseconds close_limit{1000};
};

/// Numbers of a TLS server at one moment.
struct tls_server_statistics {
    stream_server_statistics server;
    /// Handshakes that have succeeded, and that have failed.
    std::uint64_t handshakes = 0;
    std::uint64_t failed_handshakes = 0;
};

namespace detail {
struct tls_serving;
}

/// What a TLS server calls for each connection: a function of `tls_stream&` or of `any_stream&`.
class tls_handler {
public:
    /// Takes over a function. Throws: std::bad_alloc. Switches: never. Thread: any.
    template <typename F>
    requires(
        !std::same_as<std::remove_cvref_t<F>, tls_handler> &&
        (std::invocable<std::decay_t<F>&, tls_stream&> ||
         std::invocable<std::decay_t<F>&, any_stream&>)) tls_handler(F&& function)
        : call_{adapted<std::decay_t<F>>(std::forward<F>(function))} {}

    /// Calls it. Throws: what the function throws; std::bad_alloc. Switches: if that does.
    void operator()(tls_stream& stream) { call_(stream); }

private:
    template <typename F>
    static auto adapted(F function) {
        return [function = std::move(function)](tls_stream& stream) mutable {
            if constexpr (std::invocable<F&, tls_stream&>) {
                function(stream);
            } else {
                any_stream lent{std::ref(stream)};
                function(lent);
            }
        };
    }

    unique_function<void(tls_stream&)> call_;
};

class tls_server {
public:
    /// What is called for each connection after its handshake.
    using handler = tls_handler;

    /// Prepares a server. Nothing is bound before `start`. Throws: as `stream_server`; misuse when
    /// the context is empty. Switches: never.
    tls_server(
        std::string_view address, tls_context context, handler on_connection,
        tls_serving_options options = {});
    tls_server(tls_server const&) = delete;
    tls_server& operator=(tls_server const&) = delete;

    /// Stops without grace, as `stream_server`. Switches: may.
    ~tls_server();

    /// Connections that are accepted from now on are served with this context; those that are open,
    /// and handshakes that have begun, go on with the one before. Throws: misuse when it is empty.
    /// Switches: never. Thread: hub.
    void set_context(tls_context context);

    /// As `stream_server` has them. Throws: as there. Switches: may.
    void start() { server_.start(); }
    void serve_forever() { server_.serve_forever(); }
    /// As `stream_server` has them. Throws: as there. Switches: never.
    void start(tcp_listener listening) { server_.start(std::move(listening)); }
    void start(unix_listener listening) { server_.start(std::move(listening)); }
    void serve(tcp_stream accepted) { server_.serve(std::move(accepted)); }
    void serve(unix_stream accepted) { server_.serve(std::move(accepted)); }
    int release_listener() { return server_.release_listener(); }
    int native_handle() const noexcept { return server_.native_handle(); }
    /// As `stream_server` has them. Throws: as there. Switches: may.
    void stop_accepting() { server_.stop_accepting(); }
    void start_accepting() { server_.start_accepting(); }

    /// As `stream_server::stop`. Throws: as there. Switches: may.
    template <typename Rep, typename Period>
    bool stop(std::chrono::duration<Rep, Period> const& grace) {
        return server_.stop(grace);
    }
    bool stop() { return server_.stop(); }
    bool stop(deadline limit) { return server_.stop(limit); }

    /// As `stream_server` has them. Throws: as there. Switches: never.
    bool stopping() const noexcept { return server_.stopping(); }
    bool running() const noexcept { return server_.running(); }
    tcp_endpoint local_endpoint() const { return server_.local_endpoint(); }
    std::string local_address() const { return server_.local_address(); }

    /// Returns the numbers of this moment. Switches: never.
    tls_server_statistics statistics() const noexcept;

private:
    std::shared_ptr<detail::tls_serving> state_;
    stream_server server_;
};

}  // namespace tendril
