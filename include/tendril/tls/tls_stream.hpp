// SPDX-License-Identifier: BSL-1.0
#pragma once

// A stream that is encrypted, and whose peer is who it says, over any other stream.
//
//     auto web = tendril::tls_context::client();
//     auto stream = tendril::tls_stream::connect("example.org", 443, web);
//     stream.write(boost::asio::buffer("GET / HTTP/1.0\r\n\r\n"sv));
//
//     tendril::stream_server server{"0.0.0.0:443", [&](tendril::tcp_stream& plain) {
//         auto stream = tendril::tls_stream::server(std::move(plain), mine);
//         …                                        // the handshake happens here, in the handler
//     }};
//
// It is a `byte_stream` (io/stream.hpp), with these things of its own:
//
//     condition                                     error
//     the peer has said that it ends                asio::error::eof
//     the connection ended, and it had not          tls_errc::truncated
//     the peer's certificate is refused             tls_errc, by reason
//     the protocol fails, or the peer says so       a code of category "asio.ssl"
//     a limit                                       errc::timed_out
//     written to after `shutdown_send`              asio::error::broken_pipe
//
// The handshake takes place in `handshake`, or at the first read or write, whoever comes first; the
// other one waits. When it fails, or whoever makes it is interrupted, the stream is closed. What
// goes wrong in the protocol later ends both directions as well, and each call says so from then
// on.
//
// `read_some`, `write_some` and `write`, and their forms with an error and with a limit, are
// declared in io/stream.hpp, as `limited_stream_forms`. Here a read goes into the first buffer with
// room, and `write_some` takes what fits into one record, 16 KiB. Writes may throw std::bad_alloc.
//
// One greenlet may read while another one writes. A read that is interrupted has taken nothing. A
// write that is interrupted after some of it was encrypted leaves the stream broken, and a broken
// stream ends without a word, so that its peer sees a truncation and not an end.
//
// Read next: docs/tls.md; lib/tls/tls_core.hpp.

#include <tendril/hub/deadline.hpp>
#include <tendril/io/any_stream.hpp>
#include <tendril/io/error.hpp>
#include <tendril/io/stream.hpp>
#include <tendril/support/unique_function.hpp>
#include <tendril/tls/certificate.hpp>
#include <tendril/tls/error.hpp>
#include <tendril/tls/tls_context.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace tendril {

namespace detail {
class tls_core;
struct tls_serving;
}  // namespace detail

/// What lets a client resume: given out by one connection, for a later one to the same host and
/// with the same context. Another context may trust others, so there it resumes nothing.
class tls_session {
public:
    /// Makes one that resumes nothing. Switches: never.
    tls_session() noexcept = default;

    /// Says whether there is something to resume. Switches: never. Thread: any.
    explicit operator bool() const noexcept { return kept_ != nullptr; }

private:
    friend class tls_stream;

    std::shared_ptr<void> kept_;
    std::string host_;
    // Whose trust the peer has passed.
    std::weak_ptr<detail::tls_context_state> context_;
};

class tls_stream : public limited_stream_forms<tls_stream> {
public:
    using executor_type = boost::asio::io_context::executor_type;
    using lowest_layer_type = tls_stream;

    /// Makes one without a connection: every operation says `errc::closed`.
    tls_stream() noexcept = default;
    tls_stream(tls_stream&& other) noexcept : core_{std::exchange(other.core_, nullptr)} {}
    tls_stream& operator=(tls_stream&& other) noexcept;

    /// Closes the connection at once: the peer sees a truncation. Call `close` before for an
    /// orderly end, which may have to wait. Must happen on the hub's thread. Switches: never.
    ~tls_stream();

    /// Connects to a host by name over TCP, and shakes hands. Throws: system_error, naming host and
    /// reason, with `errc::bad_name` for a name that is not ASCII; what was requested for the
    /// greenlet. Switches: may.
    static tls_stream connect(
        std::string const& host, std::string const& service, tls_context const& context);
    static tls_stream connect(
        std::string const& host, std::uint16_t port, tls_context const& context) {
        return connect(host, std::to_string(port), context);
    }

