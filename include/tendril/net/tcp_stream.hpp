// SPDX-License-Identifier: BSL-1.0
#pragma once

// TCP streams whose calls park the greenlet instead of blocking the thread.
//
//     auto stream = tendril::tcp_stream::connect("localhost", "http");
//     stream.write(boost::asio::buffer("GET / HTTP/1.0\r\n\r\n"sv));
//     auto size = stream.read_some(boost::asio::buffer(data));
//
// A stream models Asio's SyncReadStream and SyncWriteStream, so every synchronous algorithm that is
// written for those (`asio::read_until`, `beast::http::read`, `ssl::stream`) runs over it, one
// greenlet waiting while the others go on. Reading, writing, connecting to an address and accepting
// have a form that takes an `error_code&`, and one that throws `system_error`. What was requested
// for the greenlet (cancel, kill, a timeout) is thrown by both.
//
//     condition                                  error
//     end of file                                asio::error::eof
//     closed by this program, now or before      errc::closed
//     another greenlet reads (or writes)         errc::busy
//     a write was interrupted half way before    errc::broken
//     anything else                              the system's
//
// One greenlet may read while another one writes. `close` wakes both. A descriptor that is in use
// is never closed under its user, and a new connection with the same number never hears of the old.
//
// TCP_NODELAY is on: small writes leave at once. Write what belongs together with one call.

#include <tendril/io/abi_lock.hpp>
#include <tendril/io/error.hpp>
#include <tendril/net/connect.hpp>
#include <tendril/net/endpoint.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace boost::beast {
enum class role_type;
}

namespace tendril {

namespace detail {
class tcp_core;

/// The parts of a write: at most this many buffers leave with one system call.
inline constexpr std::size_t most_parts = 16;
using write_parts = std::array<iovec, most_parts>;

/// Where the parts of a long write come from: a function in the caller's frame, which fills in the
/// next ones and returns how many.
class parts_source {
public:
    template <typename F>
    explicit parts_source(F& next) noexcept
        : next_{&next},
          call_{[](void* function, write_parts& parts) {
              return (*static_cast<F*>(function))(parts);
          }} {}

    std::size_t operator()(write_parts& parts) const { return call_(next_, parts); }

private:
    void* next_;
    std::size_t (*call_)(void* function, write_parts& parts);
};
}  // namespace detail

class tcp_stream {
public:
    using executor_type = boost::asio::io_context::executor_type;
    using lowest_layer_type = tcp_stream;
    using endpoint_type = tcp_endpoint;

    /// Makes a stream that is not connected: every operation says `errc::closed`.
    tcp_stream() noexcept = default;
    tcp_stream(tcp_stream&& other) noexcept : core_{std::exchange(other.core_, nullptr)} {}
    tcp_stream& operator=(tcp_stream&& other) noexcept;

    /// Closes it. Must happen on the hub's thread, or after the hub has gone: elsewhere it ends the
    /// program. Switches: never.
    ~tcp_stream();

    /// Connects to a host by name or number; of several addresses the first that answers is taken
    /// (connect.hpp). Throws: connect_error, naming host and addresses; system_error when the name
    /// is not found; misuse for a delay below ten milliseconds; what was requested for the
    /// greenlet. Switches: may.
    static tcp_stream connect(
        std::string const& host, std::string const& service, connect_options const& options = {});
    static tcp_stream connect(
        std::string const& host, std::uint16_t port, connect_options const& options = {}) {
        return connect(host, std::to_string(port), options);
    }
    /// As above, but `error` says what came of the last attempt. Switches: may.
    static tcp_stream connect(
        std::string const& host, std::string const& service, connect_options const& options,
        error_code& error);

    /// As above, to the first of several addresses that answers, tried in this order: see
    /// `interleaved`. Throws: misuse when there is none. Switches: may.
    static tcp_stream connect(
        std::vector<tcp_endpoint> const& peers, connect_options const& options = {});
    static tcp_stream connect(
        std::vector<tcp_endpoint> const& peers, connect_options const& options, error_code& error);

    /// Connects to an address. Switches: may.
    static tcp_stream connect(tcp_endpoint const& peer);
    static tcp_stream connect(tcp_endpoint const& peer, error_code& error);

    /// Takes over a connected descriptor, which it makes non-blocking. On failure the descriptor is
    /// closed. Throws: system_error. Switches: never.
    static tcp_stream adopt(int descriptor);
    static tcp_stream adopt(int descriptor, error_code& error);

