// SPDX-License-Identifier: BSL-1.0
//
// The bytes and the end; tls_handshake.cpp has the beginning. The invariants are those of
// tls_core.hpp.
#include "tls_core.hpp"
#include "leftover_stream.hpp"

#include <tendril/hub/cancellation.hpp>
#include <tendril/net/tcp_stream.hpp>
#include <tendril/net/unix_socket.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/tls/error.hpp>
#include <tendril/tls/tls_stream.hpp>

#include <boost/asio/error.hpp>

#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstring>
#include <exception>
#include <utility>

namespace tendril::detail {
namespace {

// Shorter ones are put together, so that each does not get a record of its own.
constexpr std::size_t short_piece = 2048;
constexpr std::size_t staging_size = 4096;

// The end of a socket is a truncation already, and what was written before still leaves; a reset
// would take it along. The orderly end of any other stream might have to wait, and say that this
// was all.
void drop_stream(any_stream& dropped) {
    if (auto* const leftover = dropped.target<leftover_stream>()) {
        drop_stream(leftover->below());
    } else if (
        dropped.target<tcp_stream>() != nullptr || dropped.target<unix_stream>() != nullptr) {
        dropped.close();
    } else {
        dropped.abort();
    }
}

int clamped(std::size_t size) noexcept {
    return static_cast<int>(std::min(size, std::size_t{INT_MAX}));
}

}  // namespace

boost::asio::const_buffer buffer_cursor::next(std::span<char> staging) const noexcept {
    boost::asio::const_buffer const first = rest_.front() + offset_;
    if (first.size() >= short_piece || rest_.size() == 1) {
        return first;
    }
    std::size_t used = boost::asio::buffer_copy(
        boost::asio::buffer(staging.data(), staging.size()), first);
    for (boost::asio::const_buffer const& each : rest_.subspan(1)) {
        used += boost::asio::buffer_copy(
            boost::asio::buffer(staging.data(), staging.size()) + used, each);
    }
    return {staging.data(), used};
}

void buffer_cursor::advance(std::size_t size) noexcept {
    while (size > 0) {
        std::size_t const step = std::min(size, rest_.front().size() - offset_);
        size -= step;
        offset_ += step;
        if (offset_ == rest_.front().size()) {
            rest_ = rest_.subspan(1);
            offset_ = 0;
        }
    }
}

error_code tls_core::refusal() const {
    if (stage == tls_stage::closed) {
        return io_error(errc::closed);
    }
    return stage == tls_stage::failed ? failure_ : error_code{};
}

void tls_core::require_thread() const {
    TENDRIL_REQUIRE_AS(
        wrong_thread, &home.thread() == &this_thread(),
        "this TLS stream belongs to another thread: use it there, or unwrap it and make another "
        "connection here");
}

// What a call of OpenSSL that has not succeeded came to. Right after the call: the queue of errors
// belongs to the thread.
tls_step tls_core::judge(int result, error_code& error) noexcept {
    int const kind = SSL_get_error(ssl_.get(), result);
    switch (kind) {
    case SSL_ERROR_WANT_READ:
        clear_openssl_errors();
        return tls_step::wants_input;
    case SSL_ERROR_WANT_CLIENT_HELLO_CB:
        clear_openssl_errors();
        return tls_step::wants_context;
    case SSL_ERROR_ZERO_RETURN:
        clear_openssl_errors();
        return tls_step::ended;
    default:
        break;
    }
    unsigned long const code = ERR_peek_error();
    int const reason = ERR_GET_LIB(code) == ERR_LIB_SSL ? ERR_GET_REASON(code) : 0;
    if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
        error = certificate_error(SSL_get_verify_result(ssl_.get()));
    } else if (reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE) {
        error = tls_errc::no_certificate;
    } else {
        error = take_openssl_error();
    }
    ERR_clear_error();
    return tls_step::failed;
}

// Says whether whoever wants input sends first what is in `out`. In a handshake the peer waits for
// that. After it a reader must not wait for room, which may come only when the peer has been read:
// tickets and answers of TLS go with the next write or with the end, unless they are many. An end
// that could not leave goes when that is tried again.
bool tls_core::sends_before_input() const noexcept {
    if (wire_.out.empty() || flushing_ || broken_ || has_ended_) {
        return false;
    }
    return stage != tls_stage::secured || wire_.out.full();
}

// When `out` cannot be sent, what the peer has said before can still be read, and an alert that
// tells why may be in it.
void tls_core::get_input(error_code& error) {
    if (wire_.out.flooded() && (flushing_ || broken_ || has_ended_)) {
        complaint = "TLS: the peer asks for more answers than it reads";
        error = boost::asio::error::no_buffer_space;
        set_failed(error);
        drop_below();
        return;
    }
    if (sends_before_input()) {
        flush(error);
        error = refusal();
        if (error.failed()) {
            return;
        }
    }
    fill(error);
}

void tls_core::fill(error_code& error) {
    if (filling_) {
        wait_for_tls(filled_, "input of a TLS stream");
        error = {};
        return;
    }
    if (!wire_.in.empty()) {
        return;
    }
    if (below_has_ended_) {
        error = tls_errc::truncated;
        return;
    }
    tls_mark const filler{filling_};
    scope_exit const done{[this] { filled_.wake_all(); }};
    wire_.in.commit(below.read_some(wire_.in.prepare(), error));
    if (error == boost::asio::error::eof) {
        below_has_ended_ = true;
        error = tls_errc::truncated;
    }
    if (error_code const why = refusal(); why.failed()) {
        error = why;
    }
}