    /// Makes the client's end over a connected stream, for the host that the peer should be; with a
    /// session of before if there is one. The stream is taken over; when this throws it is still
    /// the caller's. Certificates have international names in their ASCII form, as A-labels
    /// (xn--bcher-kva.example); others are refused. Throws: std::bad_alloc; system_error when that
    /// cannot be the name of a host, with `errc::bad_name` when it is not ASCII; misuse when the
    /// context is no client's, or there is no host and it must be verified. Switches: never.
    template <byte_stream Stream>
    requires(!std::is_reference_v<Stream>) static tls_stream client(
        Stream&& stream, tls_context const& context, std::string host, tls_session session = {}) {
        tls_stream made = prepare_client(context, std::move(host), std::move(session));
        made.take(any_stream{std::move(stream)});
        return made;
    }

    /// Makes the server's end. Throws: std::bad_alloc; misuse when the context is no server's.
    /// Switches: never.
    template <byte_stream Stream>
    requires(!std::is_reference_v<Stream>) static tls_stream
        server(Stream&& stream, tls_context const& context) {
        tls_stream made = prepare_server(context);
        made.take(any_stream{std::move(stream)});
        return made;
    }

    /// Shakes hands, unless that is done; waits when another greenlet is about it. Throws:
    /// system_error, naming host and reason; what was requested for the greenlet, and then the
    /// stream is closed. Switches: may.
    void handshake();
    void handshake(error_code& error);

    /// Limits each later read, each write, the handshake (at first a minute), and how long `close`
    /// and `unwrap` wait for a peer that is silent (at first a second). A duration that is too long
    /// for the clock is no limit. Throws: misuse for an empty stream, or when it is not a number.
    /// Switches: never.
    template <typename Rep, typename Period>
    void set_read_limit(std::chrono::duration<Rep, Period> const& most) {
        set_limit(limited::read, detail::saturated(most));
    }
    template <typename Rep, typename Period>
    void set_write_limit(std::chrono::duration<Rep, Period> const& most) {
        set_limit(limited::write, detail::saturated(most));
    }
    template <typename Rep, typename Period>
    void set_handshake_limit(std::chrono::duration<Rep, Period> const& most) {
        set_limit(limited::handshake, detail::saturated(most));
    }
    template <typename Rep, typename Period>
    void set_close_limit(std::chrono::duration<Rep, Period> const& most) {
        set_limit(limited::close, detail::saturated(most));
    }

    /// Ends one direction: the peer reads end of file after what was written. Reading goes on, and
    /// waits for no room. After an interruption, or its limit, the end may not have left: call it
    /// again, or `close`. Switches: may.
    void shutdown_send(error_code& error);
    void shutdown_send();

    /// Ends both directions in order: says the end, reads and drops what still comes until the peer
    /// has ended as well, and closes. The stream is closed afterwards, unless the error is
    /// `errc::busy`, because somebody reads or writes. With `tls_errc::truncated` and with
    /// `errc::timed_out` the peer has not said its end. Throws: what was requested for the
    /// greenlet, and then it is closed as well. Switches: may.
    void shutdown_until(error_code& error, deadline limit);
    void shutdown_until(deadline limit);
    template <typename Rep, typename Period>
    void shutdown_for(error_code& error, std::chrono::duration<Rep, Period> const& limit) {
        shutdown_until(error, deadline::after(limit));
    }
    template <typename Rep, typename Period>
    void shutdown_for(std::chrono::duration<Rep, Period> const& limit) {
        shutdown_until(deadline::after(limit));
    }

    /// Tells the peer that this is the end, waits until that has left, for its limit at most, and
    /// closes the connection; for the peer's end it does not wait (RFC 8446, 6.1). Wakes whoever
    /// reads or writes with `errc::closed`; when somebody is writing, or the stream is broken, the
    /// peer is not told. A second call does nothing.
    /// Throws: wrong_thread; what was requested for the greenlet, and then it is closed as well.
    /// Switches: may.
    void close();

