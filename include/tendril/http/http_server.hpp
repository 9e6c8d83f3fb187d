// SPDX-License-Identifier: BSL-1.0
#pragma once

// A server for HTTP/1.1: a handler for each request, on the greenlet of its connection.
//
//     tendril::http_server web{"127.0.0.1:8080",
//         [](tendril::http_request&, tendril::http_response& response) { response.body("hi\n"); }};
//     web.serve_forever();
//
// The handler may park: it holds up its own connection only. When it returns, the response leaves
// in one piece. When it throws, the client gets a 500 and the hub's error handler the error.
//
// Every wait has a limit and every buffer a bound; both are options. What breaks the rules of
// RFC 9112 is refused with the status that says so, and the connection is closed. Connections are
// kept alive, and pipelined requests answered in order. While the server drains, responses carry
// `Connection: close`, and idle connections are closed.

#include <tendril/http/message.hpp>
#include <tendril/server/stream_server.hpp>
#include <tendril/support/unique_function.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace tendril {

/// How an HTTP server works.
struct http_server_options {
    /// Connections, listener, stacks: as for any server.
    stream_server_options server{};
    /// The largest head (request line and fields), target and body, in bytes, and the most fields.
    std::size_t head_limit = 64 * 1024;
    std::size_t target_limit = 8 * 1024;
    std::size_t field_limit = 100;
    std::size_t body_limit = 1024 * 1024;
    /// How long a connection may be idle: before its first request, and between two.
    std::chrono::milliseconds idle_timeout{15'000};
    /// How long a head may take from its first byte, and then a body.
    std::chrono::milliseconds head_timeout{10'000};
    std::chrono::milliseconds body_timeout{30'000};
    /// How long the client may take to accept a response.
    std::chrono::milliseconds write_timeout{30'000};
};

/// Numbers of an HTTP server at one moment.
struct http_server_statistics {
    /// The connections.
    stream_server_statistics server;
    /// Requests that a handler has answered, and those that were refused before.
    std::uint64_t answered = 0;
    std::uint64_t refused = 0;
};

namespace detail {
class http_state;
}

class http_server {
public:
    /// What is called for each request.
    using handler = unique_function<void(http_request&, http_response&)>;

    /// Prepares a server. Nothing is bound before `start`.
    /// Throws: system_error with `errc::bad_name` for an address that cannot be read.
    /// Switches: never.
    http_server(std::string_view address, handler on_request, http_server_options options = {});
    http_server(http_server const&) = delete;
    http_server& operator=(http_server const&) = delete;

    /// Stops without grace. Switches: may.
    ~http_server();

    /// As `stream_server::start`. Switches: may.
    void start();

    /// As `stream_server::serve_forever`. Switches: may.
    void serve_forever();

    /// Closes the listener and the idle connections, answers the requests that have arrived with
    /// `Connection: close`, and ends what runs on after `grace`. Returns whether all ended by
    /// themselves. Throws: misuse when the duration is not a number. Switches: may.
    template <typename Rep, typename Period>
    bool stop(std::chrono::duration<Rep, Period> const& grace) {
        return stop(deadline::after(grace));
    }
    bool stop() { return stop(std::chrono::seconds{1}); }
    bool stop(deadline limit);

    /// Says whether it accepts connections. Switches: never.
    bool running() const noexcept { return server_.running(); }

    /// As `stream_server::local_endpoint`. Switches: never.
    tcp_endpoint local_endpoint() const { return server_.local_endpoint(); }

    /// Returns the numbers of this moment. Switches: never.
    http_server_statistics statistics() const noexcept;

private:
    void drain() noexcept;

    std::shared_ptr<detail::http_state> state_;
    stream_server server_;
};

}  // namespace tendril
