// SPDX-License-Identifier: BSL-1.0
#pragma once

// What all streams of the system have in common: reading, writing, limits, options and the end.
//
//     void greet(tendril::stream_socket& stream) {       // a tcp_stream or a unix_stream
//         stream.set_read_limit(30s);
//         auto size = stream.read_some(boost::asio::buffer(data));
//         stream.write(boost::asio::buffer(answer));
//     }
//
// A stream models Asio's SyncReadStream and SyncWriteStream, so every synchronous algorithm that is
// written for those (`asio::read_until`, `beast::http::read`, `ssl::stream`) runs over it, one
// greenlet waiting while the others go on. Every operation has a form that takes an `error_code&`,
// and one that throws `system_error`. What was requested for the greenlet (cancel, kill, a timeout
// around the call) is thrown by both.
//
//     condition                                  error
//     end of file                                asio::error::eof
//     closed by this program, now or before      errc::closed
//     another greenlet reads (or writes)         errc::busy
//     a write was interrupted half way before    errc::broken
//     the limit of the call or of the stream     errc::timed_out
//     anything else                              the system's
//
// One greenlet may read while another one writes. `close` wakes both. A descriptor that is in use
// is never closed under its user, and a new connection with the same number never hears of the old.
//
// Limits. `set_read_limit` and `set_write_limit` are for every later call of the stream; a call
// that is given a limit of its own has that one instead. What is there beats a limit that has
// passed. A `write` that ends at its limit half way leaves the stream broken.
//
// Read next: tcp_stream.hpp, unix_socket.hpp.

#include <tendril/hub/deadline.hpp>
#include <tendril/io/abi_lock.hpp>
#include <tendril/io/error.hpp>
#include <tendril/support/config.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>

#include <sys/uio.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>

namespace tendril {

namespace detail {
class stream_core;

/// The parts of a read or a write: at most this many buffers go with one system call.
inline constexpr std::size_t most_parts = 16;
using stream_parts = std::array<iovec, most_parts>;

/// Where the parts of a long write come from: a function in the caller's frame, which fills in the
/// next ones and returns how many.
class parts_source {
public:
    template <typename F>
    explicit parts_source(F& next) noexcept
        : next_{&next},
          call_{[](void* function, stream_parts& parts) {
              return (*static_cast<F*>(function))(parts);
          }} {}

    std::size_t operator()(stream_parts& parts) const { return call_(next_, parts); }

private:
    void* next_;
    std::size_t (*call_)(void* function, stream_parts& parts);
};
}  // namespace detail

class stream_socket {
public:
    using executor_type = boost::asio::io_context::executor_type;

    stream_socket(stream_socket const&) = delete;
    stream_socket& operator=(stream_socket const&) = delete;

    /// Waits until there is something to read, and reads what there is, at most what fits into the
    /// buffers, with one system call. Returns how many bytes; zero for buffers without room.
    /// Switches: may.
    template <typename MutableBuffers>
    std::size_t read_some(MutableBuffers const& buffers, error_code& error) {
        return read_into(buffers, error, nullptr);
    }
    template <typename MutableBuffers>
    std::size_t read_some(MutableBuffers const& buffers) {
        error_code error;
        return checked(read_into(buffers, error, nullptr), error, "read_some");
    }

    /// As above, but waits until a moment, or for a while, at most. Switches: may.
    template <typename MutableBuffers>
    std::size_t read_some_until(MutableBuffers const& buffers, error_code& error, deadline limit) {
        return read_into(buffers, error, &limit);
    }
    template <typename MutableBuffers>
    std::size_t read_some_until(MutableBuffers const& buffers, deadline limit) {
        error_code error;
        return checked(read_into(buffers, error, &limit), error, "read_some");
    }
    template <typename MutableBuffers, typename Rep, typename Period>
    std::size_t read_some_for(
        MutableBuffers const& buffers, error_code& error,
        std::chrono::duration<Rep, Period> const& duration) {
        return read_some_until(buffers, error, deadline::after(duration));
    }
    template <typename MutableBuffers, typename Rep, typename Period>
    std::size_t read_some_for(
        MutableBuffers const& buffers, std::chrono::duration<Rep, Period> const& duration) {
        return read_some_until(buffers, deadline::after(duration));
    }

    /// Writes a part of the buffers, waiting until at least some of it can leave. Returns how many
    /// bytes did. Switches: may.
    template <typename ConstBuffers>
    std::size_t write_some(ConstBuffers const& buffers, error_code& error) {
        detail::stream_parts parts;
        auto at = boost::asio::buffer_sequence_begin(buffers);
        std::size_t const count = gather(parts, at, boost::asio::buffer_sequence_end(buffers));
        return count == 0 ? nothing_to_do(error) : write_once(parts.data(), count, error);
    }
    template <typename ConstBuffers>
    std::size_t write_some(ConstBuffers const& buffers) {
        error_code error;
        return checked(write_some(buffers, error), error, "write_some");
    }

