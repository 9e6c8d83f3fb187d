// SPDX-License-Identifier: BSL-1.0
#pragma once

// A response as a handler makes it: in one piece, or as a stream.
//
//     response.status(404).body("nothing here\n");
//
//     response.header("Content-Type", "text/csv");
//     for (auto const& row : rows) {
//         response.write(boost::asio::buffer(row));      // the head leaves with the first piece
//     }
//
// A response in one piece leaves when the handler has returned. One that is written piece by piece
// has the framing that fits: the length, if `content_length` has told it; chunks for clients that
// know them; otherwise the end of the connection. A client that reads slowly holds up the handler
// that writes.
//
// The server frames messages by itself: `Content-Length`, `Transfer-Encoding`, `Connection` and
// their like are not the handler's to set, and what would end its line early is refused at the
// call. A handler that has announced a length and writes more gets an error; if it writes less, or
// throws after the head has left, the connection is cut, so that nobody takes a part for the whole.
//
// It is a `write_stream`: what writes to any stream writes to it, `tendril::copy` for example.

#include <tendril/http/fields.hpp>
#include <tendril/io/any_stream.hpp>
#include <tendril/io/error.hpp>

#include <boost/asio/buffer.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace tendril {

namespace detail {

class http_connection;
class response_writer;

/// Where a response goes that is written piece by piece.
class response_sink {
public:
    response_sink(response_sink const&) = delete;
    response_sink& operator=(response_sink const&) = delete;

    /// Sends the head, if it has not left, and the buffers, all of them.
    virtual std::size_t write(stream_model::const_buffers from, error_code& error) = 0;
    virtual any_stream& take_stream(int status, std::string_view protocol) = 0;
    virtual void inform(int status, http_fields const& fields) = 0;

protected:
    response_sink() = default;
    ~response_sink() = default;
};

}  // namespace detail

class http_response {
public:
    using executor_type = boost::asio::io_context::executor_type;
    using lowest_layer_type = http_response;

    /// Makes an empty one. Those of a server live as long as their handler runs.
    http_response() = default;
    http_response(http_response const&) = delete;
    http_response& operator=(http_response const&) = delete;

    /// Sets the status; 200 when it is never called. Throws: misuse for a number that is no final
    /// status (200 to 599), or when the head has left. Switches: never.
    http_response& status(int code);
    int status() const noexcept { return status_; }

    /// As above, with other words than the usual ones. Throws: also for control bytes in them.
    http_response& status(int code, std::string reason);
    std::string_view reason() const noexcept;

    /// Adds a header field. Throws: misuse for a name that is no token, for a value with a control
    /// byte other than a tab, for the fields that frame the message, or when the head has left.
    /// Switches: never.
    http_response& header(std::string_view name, std::string_view value);
    http_fields const& fields() const noexcept { return fields_; }

    /// Sets the body of a response in one piece. Throws: misuse when the head has left.
    /// Switches: never.
    http_response& body(std::string text);
    std::string const& body() const noexcept { return body_; }

    /// Ends the connection after this response. Switches: never.
    http_response& close() noexcept {
        closes_ = true;
        return *this;
    }
    bool closes() const noexcept { return closes_; }

    /// Announces how many bytes will be written. Throws: misuse when the head has left.
    /// Switches: never.
    http_response& content_length(std::uint64_t size);
    std::optional<std::uint64_t> content_length() const noexcept { return length_; }

    /// Adds a field behind the body, which must be written piece by piece in chunks; with an old
    /// client it is dropped. Throws: misuse as `header`, except that the head may have left; for a
    /// response in one piece or with a length. Switches: never.
    http_response& trailer(std::string_view name, std::string_view value);
    http_fields const& trailers() const noexcept { return trailers_; }

    /// Writes a piece of the body; the first one sends the head before it. Of a response to `HEAD`
    /// nothing leaves but the head. Throws: misuse for more than was announced, for a status that
    /// has no body, or when `body` was called; system_error as the stream of the connection, with
    /// `asio::error::timed_out` when the client reads nothing for too long. Switches: may.
    template <typename ConstBuffers>
    std::size_t write(ConstBuffers const& buffers, error_code& error) {
        return write_parts(detail::gathered_buffers{buffers}.span(), error);
    }
    template <typename ConstBuffers>
    std::size_t write(ConstBuffers const& buffers) {
        error_code error;
        std::size_t const size = write(buffers, error);
        detail::throw_if(error, "writing a response");
        return size;
    }
    template <typename ConstBuffers>
    std::size_t write_some(ConstBuffers const& buffers, error_code& error) {
        return write(buffers, error);
    }
    template <typename ConstBuffers>
    std::size_t write_some(ConstBuffers const& buffers) {
        return write(buffers);
    }

    /// Sends the head now. Does nothing when it has left. Throws: as `write`. Switches: may.
    void begin();

    /// Says whether the head has left. Switches: never.
    bool begun() const noexcept { return begun_; }

    /// Sends an interim response, 102 or 103 for example, to a client that knows them.
    /// Throws: misuse for a number outside of 102 to 199, or when the head has left; as `write`.
    /// Switches: may.
    void inform(int status, http_fields const& fields = {});

    /// Agrees to an upgrade to a protocol: sends "101 Switching Protocols" with the fields that are
    /// set, and returns the connection as a stream, which begins with what has arrived behind the
    /// request. It belongs to the handler until that returns, and is closed then.
    /// Throws: misuse when the client has not asked for this protocol, or has one more request
    /// body to send, or when the head has left; as `write`. Switches: may.
    any_stream& upgrade(std::string_view protocol);

    /// Agrees to a request `CONNECT` (allowed by `http_server_options::allow_connect`) and returns
    /// the connection, as `upgrade` does. Throws: misuse for another method; as `write`.
    /// Switches: may.
    any_stream& tunnel();

    /// Forgets all that was set. Throws: misuse when the head has left. Switches: never.
    void clear();

    /// The executor of the hub, for algorithms of Asio, and itself. Throws: misuse when there is no
    /// hub on this thread. Switches: never.
    executor_type get_executor() const;
    lowest_layer_type& lowest_layer() noexcept { return *this; }
    lowest_layer_type const& lowest_layer() const noexcept { return *this; }

private:
    friend class detail::http_connection;
    friend class detail::response_writer;

    void require_fresh() const;
    void reset(std::size_t kept = std::string::npos) noexcept;
    detail::response_sink& sink() const;
    std::size_t write_parts(detail::stream_model::const_buffers from, error_code& error);

    http_fields fields_;
    http_fields trailers_;
    std::string body_;
    std::string reason_;
    detail::response_sink* sink_ = nullptr;
    std::optional<std::uint64_t> length_;
    int status_ = 200;
    bool closes_ = false;
    bool begun_ = false;
};

}  // namespace tendril
