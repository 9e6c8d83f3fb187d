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
// `read_some`, `write_some` and `write`, and their forms with an error and with a limit, are
// declared in io/stream.hpp, as `limited_stream_forms`. Here a read goes into all of the buffers,
// and reads and writes serve up to sixteen of them with one system call.
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
#include <tendril/io/stream_parts.hpp>

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
}  // namespace detail

class stream_socket : public detail::gathered_stream_forms<stream_socket> {
public:
    using executor_type = boost::asio::io_context::executor_type;

    stream_socket(stream_socket const&) = delete;
    stream_socket& operator=(stream_socket const&) = delete;

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
    friend gathered_stream_forms;

    // What the forms are made of.
    // Without a limit that is given, the stream's own counts.
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