    /// Closes the connection now and says nothing to the peer, who sees a truncation. Wakes whoever
    /// reads or writes with `errc::closed`. A second call does nothing.
    /// Throws: wrong_thread. Switches: never.
    void abort();

    /// Ends the encryption on both sides, and returns the stream below, to go on in the clear. What
    /// the peer had sent and nobody has read is dropped. A peer that has closed counts as agreed.
    /// Throws: system_error with `errc::busy` while somebody reads or writes; what was requested
    /// for the greenlet. Then it can be tried again. Switches: may.
    any_stream unwrap();
    any_stream unwrap(error_code& error);

    /// Says whether there is a connection that is neither closed nor failed. Switches: never.
    bool is_open() const noexcept;

    /// What was agreed upon in the handshake. Throws: misuse before. Switches: never.
    tls_version version() const;
    /// The name of the cipher, as the standard spells it. Throws: as above. Switches: never.
    std::string cipher() const;
    /// The protocol (ALPN); empty when there is none. Throws: as above. Switches: never.
    std::string alpn() const;
    /// The host that the client has asked for; empty when it has not. Throws: as above.
    /// Switches: never.
    std::string server_name() const;
    /// Whether an earlier session was resumed. Throws: as above. Switches: never.
    bool session_reused() const;

    /// What the peer has shown; nothing when it has shown none. Throws: misuse before the
    /// handshake. Switches: never.
    std::optional<tls_certificate> peer_certificate() const;

    /// What a later client can resume with. With TLS 1.3 it comes with the first data that is read.
    /// A context keeps it by itself as well. Switches: never.
    tls_session session() const;

    /// For code that is written for Asio's layers. Throws: misuse for an empty stream.
    /// Switches: never.
    executor_type get_executor() const;
    lowest_layer_type& lowest_layer() noexcept { return *this; }
    lowest_layer_type const& lowest_layer() const noexcept { return *this; }

private:
    friend stream_forms;
    friend limited_stream_forms;
    friend struct detail::tls_serving;

    enum class limited : std::uint8_t { read, write, handshake, close };
    using const_buffers = std::span<boost::asio::const_buffer const>;

    explicit tls_stream(detail::tls_core& core) noexcept : core_{&core} {}
    static tls_stream prepare_client(
        tls_context const& context, std::string host, tls_session session);
    static tls_stream prepare_server(tls_context const& context);
    void take(any_stream&& stream) noexcept;
    // Reads say `eof` and not `truncated` when the stream below has ended and this answers yes.
    void take_for_own(unique_function<bool()> is_own_end) noexcept;
    // Says whether a read has found the end.
    bool has_said_end() const noexcept;

    // What the forms are made of.
    template <typename MutableBuffers>
    std::size_t read_into(
        MutableBuffers const& buffers, error_code& error, deadline const* limit = nullptr) {
        return read_once(detail::first_with_room(buffers), error, limit);
    }
    template <typename ConstBuffers>
    std::size_t write_part_of(ConstBuffers const& buffers, error_code& error) {
        return write_part(detail::gathered_buffers{buffers}.span(), error);
    }
    template <typename ConstBuffers>
    std::size_t write_all_of(
        ConstBuffers const& buffers, error_code& error, deadline const* limit = nullptr) {
        return write_all(detail::gathered_buffers{buffers}.span(), error, limit);
    }
    // Says what the handshake has found out, where that is the reason.
    std::size_t checked(std::size_t size, error_code const& error, char const* what) const;

    std::size_t read_once(
        boost::asio::mutable_buffer into, error_code& error, deadline const* limit);
    std::size_t write_part(const_buffers from, error_code& error);
    std::size_t write_all(const_buffers from, error_code& error, deadline const* limit);
    void set_limit(limited what, std::chrono::nanoseconds most);
    detail::tls_core& secured() const;

    detail::tls_core* core_ = nullptr;
};

static_assert(byte_stream<tls_stream>);

}  // namespace tendril
