// SPDX-License-Identifier: BSL-1.0
#pragma once

// What stands behind a tls_stream: OpenSSL's machine, the stream below, and who moves bytes.
//
//     write ──► SSL_write ──► out ──► flush ──► stream below
//     read  ◄── SSL_read  ◄── in  ◄── fill  ◄── stream below
//
// OpenSSL works on `wire` alone and never waits. Whoever calls it finds out what it needs, and
// then does that: fills `in` from the stream, or flushes `out` to it. Those two are the only places
// that park.
//
//     stage          set by          what may happen
//     fresh          the constructor   the first who comes shakes hands
//     shaking        handshake       one greenlet does, others wait in `shaken_`
//     secured        handshake       reads and writes
//     failed         fail            each call says why
//     closed         close           each call says so
//
// Invariants:
// 1. No call of OpenSSL parks, so none is entered while another one runs; and nobody switches
//    between a call and the look at its errors.
// 2. One greenlet fills, one flushes; whoever else needs that waits until it is done and looks
//    again. Records leave in the order in which they were made, whoever flushes.
// 3. What is in `out` stays there until it has left. So whoever is interrupted in a flush loses
//    nothing: the next one goes on in the middle of a record.
// 4. Data that was decrypted is returned in the same step: nobody parks with it.
// 5. A core whose hub has gone is closed, and looks at the hub no more.
// 6. A core is shared by the handle and by whoever is inside a call, because the handle may go.

#include "context_state.hpp"
#include "openssl.hpp"
#include "wire.hpp"

#include <tendril/hub/deadline.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/io/any_stream.hpp>
#include <tendril/io/context_bound.hpp>
#include <tendril/io/error.hpp>
#include <tendril/support/unique_function.hpp>
#include <tendril/sync/wait_queue.hpp>
#include <tendril/time/timeout.hpp>
#include <tendril/tls/tls_context.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace tendril::detail {

enum class tls_stage : std::uint8_t { fresh, shaking, secured, failed, closed };

/// What a call of OpenSSL came to.
enum class tls_step : std::uint8_t {
    done,
    wants_input,
    /// The greeting of the client has come, and somebody must say which context to use.
    wants_context,
    /// The peer has said that it ends.
    ended,
    /// The protocol has failed.
    failed,
    /// The stream below has, or somebody has closed this one.
    lost,
};

/// The way through the buffers of a write. None of them is empty.
class buffer_cursor {
public:
    using const_buffers = std::span<boost::asio::const_buffer const>;

    explicit buffer_cursor(const_buffers all) noexcept : rest_{all} {}

    bool done() const noexcept { return rest_.empty(); }
    /// The next bytes that lie together: where they are, or copied to `staging` when many short
    /// ones follow each other.
    boost::asio::const_buffer next(std::span<char> staging) const noexcept;
    void advance(std::size_t size) noexcept;

private:
    const_buffers rest_;
    // How much of the first is done.
    std::size_t offset_ = 0;
};

class tls_core final : private context_bound {
public:
    using const_buffers = buffer_cursor::const_buffers;
    /// How much of the buffers a write takes.
    enum class extent : std::uint8_t { all, one_record };

    tls_core(hub& here, tls_context const& used, std::string host_name);
    tls_core(tls_core const&) = delete;
    tls_core& operator=(tls_core const&) = delete;
    ~tls_core();

    /// Throws system_error for what cannot be the name of a host.
    static void require_host(std::string const& name);

    /// Makes it the client's end, of this session if it can be resumed.
    void prepare_client(session_owner resumed);
    /// Makes it the server's end.
    void prepare_server();

    /// Shakes hands if need be, or waits for whoever does. Returns why there can be no reading and
    /// no writing, if so.
    error_code be_secured() { return stage == tls_stage::secured ? error_code{} : shake_or_wait(); }

    std::size_t read(void* into, std::size_t size, error_code& error);
    std::size_t write(const_buffers from, extent how_much, error_code& error);

    /// Says to the peer that this end ends.
    void end_sending(error_code& error);
    /// Reads and drops until the peer has said so too.
    void await_end(error_code& error);
    /// Closes when both ends have said all.
    void close_below();
    /// The stream below, with what has come for it already. The core is closed with that.
    any_stream give_back();

    void close();
    /// Closes without a word. Switches: never.
    void abandon() noexcept;

    /// Why nothing can be done any more, if so.
    error_code refusal() const;
    void require_thread() const;

    SSL* ssl() const noexcept { return ssl_.get(); }
    tls_context const& context() const noexcept { return context_; }
    bool broken() const noexcept { return broken_; }
    /// Says whether the server's end has asked which context to use, for the name in `host`.
    bool context_is_chosen() const noexcept { return context_is_chosen_; }