    /// Waits until there is something to read, and reads what there is, at most what fits into the
    /// first buffer. Returns how many bytes; zero for buffers without room.
    /// Switches: may.
    template <typename MutableBuffers>
    std::size_t read_some(MutableBuffers const& buffers, error_code& error) {
        auto const end = boost::asio::buffer_sequence_end(buffers);
        for (auto at = boost::asio::buffer_sequence_begin(buffers); at != end; ++at) {
            boost::asio::mutable_buffer const buffer{*at};
            if (buffer.size() > 0) {
                return read_once(buffer.data(), buffer.size(), error);
            }
        }
        error = {};
        return 0;
    }
    template <typename MutableBuffers>
    std::size_t read_some(MutableBuffers const& buffers) {
        error_code error;
        std::size_t const size = read_some(buffers, error);
        detail::throw_if(error, "read_some");
        return size;
    }

    /// Writes a part of the buffers, waiting until at least some of it can leave. Returns how many
    /// bytes did. Switches: may.
    template <typename ConstBuffers>
    std::size_t write_some(ConstBuffers const& buffers, error_code& error) {
        detail::write_parts parts;
        auto at = boost::asio::buffer_sequence_begin(buffers);
        std::size_t const count = gather(parts, at, boost::asio::buffer_sequence_end(buffers));
        return count == 0 ? nothing_to_do(error) : write_once(parts.data(), count, error);
    }
    template <typename ConstBuffers>
    std::size_t write_some(ConstBuffers const& buffers) {
        error_code error;
        std::size_t const size = write_some(buffers, error);
        detail::throw_if(error, "write_some");
        return size;
    }

    /// Writes all of the buffers. Returns how many bytes left; fewer only with an error. When it is
    /// interrupted half way, what the peer received is unknown, and the stream is broken from then
    /// on. Switches: may.
    template <typename ConstBuffers>
    std::size_t write(ConstBuffers const& buffers, error_code& error) {
        auto at = boost::asio::buffer_sequence_begin(buffers);
        auto const end = boost::asio::buffer_sequence_end(buffers);
        auto next = [&](detail::write_parts& parts) { return gather(parts, at, end); };
        return write_all(detail::parts_source{next}, error);
    }
    template <typename ConstBuffers>
    std::size_t write(ConstBuffers const& buffers) {
        error_code error;
        std::size_t const size = write(buffers, error);
        detail::throw_if(error, "write");
        return size;
    }

    /// Ends one direction: the peer reads end of file after what was written.
    /// Switches: never.
    void shutdown_send(error_code& error);
    void shutdown_send();

    /// Closes both directions and wakes whoever reads or writes with `errc::closed`. A second call
    /// does nothing. Throws: wrong_thread. Switches: never. Thread: hub.
    void close();

    /// Says whether it is connected and not closed. Switches: never.
    bool is_open() const noexcept;

    /// The addresses of both ends. Throws: system_error. Switches: never.
    tcp_endpoint local_endpoint() const;
    tcp_endpoint remote_endpoint() const;

    /// The descriptor, or -1. It stays the stream's. Switches: never.
    int native_handle() const noexcept;

    /// For code that is written for Asio's layers. Throws: misuse when it is not connected.
    /// Switches: never.
    executor_type get_executor() const;
    lowest_layer_type& lowest_layer() noexcept { return *this; }
    lowest_layer_type const& lowest_layer() const noexcept { return *this; }

private:
    friend class tcp_listener;
    explicit tcp_stream(detail::tcp_core& core) noexcept : core_{&core} {}

    template <typename Iterator>
    static std::size_t gather(
        detail::write_parts& parts, Iterator& at, Iterator const& end) noexcept {
        std::size_t count = 0;
        for (; at != end && count < parts.size(); ++at) {
            boost::asio::const_buffer const buffer{*at};
            if (buffer.size() > 0) {
                // The kernel does not write through this pointer; `iovec` serves both directions.
                parts[count++] = iovec{const_cast<void*>(buffer.data()), buffer.size()};
            }
        }
        return count;
    }
    static std::size_t nothing_to_do(error_code& error) noexcept {
        error = {};
        return 0;
    }
    std::size_t read_once(void* data, std::size_t size, error_code& error);
    std::size_t write_once(iovec const* parts, std::size_t count, error_code& error);
    std::size_t write_all(detail::parts_source next, error_code& error);

    detail::tcp_core* core_ = nullptr;
};

/// Ends the connection under a WebSocket of Boost.Beast, which finds this function by its name:
/// ends the sending side, reads until the peer has ended its own, and closes. Switches: may.
void teardown(boost::beast::role_type role, tcp_stream& stream, error_code& error);

}  // namespace tendril
