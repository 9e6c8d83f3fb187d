// SPDX-License-Identifier: BSL-1.0
#pragma once

// One connection of an HTTP server: requests in, responses out, one after the other.
//
//     waiting ──first byte──▸ reading head ──▸ answering ──▸ skipping what is left of the body ──┐
//        ▴                                                                                       │
//        └───────────────────────────────────────── keep-alive ──────────────────────────────────┘
//
// It leaves the circle at the end of the input, at a limit, at a refused request, after a response
// with `Connection: close`, when it has become something else (upgrade, tunnel), and, while it
// waits, when the server drains.

#include "connection_io.hpp"
#include "http_state.hpp"
#include "request_body.hpp"
#include "request_parser.hpp"
#include "response_writer.hpp"

#include <tendril/http/forwarded.hpp>
#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/deadline.hpp>
#include <tendril/io/any_stream.hpp>
#include <tendril/support/intrusive_list.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>

namespace tendril::detail {

// Thrown into a connection that waits for a request when the server drains.
struct drain_notice {};

class http_connection final : public list_hook<>, private interruption {
public:
    http_connection(http_state& server, any_stream& stream);
    ~http_connection() = default;

    /// Serves requests until the connection is to be closed. Switches: may.
    void serve();

    /// Ends the wait for a request, if that is what it does. Switches: never.
    void drain() noexcept {
        if (!pending()) {
            request(block_, *this);
        }
    }

private:
    // How the reading of a head ended.
    enum class progress : std::uint8_t { complete, closed, refused };

    [[noreturn]] void raise() override { throw drain_notice{}; }

    progress read_request(request_parser& parser);
    bool wait_for_request(deadline limit);
    std::optional<arrival> wait_idle(deadline limit);
    bool take_last_request();
    progress read_head(request_parser& parser);
    bool skip_empty_line() noexcept;
    void release_memory() noexcept;

    progress judge_head(request_parser& parser);
    std::optional<std::uint64_t> body_limit();
    void know_client() noexcept;
    bool knows_proxies() const noexcept;
    bool find_origin();
    progress refuse(int status);
    void answer(request_parser& parser);
    bool answer_itself();
    bool may_go_on() const noexcept;
    bool call_handler(response_writer& writer);
    bool answer_refusal(response_writer& writer, system_error const& error);
    bool answer_failure(response_writer& writer);
    void call_in_time();
    void answer_error(response_writer& writer, int status, std::string text);
    bool finish(response_writer& writer);
    void expel_others(response_writer& writer, request_body& body) noexcept;
    void give_up(response_writer& writer) noexcept;
    std::chrono::milliseconds linger_limit() const noexcept;
    void conclude(int status, std::uint64_t body_bytes);
    void report(std::exception_ptr error) const noexcept;

    http_state& server_;
    connection_io io_;
    control_block& block_;
    http_request request_;
    http_response response_;
    std::string head_;
    // Who has connected, and whom proxies name for the present request.
    request_origin peer_;
    request_origin origin_;
    time_point const since_;
    time_point started_{};
    std::uint64_t requests_ = 0;
    bool is_local_ = false;
    bool keeps_alive_ = true;
    // For how long the client may still send what nobody will read.
    std::chrono::milliseconds lingers_{0};
};

}  // namespace tendril::detail
