// SPDX-License-Identifier: BSL-1.0
#pragma once

// The steps that all operations of streams are made of.

#include "socket_operation.hpp"
#include "stream_core.hpp"

#include <tendril/hub/deadline.hpp>
#include <tendril/hub/waiter.hpp>
#include <tendril/io/error.hpp>
#include <tendril/net/stream_socket.hpp>

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <boost/asio/generic/stream_protocol.hpp>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <span>
#include <utility>

namespace tendril::detail {

using stream_operation = socket_operation<plain_socket>;

inline bool would_block(int error) noexcept { return error == EAGAIN || error == EWOULDBLOCK; }

/// Until when a call may wait: until the moment that it was given, or else for as long as its
/// stream allows each call, counted from the moment when that is asked for first. So a call that
/// succeeds at once does not look at the clock.
class call_limit {
public:
    call_limit(deadline const* given, std::chrono::nanoseconds each) noexcept
        : moment_{given != nullptr ? *given : deadline::never()},
          each_{given != nullptr ? no_limit : each} {}

    deadline moment() {
        if (each_ != no_limit) [[unlikely]] {
            moment_ = deadline::after(std::exchange(each_, no_limit));
        }
        return moment_;
    }
    bool has_passed(hub& home) { return !moment().is_never() && home.now() >= moment_.moment(); }

private:
    deadline moment_;
    std::chrono::nanoseconds each_;
};

/// Says why an operation on `core` cannot begin, if it cannot. Throws: wrong_thread.
/// Switches: never.
error_code refusal(stream_core const* core, bool stream_core::*direction);

/// The same for one that writes. Throws: wrong_thread. Switches: never.
error_code refusal_to_write(stream_core const* core);

/// What Asio's "operation aborted" means for us: nothing, when only the other direction was meant.
/// Else `error` says how the operation ended. Throws: what the greenlet was interrupted for.
/// Switches: never.
bool must_retry(stream_core const& core, stream_operation const& ended, error_code& error);

/// Starts an operation with `start`, and waits for its end, or for its limit and then for its end.
/// Throws: std::bad_alloc, before it has begun. Switches: may.
template <typename Start>
void run_operation(stream_operation& operation, deadline limit, Start&& start) {
    park_limit const alarm{operation, limit};
    start();
    operation.await();
}

/// Waits until there is room in the kernel's buffer, or it is time to see whether there is. Returns
/// false when the call is over; `error` says why. Switches: may.
bool wait_for_room(stream_core& core, call_limit& limit, error_code& error);

/// Calls `send`, which is a system call that sends, until it has sent something. Returns how much;
/// nothing with an error. Switches: may.
template <typename Send>
std::size_t send_when_there_is_room(
    stream_core& core, Send&& send, call_limit& limit, error_code& error) {
    while (core.stage != stream_stage::closed) {
        ssize_t const sent = send(core.socket->native_handle());
        if (sent >= 0) {
            account_for_success(core.home);
            return static_cast<std::size_t>(sent);
        }
        if (errno == EINTR) {
            continue;
        }
        if (!would_block(errno)) {
            error = last_system_error();
            return end_at_once();
        }
        if (!wait_for_room(core, limit, error)) {
            return 0;
        }
    }
    error = io_error(errc::closed);
    return 0;
}

/// Between two parts of a long write: notices what was requested for the greenlet, that the stream
/// was closed, and that the limit has passed. Switches: may, when a `ready_order` wants it.
void look_up_between_parts(stream_core& core, call_limit& limit, error_code& error);

/// In the frame of a long write: breaks the stream off when it is left half way, by an exception or
/// by its limit. Then nobody knows what the peer received.
class half_way_guard {
public:
    half_way_guard(
        stream_core& core, std::uint64_t const& written, error_code const& error) noexcept
        : core_{core},
          written_{written},
          error_{error},
          exceptions_{std::uncaught_exceptions()} {}
    half_way_guard(half_way_guard const&) = delete;
    half_way_guard& operator=(half_way_guard const&) = delete;
    ~half_way_guard() {
        bool const left = std::uncaught_exceptions() > exceptions_ || error_ == errc::timed_out;
        if (left && written_ > 0) {
            core_.break_off();
        }
    }

private:
    stream_core& core_;
    std::uint64_t const& written_;
    error_code const& error_;
    int exceptions_;
};

/// Writes some parts to their end, and changes them meanwhile. Adds to `written`, which is right
/// even when this throws. Switches: may.
void write_parts_to_end(
    stream_core& core, std::span<iovec> parts, call_limit& limit, std::uint64_t& written,
    error_code& error);

/// Ends a connection in order: ends the sending side, reads until the peer has ended its own, and
/// closes. Switches: may.
void tear_down(stream_socket& stream, error_code& error);

/// Says whether a socket is connected with itself: one that calls an address where nobody listens
/// may get the same port for itself. Switches: never.
bool is_its_own_peer(int descriptor, stream_protocol::endpoint const& peer) noexcept;

/// Makes a socket for `core` and connects it. Switches: may.
void connect_core(
    stream_core& core, stream_protocol::endpoint const& peer, deadline limit, error_code& error);

}  // namespace tendril::detail