    // Called by OpenSSL.
    static int session_came(SSL* ssl, SSL_SESSION* session) noexcept;
    static int hello_came(SSL* ssl, int* alert, void*) noexcept;
    static int certificate_came(int good, X509_STORE_CTX* chain) noexcept;

    hub& home;
    std::uint32_t references = 1;
    any_stream below;
    tls_stage stage = tls_stage::fresh;
    bool reading = false;
    bool writing = false;
    /// What failed, in words, when the stage is `failed`.
    std::string complaint;
    /// Says whether the end of the stream below is this program's own doing; empty for never.
    unique_function<bool()> is_own_end;
    /// Whether a read has said `eof`.
    bool said_end = false;
    /// What the client has asked for, on either side.
    std::string host;
    /// The session that came last.
    session_owner session;
    std::chrono::nanoseconds read_limit = std::chrono::nanoseconds::max();
    std::chrono::nanoseconds write_limit = std::chrono::nanoseconds::max();
    std::chrono::nanoseconds handshake_limit = std::chrono::minutes{1};
    std::chrono::nanoseconds close_limit = std::chrono::seconds{1};

private:
    // Nobody waits any more: the hub has ended those who did.
    void leave_context() noexcept override { stage = tls_stage::closed; }

    /// Calls OpenSSL once.
    template <typename F>
    tls_step call(F function, error_code& error) noexcept {
        clear_openssl_errors();
        int const result = function(ssl_.get());
        if (result > 0) {
            clear_openssl_errors();
            return tls_step::done;
        }
        return judge(result, error);
    }
    /// Calls OpenSSL until it wants no more input.
    template <typename F>
    tls_step drive(F function, error_code& error) {
        while (true) {
            error = refusal();
            if (error.failed()) {
                return tls_step::lost;
            }
            tls_step const step = call(function, error);
            if (step != tls_step::wants_input) {
                return step;
            }
            get_input(error);
            if (error.failed()) {
                return tls_step::lost;
            }
        }
    }
    tls_step judge(int result, error_code& error) noexcept;

    // The handshake.
    error_code shake_or_wait();
    void shake_hands();
    void go_through_handshake(error_code& error);
    bool lacks_certificate() const noexcept;
    void choose_context();
    void describe_failure(error_code const& error);

    // Bytes.
    bool sends_before_input() const noexcept;
    void get_input(error_code& error);
    void fill(error_code& error);
    void flush(error_code& error);
    std::size_t encrypt(buffer_cursor& from, extent how_much, error_code& error);
    std::size_t encrypt_piece(buffer_cursor& from, error_code& error);

    // The end.
    void say_end() noexcept;
    void fail(error_code const& why);
    void set_failed(error_code const& why) noexcept;
    void drop_below() noexcept;

    // What was made of contexts goes before them.
    tls_context const context_;
    tls_context chosen_;
    wire wire_;
    ssl_owner ssl_;
    error_code failure_;
    // Whose certificate was refused.
    std::string refused_;
    bool below_has_ended_ = false;
    // The peer was told that we end.
    bool has_ended_ = false;
    bool broken_ = false;
    bool filling_ = false;
    bool flushing_ = false;
    bool context_is_chosen_ = false;
    wait_queue shaken_{"the handshake of a TLS stream"};
    wait_queue filled_{"input of a TLS stream"};
    wait_queue flushed_{"the turn to write to a TLS stream"};
};

/// Keeps a core alive during a call.
class tls_user {
public:
    explicit tls_user(tls_core& used) noexcept : used_{used} { ++used_.references; }
    tls_user(tls_user const&) = delete;
    tls_user& operator=(tls_user const&) = delete;
    ~tls_user() { drop(used_); }

    static void drop(tls_core& dropped) noexcept {
        if (--dropped.references == 0) {
            delete &dropped;
        }
    }

private:
    tls_core& used_;
};

/// Marks something as in use.
class tls_mark {
public:
    explicit tls_mark(bool& mark) noexcept : mark_{mark} { mark_ = true; }
    tls_mark(tls_mark const&) = delete;
    tls_mark& operator=(tls_mark const&) = delete;
    ~tls_mark() { mark_ = false; }

private:
    bool& mark_;
};

/// Waits until a queue is woken.
inline void wait_for_tls(wait_queue& queue, char const* what) {
    plain_waiter me{what};
    queue.push(me);
    me.park();
}

/// Calls a function with a limit. Returns whether it came to its end before.
template <typename F>
bool within(deadline limit, F function) {
    if (limit.is_never()) {
        function();
        return true;
    }
    timeout stop{limit};
    try {
        function();
    } catch (timed_out const& late) {
        if (!late.by(stop)) {
            throw;
        }
        return false;
    }
    return true;
}

}  // namespace tendril::detail
