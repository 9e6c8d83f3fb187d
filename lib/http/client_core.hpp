// SPDX-License-Identifier: BSL-1.0
#pragma once

// What a client is, for its requests: options, connections, and how one is made.

#include "client_pool.hpp"
#include "client_response_parser.hpp"

#include <tendril/http/http_client.hpp>
#include <tendril/http/url.hpp>
#include <tendril/io/context_bound.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace tendril::detail {

/// Where a request goes, how long it may take, and what to call it in messages.
struct client_errand {
    http_url url;
    std::string name;
    http_client_limits limits;
    deadline total;

    /// Until when a phase that begins now may last.
    deadline until(std::chrono::nanoseconds limit) const;
    /// The same as a duration, for what begins now.
    std::chrono::nanoseconds within(std::chrono::nanoseconds limit) const;
    /// Throws http_client_error.
    [[noreturn]] void fail(error_code const& error, http_phase phase, std::string why = {}) const;
    [[noreturn]] void refuse(client_refusal const& refusal, http_phase phase) const;
};

class client_core {
public:
    /// Throws: as `http_client`.
    explicit client_core(http_client_options chosen);

    /// Throws: wrong_thread; misuse when its hub has gone.
    void require_thread() const;
    /// For the destructor of the client: ends the program on another thread.
    void require_thread_to_destroy() const noexcept;

    /// Says whether its hub still exists.
    bool hub_exists() const noexcept { return home_.exists(); }

    /// Says whether it goes through the proxy; and its key in the pool.
    bool uses_proxy(http_url const& url) const noexcept;
    std::string key_of(http_url const& url) const;

    /// Connects, through a tunnel and with TLS where that is needed.
    /// Throws: http_client_error; what was requested for the greenlet. Switches: may.
    std::unique_ptr<client_connection> connect(client_errand const& errand);

    http_client_options const options;
    std::shared_ptr<client_pool> pool;
    std::uint64_t retried = 0;

private:
    tcp_stream connect_plainly(client_errand const& errand, http_url const& to, deadline limit);
    tcp_stream ask_for_tunnel(client_errand const& errand, tcp_stream stream, deadline limit);

    home_hub const home_{this_hub()};
    std::optional<http_url> proxy_;
    tls_context trust_;
};

/// How far one has come with the head of an answer: whether a byte of it is there, and how many
/// interim ones were passed over.
struct head_progress {
    bool came = false;
    int interim = 0;
};

/// Reads a head through a connection, those of interim answers passed over; it goes on from where a
/// limit has ended it. Sets `error` to the transport's. Throws: client_refusal; what was requested
/// for the greenlet; std::bad_alloc. Switches: may.
client_head receive_head(
    client_connection& connection, client_method method, client_head_limits const& most,
    deadline limit, head_progress& progress, error_code& error);

/// Writes all of some pieces. Switches: may.
void send_pieces(
    client_transport& transport, client_transport::pieces from, client_errand const& errand,
    error_code& error);

}  // namespace tendril::detail
