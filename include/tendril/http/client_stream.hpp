// SPDX-License-Identifier: BSL-1.0
#pragma once

// One request whose body is written in pieces, or whose answer is read in pieces.
//
//     auto stream = client.open({.method = "PUT", .url = url, .body_length = size});
//     while (…) {
//         stream.write(piece);                     // waits until the server takes it
//     }
//     if (stream.response().status() == 200) {
//         tendril::copy(stream, file);             // reads as fast as the file is written
//     }
//
// A body whose length nobody knows before has `http_unknown_length`; it goes out in chunks, and
// ends with `finish`. One with a length ends with its last byte.
//
// The stream is a `read_stream` (io/stream.hpp): the end of the body is `asio::error::eof`, and an
// end of the connection before that is `http_client_errc::truncated`. One greenlet may write while
// another one reads; a server may answer before it has read all. One that refuses so, and reads no
// more, holds up whoever writes: then somebody else should wait for the answer. When an answer with
// a status from 300 on was read to its end, writing ends with `errc::closed`.
//
// When both bodies are over, the connection goes back to its client, at once. A stream that is
// destroyed before has its connection closed, unless what is left is small and there already.
//
// Read next: http_client.hpp.

#include <tendril/http/fields.hpp>
#include <tendril/io/any_stream.hpp>
#include <tendril/io/error.hpp>
#include <tendril/io/stream.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tendril {

namespace detail {
class client_exchange;
struct client_head;
}  // namespace detail

/// How long each phase of a request may take. What is too long for the clock is no limit.
struct http_client_limits {
    /// Waiting for one of the client's connections.
    std::chrono::nanoseconds slot = std::chrono::seconds{60};
    /// Looking the name up and connecting; asking a proxy for a tunnel.
    std::chrono::nanoseconds connect = std::chrono::seconds{30};
    /// Shaking hands for TLS.
    std::chrono::nanoseconds handshake = std::chrono::seconds{30};
    /// Between two parts of the request that leave.
    std::chrono::nanoseconds send = std::chrono::seconds{60};
    /// From the end of the request, or with `open` from the call that waits for it, until the head
    /// of the answer is there.
    std::chrono::nanoseconds response = std::chrono::seconds{60};
    /// Between two parts of the body that come.
    std::chrono::nanoseconds body = std::chrono::seconds{60};
    /// All of it, with redirects.
    std::chrono::nanoseconds total = std::chrono::nanoseconds::max();
};

/// The fields of a request, or of its trailers.
using http_client_fields = std::vector<std::pair<std::string, std::string>>;

/// Says that nobody knows how long the body of a request will be.
inline constexpr std::uint64_t http_unknown_length = std::numeric_limits<std::uint64_t>::max();

/// What is asked for.
struct http_client_request {
    std::string method = "GET";
    std::string url = {};
    http_client_fields fields = {};
    /// For `http_client::request`: all of the body, which must stay until the call returns.
    std::string_view body = {};
    /// For `http_client::open`: how many bytes will be written, or `http_unknown_length`.
    std::uint64_t body_length = 0;
    /// Instead of those of the client.
    std::optional<http_client_limits> limits = std::nullopt;
};

/// The head of an answer.
class http_client_head {
public:
    /// Makes an empty one, with status 0. Switches: never.
    http_client_head() = default;

    /// The status, and the words for it that the server has chosen. Switches: never.
    int status() const noexcept { return status_; }
    std::string const& reason() const noexcept { return reason_; }

    /// The value of the first field of that name; empty when there is none. Switches: never.
    std::string_view header(std::string_view name) const noexcept { return fields_.get(name); }

    /// All fields. Switches: never.
    http_fields const& fields() const noexcept { return fields_; }

    /// How long the body is, if the server has said so. Switches: never.
    std::optional<std::uint64_t> body_length() const noexcept { return body_length_; }

private:
    friend class detail::client_exchange;

    int status_ = 0;
    std::string reason_;
    http_fields fields_;
    std::optional<std::uint64_t> body_length_;
};

class http_client_stream {
public:
    using executor_type = boost::asio::io_context::executor_type;
    using lowest_layer_type = http_client_stream;

    /// Makes one without a request: every call is misuse.
    http_client_stream() noexcept;
    http_client_stream(http_client_stream&& other) noexcept;
    /// Closes the one that was there. Switches: never.
    http_client_stream& operator=(http_client_stream&& other) noexcept;
    /// As `close`, but an answer that is there as a whole does not cost the connection. Must happen
    /// on the thread that made it, or after its hub has gone: elsewhere it ends the program.
    /// Switches: never.
    ~http_client_stream();

    /// Writes a piece of the body. Throws: http_client_error; misuse when that is more than was
    /// announced, and then nothing is sent; wrong_thread; what was requested for the greenlet.
    /// After what is thrown but misuse, the answer may have come all the same: ask for it.
    /// Switches: may.
    void write(std::string_view piece);

    /// Ends a body of unknown length, with trailers if there are any; does nothing for a body of
    /// known length that is complete. Throws: as above; misuse when bytes are missing, and for
    /// trailers that cannot be sent. Switches: may.
    void finish(http_client_fields trailers = {});

    /// Waits for the head of the answer. It can be called again. Throws: http_client_error;
    /// wrong_thread; what was requested for the greenlet, and when that comes during the wait the
    /// connection is closed. Switches: may.
    http_client_head const& response();

    /// Waits for the head, then reads a part of the body, waiting for one. Returns how many bytes;
    /// zero at once for buffers without room. The end is `asio::error::eof`.
    /// Throws: what was requested for the greenlet. Switches: may.
    template <typename MutableBuffers>
    std::size_t read_some(MutableBuffers const& buffers, error_code& error) {
        return read_part(detail::first_with_room(buffers), error);
    }
    /// As above. Throws: http_client_error for what went wrong; system_error at the end.
    /// Switches: may.
    template <typename MutableBuffers>
    std::size_t read_some(MutableBuffers const& buffers) {
        return read_part(detail::first_with_room(buffers));
    }

    /// Reads all of the body that is left. Throws: as `response`; http_client_error with
    /// `http_client_errc::body_too_large` when that is more than `limit`. Switches: may.
    std::string read_all(std::size_t limit = std::size_t{64} << 20U);

    /// What came behind the body; complete when the body has ended. Switches: never.
    http_fields const& trailers() const;

    /// Closes the connection unless it has gone back, and wakes whoever reads or writes with
    /// `errc::closed`. A second call does nothing. Throws: wrong_thread; misuse when the hub has
    /// gone. Switches: never.
    void close();

    /// For code that is written for Asio's layers. Throws: misuse for an empty one.
    /// Switches: never.
    executor_type get_executor() const;
    lowest_layer_type& lowest_layer() noexcept { return *this; }
    lowest_layer_type const& lowest_layer() const noexcept { return *this; }

private:
    friend class http_client;

    explicit http_client_stream(std::unique_ptr<detail::client_exchange> exchange) noexcept;
    detail::client_exchange& asked() const;
    std::size_t read_part(boost::asio::mutable_buffer into, error_code& error);
    std::size_t read_part(boost::asio::mutable_buffer into);

    std::unique_ptr<detail::client_exchange> exchange_;
};

static_assert(read_stream<http_client_stream>);

}  // namespace tendril
