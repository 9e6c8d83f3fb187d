// SPDX-License-Identifier: BSL-1.0
#pragma once

// One connection of an HTTP server: requests in, responses out, one after the other.
//
//     waiting ──first byte──▸ reading head ──▸ reading body ──▸ answering ──┐
//        ▴                                                                  │ keep-alive
//        └──────────────────────────────────────────────────────────────────┘
//
// It leaves the circle at the end of the input, at a limit, at a refused request, after a response
// with `Connection: close`, and, while it waits, when the server drains.

#include "http_state.hpp"
#include "request_parser.hpp"

#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/deadline.hpp>
#include <tendril/net/tcp_stream.hpp>
#include <tendril/support/intrusive_list.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace tendril::detail {

// Thrown into a connection that waits for a request when the server drains.
struct drain_notice {};

class http_connection final : public list_hook<>, private interruption {
public:
    http_connection(http_state& server, tcp_stream& stream);
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
    // What waiting for input has brought.
    enum class input { some, end, late };
    // How the reading of a request ended.
    enum class progress { complete, closed, refused };

    [[noreturn]] void raise() override { throw drain_notice{}; }

    progress read_request();
    bool wait_for_request(deadline limit);
    bool take_last_request();
    progress read_head_and_body(request_parser& parser);
    input read_more(deadline limit, std::size_t expected = 0);
    bool skip_empty_line() noexcept;
    std::string_view unparsed() const noexcept { return std::string_view{input_}.substr(parsed_); }
    void release_memory() noexcept;

    progress refuse(int status);
    void answer();
    void call_handler();
    void send_response();
    template <typename ConstBuffers>
    void write_in_time(ConstBuffers const& buffers);
    void linger();

    http_state& server_;
    tcp_stream& stream_;
    control_block& block_;
    http_request request_;
    http_response response_;
    // What has arrived, and how much of it is parsed.
    std::string input_;
    std::size_t parsed_ = 0;
    std::string head_;
    bool keeps_alive_ = true;
    // For how long the client may still send what nobody will read.
    std::chrono::milliseconds lingers_{0};
};

}  // namespace tendril::detail