void tls_core::flush(error_code& error) {
    error = {};
    while (flushing_) {
        wait_for_tls(flushed_, "the turn to write to a TLS stream");
    }
    tls_mark const flusher{flushing_};
    scope_exit const done{[this] { flushed_.wake_all(); }};
    while (!wire_.out.empty() && !error.failed()) {
        wire_.out.sent(below.write_some(wire_.out.next(), error));
    }
    if (error_code const why = refusal(); error.failed() && why.failed()) {
        error = why;
    }
}

std::size_t tls_core::read(void* into, std::size_t size, error_code& error) {
    error = be_secured();
    if (error.failed()) {
        return 0;
    }
    // Most often nothing has come yet, and asking OpenSSL would be in vain.
    bool const peer_has_ended = (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
    if (wire_.in.empty() && SSL_pending(ssl_.get()) == 0 && !peer_has_ended) {
        get_input(error);
        if (error.failed()) {
            return 0;
        }
    }
    std::size_t got = 0;
    tls_step const step = drive(
        [&](SSL* ssl) {
            int const result = SSL_read(ssl, into, clamped(size));
            got = result > 0 ? static_cast<std::size_t>(result) : 0;
            return result;
        },
        error);
    if (step == tls_step::ended) {
        error = boost::asio::error::eof;
    } else if (step == tls_step::failed) {
        complaint = "TLS";
        fail(error);
    }
    return got;
}

std::size_t tls_core::write(const_buffers from, extent how_much, error_code& error) {
    std::size_t begun = 0;
    scope_exit const judge_end{[&, before = std::uncaught_exceptions()] {
        broken_ = broken_ || (begun > 0 && std::uncaught_exceptions() > before);
    }};
    error = be_secured();
    if (!error.failed() && (broken_ || has_ended_)) {
        error = broken_ ? io_error(errc::broken) : error_code{boost::asio::error::broken_pipe};
    }
    std::size_t written = 0;
    buffer_cursor at{from};
    while (!at.done() && !error.failed()) {
        // An earlier call may have failed to send what it had encrypted.
        if (!wire_.out.full()) {
            begun += encrypt(at, how_much, error);
        }
        if (!error.failed()) {
            flush(error);
        }
        written = error.failed() ? written : begun;
        if (how_much == extent::one_record && begun > 0) {
            break;
        }
        if (!error.failed()) {
            error = refusal();
        }
    }
    wire_.out.shrink();
    return written;
}

std::size_t tls_core::encrypt(buffer_cursor& from, extent how_much, error_code& error) {
    std::size_t total = 0;
    do {
        total += encrypt_piece(from, error);
    } while (how_much == extent::all && !from.done() && !wire_.out.full() && !error.failed());
    return total;
}

[[gnu::noinline]] std::size_t tls_core::encrypt_piece(buffer_cursor& from, error_code& error) {
    std::array<char, staging_size> staging;
    boost::asio::const_buffer const piece = from.next(staging);
    std::size_t taken = 0;
    tls_step const step = drive(
        [&](SSL* ssl) {
            int const result = SSL_write(ssl, piece.data(), clamped(piece.size()));
            taken = result > 0 ? static_cast<std::size_t>(result) : 0;
            return result;
        },
        error);
    from.advance(taken);
    if (step == tls_step::failed) {
        complaint = "TLS";
        fail(error);
    }
    return taken;
}

// The first call says the end and returns 0, which is no error.
void tls_core::say_end() noexcept {
    if (!has_ended_) {
        has_ended_ = true;
        clear_openssl_errors();
        SSL_shutdown(ssl_.get());
        clear_openssl_errors();
    }
}

void tls_core::end_sending(error_code& error) {
    error = be_secured();
    if (!error.failed() && broken_) {
        error = io_error(errc::broken);
    }
    if (!error.failed()) {
        say_end();
        flush(error);
    }
}

void tls_core::await_end(error_code& error) {
    std::array<char, 1024> dropped;
    tls_step step = tls_step::done;
    while (step == tls_step::done) {
        step = drive(
            [&](SSL* ssl) { return SSL_read(ssl, dropped.data(), clamped(dropped.size())); },
            error);
    }
    if (step == tls_step::ended) {
        error = {};
    } else if (step == tls_step::failed) {
        complaint = "TLS";
        fail(error);
    }
}

void tls_core::close_below() {
    stage = tls_stage::closed;
    below.close();
}

any_stream tls_core::give_back() {
    any_stream given;
    if (wire_.in.empty()) {
        given = std::move(below);
    } else {
        given = any_stream{leftover_stream{std::move(below), wire_.in.take_all()}};
    }
    stage = tls_stage::closed;
    return given;
}

void tls_core::set_failed(error_code const& why) noexcept {
    if (stage != tls_stage::closed) {
        stage = tls_stage::failed;
        failure_ = why;
    }
}

// OpenSSL has put an alert into `out`, which tells the peer.
void tls_core::fail(error_code const& why) {
    set_failed(why);
    scope_exit const dropped{[this] { drop_below(); }};
    within(deadline::after(close_limit), [this] {
        error_code ignored;
        flush(ignored);
    });
}

void tls_core::close() {
    if (stage == tls_stage::closed) {
        return;
    }
    bool const is_orderly = stage == tls_stage::secured && !writing && !broken_ && home.may_park();
    stage = tls_stage::closed;
    scope_exit const dropped{[this] { drop_below(); }};
    if (is_orderly) {
        say_end();
        within(deadline::after(close_limit), [this] {
            error_code ignored;
            flush(ignored);
            // When that is TLS as well, it has a peer of its own to tell.
            below.close();
        });
    }
}

void tls_core::abandon() noexcept {
    stage = tls_stage::closed;
    drop_below();
}

void tls_core::drop_below() noexcept {
    drop_stream(below);
    shaken_.wake_all();
}

}  // namespace tendril::detail