    /// Writes all of the buffers. Returns how many bytes left; fewer only with an error. When it is
    /// interrupted half way, what the peer received is unknown, and the stream is broken from then
    /// on. Switches: may.
    template <typename ConstBuffers>
    std::size_t write(ConstBuffers const& buffers, error_code& error) {
        return write_from(buffers, error, nullptr);
    }
    template <typename ConstBuffers>
    std::size_t write(ConstBuffers const& buffers) {
        error_code error;
        return checked(write_from(buffers, error, nullptr), error, "write");
    }

    /// As above, but until a moment, or for a while, at most: the limit is for all of it.
    /// Switches: may.
    template <typename ConstBuffers>
    std::size_t write_until(ConstBuffers const& buffers, error_code& error, deadline limit) {
        return write_from(buffers, error, &limit);
    }
    template <typename ConstBuffers>
    std::size_t write_until(ConstBuffers const& buffers, deadline limit) {
        error_code error;
        return checked(write_from(buffers, error, &limit), error, "write");
    }
    template <typename ConstBuffers, typename Rep, typename Period>
    std::size_t write_for(
        ConstBuffers const& buffers, error_code& error,
        std::chrono::duration<Rep, Period> const& duration) {
        return write_until(buffers, error, deadline::after(duration));
    }
    template <typename ConstBuffers, typename Rep, typename Period>
    std::size_t write_for(
        ConstBuffers const& buffers, std::chrono::duration<Rep, Period> const& duration) {
        return write_until(buffers, deadline::after(duration));
    }

    /// Sends `count` bytes of a regular file from `offset` on, or what the file has, without
    /// copying them where the kernel can. The position of the file itself does not matter and does
    /// not change. Returns how many bytes left: with an error, the next one to send is at `offset`
    /// and so many. Interrupted or out of time half way, it leaves the stream broken, as `write`
    /// does. Reading a slow disk blocks the thread. Switches: may.
    std::uint64_t send_file(int file, std::uint64_t offset, std::uint64_t count, error_code& error);
    std::uint64_t send_file(
        int file, std::uint64_t offset = 0,
        std::uint64_t count = std::numeric_limits<std::uint64_t>::max());

    /// From the next call on, each read waits so long at most, and each write takes so long at
    /// most; a duration that is too long for the clock is no limit, which is how a stream begins.
    /// Does nothing when the stream is not open. Throws: misuse when the duration is not a number;
    /// wrong_thread. Switches: never.
    template <typename Rep, typename Period>
    void set_read_limit(std::chrono::duration<Rep, Period> const& duration) {
        limit_reads(detail::saturated(duration));
    }
    template <typename Rep, typename Period>
    void set_write_limit(std::chrono::duration<Rep, Period> const& duration) {
        limit_writes(detail::saturated(duration));
    }

    /// Ends one direction, or both, and wakes whoever waits for it. The peer reads end of file
    /// after what was written, and whoever writes here finds a broken pipe. Whoever reads here
    /// finds what has arrived, and then the end of file. The stream stays open.
    /// Throws: wrong_thread. Switches: never.
    void shutdown_send(error_code& error);
    void shutdown_send();
    void shutdown_receive(error_code& error);
    void shutdown_receive();
    void shutdown_both(error_code& error);
    void shutdown_both();

    /// Closes both directions and wakes whoever reads or writes with `errc::closed`. A second call
    /// does nothing. Throws: wrong_thread. Switches: never. Thread: hub.
    void close();

    /// As above, but the kernel forgets what has not left yet, and the peer of a TCP stream gets a
    /// reset instead of the end. Throws: wrong_thread. Switches: never. Thread: hub.
    void abort();

    /// Gives the descriptor away, which stays open and non-blocking, and wakes whoever reads or
    /// writes with `errc::closed`. Returns it, or -1 when the stream is not open.
    /// Throws: wrong_thread; system_error. Switches: never. Thread: hub.
    int release();

    /// Says whether it is connected and not closed. Switches: never.
    bool is_open() const noexcept;

    /// The descriptor, or -1. It stays the stream's. Switches: never.
    int native_handle() const noexcept;

    /// Sets an option of the socket, such as `boost::asio::ip::tcp::no_delay{true}`,
    /// `boost::asio::socket_base::keep_alive{true}` or `…::send_buffer_size{65536}`.
    /// Throws: wrong_thread. Switches: never.
    template <typename Option>
    void set_option(Option const& option, error_code& error) {
        boost::asio::generic::stream_protocol const protocol{family(), 0};
        set_raw_option(
            option.level(protocol), option.name(protocol), option.data(protocol),
            option.size(protocol), error);
    }
    template <typename Option>
    void set_option(Option const& option) {
        error_code error;
        set_option(option, error);
        detail::throw_if(error, "set_option");
    }

