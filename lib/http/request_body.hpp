// SPDX-License-Identifier: BSL-1.0
#pragma once

// The body of one request, as it arrives and somebody reads it.
//
// A client may be slow, but not slower than a rate: it has some time in advance, each byte that
// comes gives it more, and each wait takes of it. Time in which nobody reads is not the client's.

#include "connection_io.hpp"
#include "request_parser.hpp"

#include <tendril/http/http_server.hpp>
#include <tendril/http/request.hpp>

#include <chrono>
#include <cstdint>
#include <string_view>
#include <utility>

namespace tendril::detail {

class request_body final : public body_source {
public:
    request_body(
        connection_io& io, request_parser& parser, http_server_options const& options) noexcept;
    ~request_body() = default;

    /// Reads a part; at the end the error is `asio::error::eof`. Others are statuses (400, 408,
    /// 413), or of the stream; they come again at the next call. Switches: may.
    std::size_t read_some(boost::asio::mutable_buffer into, error_code& error) override;

    /// Throws away what nobody has read, if that is not too much. Returns whether the next request
    /// can be found behind it. Switches: may.
    bool skip_rest();

    /// Says whether the next request can be found behind this body, as far as is known now: nothing
    /// has failed, and what nobody has read is not much. Switches: never.
    bool may_go_on() const;

    /// Says whether somebody is in `read_some`. Switches: never.
    bool is_busy() const noexcept override { return busy_; }

    /// Says whether all has been read. Switches: never.
    bool is_complete() const noexcept { return parser_.is_done(); }

    /// From now on a read does not tell the client to send: it has got a final response.
    void forget_expectation() noexcept { asks_first_ = false; }

private:
    std::uint64_t limit_of_whole() const noexcept override { return options_.body_limit; }

    // What a wait has brought, and how many bytes.
    using arrived = std::pair<arrival, std::size_t>;

    std::size_t read_parsed(boost::asio::mutable_buffer into, error_code& error);
    std::size_t read_directly(boost::asio::mutable_buffer into, error_code& error);
    bool fill(error_code& error);
    error_code judge(arrival how) const;
    template <typename Read>
    arrived wait_for(Read&& read);

    connection_io& io_;
    request_parser& parser_;
    http_server_options const& options_;
    // What is parsed of the body and not read: a part of the input.
    std::string_view part_;
    // How long the client may still keep a reader waiting.
    std::chrono::nanoseconds patience_;
    error_code failure_;
    bool asks_first_;
    bool busy_ = false;
};

}  // namespace tendril::detail
