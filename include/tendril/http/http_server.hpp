// SPDX-License-Identifier: BSL-1.0
#pragma once

// A server for HTTP/1.1: a handler for each request, on the greenlet of its connection.
//
//     tendril::http_server web{"127.0.0.1:8080",
//         [](tendril::http_request&, tendril::http_response& response) { response.body("hi\n"); }};
//     web.serve_forever();
//
// The handler may park: it holds up its own connection only. It reads the body of the request as
// that arrives (request.hpp), and answers in one piece or as a stream (response.hpp). When it
// throws, the client gets a 500 and the hub's error handler the error; an `http_error` has a status
// and a text for the client.
//
// Every wait has a limit and every buffer a bound; both are options. What breaks the rules of
// RFC 9112 is refused with the status that says so, and the connection is closed. Connections are
// kept alive, and pipelined requests answered in order. While the server drains, responses carry
// `Connection: close`, and idle connections are closed.

#include <tendril/http/access_log.hpp>
#include <tendril/http/forwarded.hpp>
#include <tendril/http/request.hpp>
#include <tendril/http/response.hpp>
#include <tendril/server/address_set.hpp>
#include <tendril/server/stream_server.hpp>
#include <tendril/support/unique_function.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace tendril {

class tls_context;

/// How an HTTP server works.
struct http_server_options {
    /// Connections, listener, stacks: as for any server.
    stream_server_options server{};
    /// The largest head (request line and fields) and target, in bytes, and the most fields.
    std::size_t head_limit = 64 * 1024;
    std::size_t target_limit = 8 * 1024;
    std::size_t field_limit = 100;
    /// The largest body, in bytes. A function may tell another limit for a request whose head has
    /// arrived, for one that is read by pieces: `http_request::body` keeps no more than this.
    std::uint64_t body_limit = 1024 * 1024;
    std::function<std::uint64_t(http_request const&)> body_limit_for = nullptr;
    /// How long the handshake of TLS may take.
    std::chrono::milliseconds handshake_timeout{10'000};
    /// How long a connection may be idle: before its first request, and between two.
    std::chrono::milliseconds idle_timeout{15'000};
    /// How long a head may take from its first byte.
    std::chrono::milliseconds head_timeout{10'000};
    /// How long a handler that reads a body may be kept waiting, and how many bytes a second the
    /// client must send to be given that time again. Without a rate, any byte gives it all.
    std::chrono::milliseconds body_timeout{10'000};
    std::uint64_t body_rate = 240;
    /// How long the client may take nothing of a response.
    std::chrono::milliseconds write_timeout{30'000};
    /// How long a handler may take; zero for as long as it wants. One that takes longer is
    /// interrupted, and the client gets a 503.
    std::chrono::milliseconds handler_timeout{0};
    /// After how many requests, and after how long, a connection ends with the next response; zero
    /// for never.
    std::uint64_t requests_per_connection = 10'000;
    std::chrono::milliseconds connection_age{0};
    /// Whether requests `CONNECT` come to the handler, which may agree (`http_response::tunnel`).
    bool allow_connect = false;
    /// Whether responses leave compressed (gzip) to clients that can read that: text, by its
    /// `Content-Type`, that is not encoded already; without a `content_length` when it is written
    /// piece by piece, and of so many bytes at least when it is not. One with `Cache-Control:
    /// no-transform` stays as it is: for secrets beside what an attacker can choose, for example.
    /// What may leave so has `Vary: Accept-Encoding`, and compressed its `ETag` is a weak one.
    bool compress = false;
    std::size_t compress_from = 1024;
    /// Proxies whose word is taken for where a request comes from (forwarded.hpp), and which fields
    /// they write. A request with a list of theirs that makes no sense is refused.
    address_set trusted_proxies{};
    forwarding_fields forwarding = forwarding_fields::x_forwarded;
    /// Paths at which the server answers by itself; empty for none. Whether it lives; whether it
    /// wants requests (`set_ready`), 503 if not; and its numbers, as text for Prometheus.
    std::string health_path{};
    std::string ready_path{};
    std::string metrics_path{};
    /// Is told of each request when it was answered, refused, or given up: access_log.hpp has the
    /// usual lines. What it throws is reported.
    std::function<void(http_exchange const&)> on_exchange{};
};

/// Numbers of an HTTP server at one moment, since it was made.
struct http_server_statistics {
    /// The connections.
    stream_server_statistics server;
    /// Handshakes of TLS that have failed.
    std::uint64_t failed_handshakes = 0;
    /// Requests that were answered, and those that were refused before a handler saw them.
    std::uint64_t answered = 0;
    std::uint64_t refused = 0;
    /// Answers by the first digit of their status: 2xx at [2].
    std::array<std::uint64_t, 6> by_class{};
    /// Responses that were cut off, because a handler or a client failed half way.
    std::uint64_t cut_off = 0;
    /// Bytes of bodies that were sent.
    std::uint64_t bytes_sent = 0;
    /// Requests that a handler is answering.
    std::uint64_t in_progress = 0;
};

namespace detail {
class http_listener;
class http_state;
}  // namespace detail

class http_server {
public:
    /// What is called for each request.
    using handler = unique_function<void(http_request&, http_response&)>;

    /// Prepares a server at an address of TCP, or "unix:/path". Nothing is bound before `start`.
    /// Throws: system_error with `errc::bad_name` for an address that cannot be read; misuse when
    /// it shall compress and tendril was built without zlib, or trust proxies and not know who has
    /// connected (`stream_server_options::tell_connection`). Switches: never.
    http_server(std::string_view address, handler on_request, http_server_options options = {});

    /// As above, behind TLS (tls_context.hpp): the context should offer "http/1.1" if any protocol.
    /// Throws: also misuse when the context is empty. Switches: never.
    http_server(
        std::string_view address, tls_context const& context, handler on_request,
        http_server_options options = {});
    http_server(http_server const&) = delete;
    http_server& operator=(http_server const&) = delete;

    /// Stops without grace. Switches: may.
    ~http_server();

    /// As `stream_server::start`. Switches: may.
    void start();
    /// As above, with a listener that is there. Switches: never.
    void start(tcp_listener listening);
    void start(unix_listener listening);

    /// As `stream_server::serve`. Switches: never.
    void serve(tcp_stream accepted);
    void serve(unix_stream accepted);

    /// As `stream_server::serve_forever`. Switches: may.
    void serve_forever();

    /// As `stream_server` has them. Switches: may.
    void stop_accepting();
    void start_accepting();

    /// Closes the listener and the idle connections, answers the requests that have arrived with
    /// `Connection: close`, and ends what runs on after `grace`. Returns whether all ended by
    /// themselves. Throws: misuse when the duration is not a number. Switches: may.
    template <typename Rep, typename Period>
    bool stop(std::chrono::duration<Rep, Period> const& grace) {
        return stop(deadline::after(grace));
    }
    bool stop() { return stop(std::chrono::seconds{1}); }
    bool stop(deadline limit);

    /// As `stream_server` has them. Switches: never.
    int release_listener();
    int native_handle() const noexcept;
    bool running() const noexcept;
    tcp_endpoint local_endpoint() const;
    std::string local_address() const;

    /// As `tls_server::set_context`. Throws: misuse when it speaks without TLS, or when the context
    /// is empty. Switches: never. Thread: hub.
    void set_context(tls_context const& context);

    /// Says at `http_server_options::ready_path` that it wants requests, which it does at first, or
    /// none: a load balancer that asks there stops sending before the listener closes.
    /// Switches: never. Thread: hub.
    void set_ready(bool ready) noexcept;

    /// Returns the numbers of this moment. Switches: never.
    http_server_statistics statistics() const noexcept;

private:
    template <typename... Listener>
    void start_with(Listener&&... listener);
    template <typename Stream>
    void serve_one(Stream accepted);
    void drain() noexcept;

    std::shared_ptr<detail::http_state> state_;
    std::unique_ptr<detail::http_listener> listener_;
};

}  // namespace tendril