    /// Asks the system for an option. Throws: wrong_thread. Switches: never.
    template <typename Option>
    void get_option(Option& option, error_code& error) const {
        boost::asio::generic::stream_protocol const protocol{family(), 0};
        std::size_t size = option.size(protocol);
        get_raw_option(
            option.level(protocol), option.name(protocol), option.data(protocol), size, error);
        if (!error.failed()) {
            option.resize(protocol, size);
        }
    }
    template <typename Option>
    void get_option(Option& option) const {
        error_code error;
        get_option(option, error);
        detail::throw_if(error, "get_option");
    }

    /// For code that is written for Asio's layers. Throws: misuse when it is not connected.
    /// Switches: never.
    executor_type get_executor() const;

protected:
    /// Makes a stream that is not connected: every operation says `errc::closed`.
    stream_socket() noexcept = default;
    explicit stream_socket(detail::stream_core& core) noexcept : core_{&core} {}
    stream_socket(stream_socket&& other) noexcept : core_{std::exchange(other.core_, nullptr)} {}
    stream_socket& operator=(stream_socket&& other) noexcept;

    /// Closes it. Must happen on the hub's thread, or after the hub has gone: elsewhere it ends the
    /// program. Switches: never.
    ~stream_socket();

    /// Takes over a connected descriptor, which it makes non-blocking. On failure the descriptor is
    /// closed. Requires: this stream was never open. Switches: never.
    void take_over(int descriptor, error_code& error);

    /// What stands behind it; null when it was never connected. Switches: never.
    detail::stream_core* core() const noexcept { return core_; }

private:
    template <typename Iterator>
    static std::size_t gather(
        detail::stream_parts& parts, Iterator& at, Iterator const& end) noexcept {
        std::size_t count = 0;
        for (; at != end && count < parts.size(); ++at) {
            boost::asio::const_buffer const buffer{*at};
            if (buffer.size() > 0) {
                // The kernel does not write through this pointer unless the buffer was one to read
                // into; `iovec` serves both directions.
                parts[count++] = iovec{const_cast<void*>(buffer.data()), buffer.size()};
            }
        }
        return count;
    }
    template <typename MutableBuffers>
    std::size_t read_into(MutableBuffers const& buffers, error_code& error, deadline const* limit) {
        if constexpr (std::is_convertible_v<MutableBuffers const&, boost::asio::mutable_buffer>) {
            boost::asio::mutable_buffer const one{buffers};
            return one.size() == 0 ? nothing_to_do(error)
                                   : read_once(one.data(), one.size(), error, limit);
        } else {
            detail::stream_parts parts;
            auto at = boost::asio::buffer_sequence_begin(buffers);
            std::size_t const count = gather(parts, at, boost::asio::buffer_sequence_end(buffers));
            return count == 0 ? nothing_to_do(error)
                              : read_parts(parts.data(), count, error, limit);
        }
    }
    template <typename ConstBuffers>
    std::size_t write_from(ConstBuffers const& buffers, error_code& error, deadline const* limit) {
        auto at = boost::asio::buffer_sequence_begin(buffers);
        auto const end = boost::asio::buffer_sequence_end(buffers);
        auto next = [&](detail::stream_parts& parts) { return gather(parts, at, end); };
        return write_all(detail::parts_source{next}, error, limit);
    }
    TENDRIL_COLD static std::size_t nothing_to_do(error_code& error);
    static std::size_t checked(std::size_t size, error_code const& error, char const* what) {
        detail::throw_if(error, what);
        return size;
    }
    // Without a limit that is given, the stream's own counts.
    std::size_t read_once(void* data, std::size_t size, error_code& error, deadline const* limit);
    std::size_t read_parts(
        iovec const* parts, std::size_t count, error_code& error, deadline const* limit);
    std::size_t write_once(iovec const* parts, std::size_t count, error_code& error);
    std::size_t write_all(detail::parts_source next, error_code& error, deadline const* limit);
    void limit_reads(std::chrono::nanoseconds most);
    void limit_writes(std::chrono::nanoseconds most);
    void end_direction(int how, error_code& error);
    int family() const noexcept;
    void set_raw_option(
        int level, int name, void const* value, std::size_t size, error_code& error);
    void get_raw_option(
        int level, int name, void* value, std::size_t& size, error_code& error) const;

    detail::stream_core* core_ = nullptr;
};

}  // namespace tendril
