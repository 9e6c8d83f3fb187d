// SPDX-License-Identifier: BSL-1.0
#pragma once

// A request as a handler sees it.
//
//     [](tendril::http_request& request, tendril::http_response& response) {
//         if (request.method() == "PUT") {
//             tendril::copy(request, file);              // as it arrives, whatever its size
//         } else {
//             response.body(request.body());             // all of it, up to a limit
//         }
//     }
//
// The handler is called when the head has arrived. The body comes while the handler reads it, so a
// client that sends faster than the handler works has to wait. What the handler leaves is thrown
// away after it, or ends the connection when there is much of it. A client that has asked whether
// to go on ("Expect: 100-continue") is told so by the first read.
//
// Read next: response.hpp.

#include <tendril/http/fields.hpp>
#include <tendril/http/forwarded.hpp>
#include <tendril/io/any_stream.hpp>
#include <tendril/io/error.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tendril {

namespace detail {

class http_connection;
class request_parser;

/// Where the body of a request comes from.
class body_source {
public:
    body_source(body_source const&) = delete;
    body_source& operator=(body_source const&) = delete;

    virtual std::size_t read_some(boost::asio::mutable_buffer into, error_code& error) = 0;
    /// Says whether somebody is in `read_some`.
    virtual bool is_busy() const noexcept = 0;
    /// The most bytes that `body` may keep.
    virtual std::uint64_t limit_of_whole() const noexcept = 0;

protected:
    body_source() = default;
    ~body_source() = default;
};

}  // namespace detail

class http_request {
public:
    using executor_type = boost::asio::io_context::executor_type;
    using lowest_layer_type = http_request;

    /// Makes an empty one. Those of a server live as long as their handler runs.
    http_request() = default;
    http_request(http_request const&) = delete;
    http_request& operator=(http_request const&) = delete;

    /// The method, as it was sent: "GET". Switches: never.
    std::string_view method() const noexcept { return method_; }

    /// The target, as it was sent, and its two parts: what stands before the first `?`, without
    /// scheme and authority if they were sent, and behind. Nothing is decoded. Switches: never.
    std::string_view target() const noexcept { return target_; }
    std::string_view path() const noexcept;
    std::string_view query() const noexcept;

    /// The host that is asked, and its port if that was sent: of the target when it has one, else
    /// of the field `Host`; empty when an old client has sent none. Switches: never.
    std::string_view authority() const noexcept;

    /// 10 for HTTP/1.0, 11 for HTTP/1.1 and what claims to be later. Switches: never.
    int version() const noexcept { return version_; }

    /// The header. Switches: never.
    http_fields const& fields() const noexcept { return fields_; }
    std::string_view header(std::string_view name) const noexcept { return fields_.get(name); }

    /// Where it comes from: who has connected, or whom trusted proxies name
    /// (`http_server_options::trusted_proxies`). Switches: never.
    request_origin const& origin() const noexcept;

    /// The address of the client as text, "unix" at a Unix socket, "somebody" where it has gone.
    /// Throws: std::bad_alloc. Switches: never.
    std::string client() const;

    /// Says whether the client has asked by TLS: here, or at a trusted proxy. Switches: never.
    bool secured() const noexcept;

    /// What names this request in logs: the field `X-Request-Id` if a trusted proxy has sent one,
    /// else a text that no other request has, in a child of a fork either. Throws: std::bad_alloc.
    /// Switches: never.
    std::string const& id() const;

    /// Says whether the client wants the connection to go on after this. Switches: never.
    bool keep_alive() const noexcept { return keep_alive_; }

    /// How many bytes the body has: zero without one, nothing when it comes in chunks and the
    /// number shows at its end. Switches: never.
    std::optional<std::uint64_t> content_length() const noexcept { return content_length_; }

    /// The whole body, which the first call reads. Throws: http_error with 413 when it is larger
    /// than the server keeps, 408 when the client is too slow, 400 when it breaks off or its chunks
    /// make no sense; system_error as the stream of the connection, with `errc::busy` while another
    /// greenlet reads it; misuse when a part was read by `read_some` before. Switches: may.
    std::string const& body();

    /// Reads a part of the body, as a stream does: at the end the error is `asio::error::eof`. What
    /// is wrong with the body is a status of `http_category`: 400, 408 or 413; else as `body`.
    /// Throws: without `error`, as `body`, except misuse. Switches: may.
    template <typename MutableBuffers>
    std::size_t read_some(MutableBuffers const& buffers, error_code& error) {
        return read_part(detail::first_with_room(buffers), error);
    }
    template <typename MutableBuffers>
    std::size_t read_some(MutableBuffers const& buffers) {
        error_code error;
        std::size_t const size = read_some(buffers, error);
        throw_if_failed(error);
        return size;
    }

    /// The fields that came behind a body in chunks; none before its end. They are kept apart from
    /// the header, which has been judged without them. Switches: never.
    http_fields const& trailers() const noexcept { return trailers_; }

    /// The executor of the hub, for algorithms of Asio, and itself. Throws: misuse when there is no
    /// hub on this thread. Switches: never.
    executor_type get_executor() const;
    lowest_layer_type& lowest_layer() noexcept { return *this; }
    lowest_layer_type const& lowest_layer() const noexcept { return *this; }

private:
    friend class detail::http_connection;
    friend class detail::request_parser;

    // Who has begun to read the body.
    enum class reader : std::uint8_t { nobody, body, read_some };

    std::size_t read_part(boost::asio::mutable_buffer into, error_code& error);
    static void throw_if_failed(error_code const& error);
    void clear(std::size_t kept = std::string::npos) noexcept;

    std::string method_;
    std::string target_;
    http_fields fields_;
    http_fields trailers_;
    std::string body_;
    mutable std::string id_;
    request_origin const* origin_ = nullptr;
    detail::body_source* source_ = nullptr;
    std::optional<std::uint64_t> content_length_;
    int version_ = 11;
    bool keep_alive_ = true;
    bool secured_ = false;
    bool is_local_ = false;
    reader reader_ = reader::nobody;
};

}  // namespace tendril
