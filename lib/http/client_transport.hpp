// SPDX-License-Identifier: BSL-1.0
#pragma once

// What carries a client's bytes: a TCP stream, or TLS over one. Only one source needs OpenSSL.

#include <tendril/hub/deadline.hpp>
#include <tendril/io/error.hpp>
#include <tendril/net/tcp_stream.hpp>
#include <tendril/tls/tls_context.hpp>

#include <boost/asio/buffer.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

namespace tendril::detail {

class client_transport {
public:
    /// What is written together: a head and a body, a chunk's line, its data and its end.
    using pieces = std::array<boost::asio::const_buffer, 3>;

    client_transport() = default;
    client_transport(client_transport const&) = delete;
    client_transport& operator=(client_transport const&) = delete;
    /// Closes the connection. Switches: never.
    virtual ~client_transport() = default;

    /// As the streams do; an end without the peer's word for it is `http_client_errc::truncated`.
    /// Switches: may.
    virtual std::size_t read_some(
        boost::asio::mutable_buffer into, deadline limit, error_code& error) = 0;
    virtual std::size_t write_some(
        pieces const& from, std::chrono::nanoseconds limit, error_code& error) = 0;

    /// Closes the connection in the middle of something, and wakes whoever reads or writes.
    /// Switches: never.
    virtual void abort() = 0;
};

/// In the clear.
class plain_client_transport final : public client_transport {
public:
    explicit plain_client_transport(tcp_stream&& stream) noexcept : stream_{std::move(stream)} {}

    std::size_t read_some(
        boost::asio::mutable_buffer into, deadline limit, error_code& error) override {
        return stream_.read_some_until(into, error, limit);
    }
    std::size_t write_some(
        pieces const& from, std::chrono::nanoseconds limit, error_code& error) override {
        stream_.set_write_limit(limit);
        return stream_.write_some(from, error);
    }
    void abort() override { stream_.abort(); }

    /// Gives the stream away.
    tcp_stream release() noexcept { return std::move(stream_); }

private:
    tcp_stream stream_;
};

/// Says whether the library was built with TLS. Switches: never.
bool has_tls() noexcept;

/// Whom the clients trust that were told nothing. Throws: system_error.
tls_context usual_trust();

/// Shakes hands. Returns nothing and sets `error` when that fails, and `why` to the reason in words
/// if there are more than the code has. Throws: std::bad_alloc; what was requested for the
/// greenlet. Switches: may.
std::unique_ptr<client_transport> secured_transport(
    tcp_stream&& stream, tls_context const& trust, std::string const& host,
    std::chrono::nanoseconds limit, error_code& error, std::string& why);

}  // namespace tendril::detail
