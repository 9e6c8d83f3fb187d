// SPDX-License-Identifier: BSL-1.0
#pragma once

// The stream of a connection: what has arrived and is not parsed, and writing with a limit.

#include <tendril/hub/deadline.hpp>
#include <tendril/io/any_stream.hpp>
#include <tendril/io/error.hpp>

#include <boost/asio/buffer.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

namespace tendril::detail {

/// What waiting for input has brought.
enum class arrival : std::uint8_t { some, end, late };

class connection_io {
public:
    /// Works on a stream; a write that does not get on for so long is given up.
    connection_io(any_stream& stream, std::chrono::nanoseconds write_timeout) noexcept
        : stream_{stream},
          write_timeout_{write_timeout} {}

    any_stream& stream() noexcept { return stream_; }

    /// What has arrived and was not consumed. Valid until the next read.
    std::string_view unparsed() const noexcept { return std::string_view{input_}.substr(parsed_); }
    void consume(std::size_t size) noexcept { parsed_ += size; }

    /// Reads more, behind what was not consumed: at once as much as is `expected` perhaps. With
    /// `most` bytes unparsed it reads one by one, for whoever waits for the end of what may not be
    /// longer; a buffer that doubles would take twice the memory that the limit promises.
    /// Throws: system_error when the stream fails. Switches: may.
    arrival read_more(
        deadline limit, std::size_t expected = 0,
        std::size_t most = std::numeric_limits<std::size_t>::max());

    /// Reads into a buffer of the caller's instead. Requires: nothing is unparsed.
    std::pair<arrival, std::size_t> read_into(boost::asio::mutable_buffer into, deadline limit);

    /// Writes all. Fails with `asio::error::timed_out` when nothing leaves for too long.
    /// Switches: may.
    void write(stream_model::const_buffers from, error_code& error);

    /// Says whether the stream has failed: the client has gone, or does not read.
    bool has_failed() const noexcept { return failure_.failed(); }
    /// With what it has failed last.
    error_code const& failure() const noexcept { return failure_; }
    /// Notes how somebody else has used it. An end of its input is a failure, too.
    void note(error_code const& error) noexcept { failure_ = error.failed() ? error : failure_; }

    /// Ends the sending side and throws away what arrives for a while: a socket that is closed
    /// while input is unread makes the kernel send a reset, which may eat a response that is still
    /// on its way. Switches: may.
    void linger(std::chrono::nanoseconds duration);

    /// Frees buffers that have grown. Requires: nothing is unparsed. Switches: never.
    void release_memory(std::size_t kept) noexcept;

private:
    bool end_sending(deadline limit);

    any_stream& stream_;
    std::chrono::nanoseconds const write_timeout_;
    std::string input_;
    std::size_t parsed_ = 0;
    error_code failure_;
};

}  // namespace tendril::detail
