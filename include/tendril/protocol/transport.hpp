// SPDX-License-Identifier: BSL-1.0
#pragma once

// A transport: the connection as a protocol sees it, and everybody else who writes to it.
//
//     connection.write("hello\n");       // never waits
//     connection.drain();                // waits while too much is in the buffer
//     connection.close();                // after all has left
//
// It is a handle: copies name the same connection, and may be kept after its end. `write` puts the
// bytes into a buffer, from which a greenlet of the connection writes them, in the same turn of the
// hub when the peer takes them. What several calls have written leaves together.
//
//     stage      means                               write            leaves by
//     open       in use                              adds             close, abort, an error
//     closing    the rest of the buffer leaves       is ignored       all has left; an error; abort
//     over       the stream is being closed          is ignored
//
// A peer that does not read could keep a transport closing for ever, so what is left may take as
// long as `protocol_options::flush_limit` says; then the connection is lost with `errc::timed_out`.
// While it is closing, what comes is read and dropped.
//
// A transport belongs to the thread of its connection, and says so with `wrong_thread`.
//
// Read next: protocol.hpp; lib/protocol/protocol_connection.cpp.

#include <tendril/context/stack_pool.hpp>
#include <tendril/hub/deadline.hpp>
#include <tendril/io/abi_lock.hpp>
#include <tendril/io/any_stream.hpp>
#include <tendril/net/endpoint.hpp>
#include <tendril/protocol/protocol.hpp>
#include <tendril/support/unique_function.hpp>

#include <boost/asio/buffer.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace tendril {

namespace detail {
class protocol_connection;
}

/// How many bytes may wait to be written.
struct write_marks {
    /// Above it, the protocol is asked to pause.
    std::size_t high = std::size_t{64} * 1024;
    /// At it, the protocol may go on. Not above the high mark.
    std::size_t low = std::size_t{16} * 1024;
};

/// How the connection of a protocol works.
struct protocol_options {
    write_marks marks{};
    /// How many bytes `data_received` gets at most. At least one.
    std::size_t read_size = std::size_t{16} * 1024;
    /// How long what is in the buffer may take to leave, after `close`.
    std::chrono::nanoseconds flush_limit = std::chrono::seconds{30};
    /// How many bytes of stack the calls get.
    std::size_t stack_size = stack_pool::default_size;
};

/// Makes another stream of the one below, and of what was received there and not delivered.
using stream_exchange = unique_function<any_stream(any_stream below, std::string received)>;

class transport {
public:
    /// Makes a handle to no connection: all but assignment and `valid` is misuse.
    transport() noexcept = default;
    explicit transport(std::shared_ptr<detail::protocol_connection> named) noexcept
        : named_{std::move(named)} {}

    /// Says whether it names a connection. Switches: never.
    bool valid() const noexcept { return named_ != nullptr; }

    /// Adds bytes to what is to be written, several buffers as if they were one. May call
    /// `pause_writing`. After `close`, and when the connection is over, it does nothing; the fifth
    /// time that is reported to the hub's error handler, once.
    /// Throws: misuse after `write_eof`; std::bad_alloc; wrong_thread. Switches: never.
    void write(std::string_view bytes);
    template <typename ConstBuffers>
    requires boost::asio::is_const_buffer_sequence<ConstBuffers>::value void write(
        ConstBuffers const& buffers) {
        write_parts(detail::gathered_buffers{buffers}.span());
    }

    /// Ends the sending side after what is in the buffer; a second call does nothing. When the peer
    /// has ended its own, that is the end of the connection. Throws: wrong_thread; std::bad_alloc.
    /// Switches: never.
    void write_eof();

    /// Waits while writing is paused; lets others run at least once when the transport is closing,
    /// so that who writes in a loop hears of the end. Several may wait at once. Throws:
    /// system_error when the connection is over, with the error that has ended it or
    /// `errc::closed`; what was requested for the greenlet. Switches: may.
    void drain();

    /// Stops `data_received`, and lets it go on; a second call does nothing, and neither does any
    /// when the transport is closing. Who is paused does not hear of the peer's end.
    /// Throws: wrong_thread. Switches: never.
    void pause_reading();
    void resume_reading();
    /// Says whether `data_received` may be called. Switches: never.
    bool is_reading() const;

    /// Sets how many bytes may wait, and calls `pause_writing` or `resume_writing` at once when
    /// that makes the difference. Throws: misuse for a low mark above the high one; wrong_thread.
    /// Switches: never.
    void set_write_marks(write_marks marks);
    /// As above, with a low mark of a quarter. Switches: never.
    void set_write_marks(std::size_t high) { set_write_marks({.high = high, .low = high / 4}); }
    /// What was set last. Switches: never.
    write_marks marks() const;
    /// How many bytes wait to be written. Switches: never.
    std::size_t write_buffer_size() const;

    /// Exchanges the stream below for one that is made of it: one that encrypts, for example
    /// (tls/start_tls.hpp). What was written before leaves first, until the limit; then `change`
    /// gets the stream, and the bytes that were received and not delivered, and returns the new
    /// one. It may wait. Nothing is read or delivered meanwhile, and what is written is for the new
    /// stream. When this throws, the connection is lost: the old stream is never gone back to.
    /// Throws: what `change` throws; system_error when the connection ends before or meanwhile,
    /// with `errc::timed_out` for the limit, and with `asio::error::eof` when the peer has ended
    /// its direction; what was requested for the greenlet. Misuse, and nothing is lost, after
    /// `write_eof` and during another exchange. Switches: may.
    void exchange_stream(stream_exchange change, deadline limit = deadline::never());

    /// Closes the connection when all that is in the buffer has left, and reads no more. A second
    /// call does nothing. Throws: wrong_thread; std::bad_alloc. Switches: never.
    void close();
    /// Closes the connection now, and drops what is in the buffer; a peer of TLS that was not told
    /// all sees a truncation. Throws: wrong_thread. Switches: never.
    void abort();
    /// Says whether it is closing or over. Switches: never.
    bool is_closing() const;
    /// Waits until `connection_lost` has returned. Throws: misuse in a call of its own protocol,
    /// which would wait for itself; what was requested for the greenlet. Switches: may.
    void wait_closed();

    /// The addresses of both ends, also after the end; nothing when it is no TCP connection.
    /// Switches: never.
    std::optional<tcp_endpoint> local_endpoint() const;
    std::optional<tcp_endpoint> remote_endpoint() const;

    /// The stream below, when it is a `Stream`; otherwise, and after the end, null. For its
    /// options: reading from it and writing to it is for the transport. Switches: never.
    template <byte_stream Stream>
    Stream* target() {
        return stream().target<Stream>();
    }

    /// Says whether both name the same connection. Switches: never.
    friend bool operator==(transport const&, transport const&) noexcept = default;

private:
    detail::protocol_connection& named() const;
    void write_parts(std::span<boost::asio::const_buffer const> parts);
    any_stream& stream();

    std::shared_ptr<detail::protocol_connection> named_;
};

/// Runs a protocol over a stream that is connected, in greenlets of its own, which keep both until
/// the connection is over. `connection_made` comes in its turn, not inside this call.
/// Throws: std::bad_alloc; misuse for options that make no sense, without a protocol, and when the
/// hub has closed. Switches: never. Thread: hub.
transport start_protocol(
    any_stream stream, std::shared_ptr<protocol> handler, protocol_options const& options = {});

}  // namespace tendril
