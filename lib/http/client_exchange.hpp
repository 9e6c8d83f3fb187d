// SPDX-License-Identifier: BSL-1.0
#pragma once

// One request and its answer, on one connection or, when the first was stale, on two.
//
// A large body that is there is sent by a task of its own, so that the answer is read meanwhile.
//
// 1. The lease is held until both bodies are over, or something was thrown that is no misuse. Then
//    the connection is kept if it was used to the last byte in order, and closed otherwise.
// 2. A request is sent a second time only when the connection was a kept one, nothing of an answer
//    has come through it, all of the request is still there, and it does no harm twice.
// 3. A failure to send is not yet the end: a server may refuse a request, and close, before it has
//    read all of it. Whoever asks for the answer gets it, or hears of the failure then.
// 4. The task that sends has ended before the exchange goes, and before another connection is
//    used. One that fails wakes whoever waits for the answer.
//
// Sources: client_sending.cpp for the one direction, client_exchange.cpp for the other.

#include "client_core.hpp"

#include <tendril/http/client_stream.hpp>
#include <tendril/task/task.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>

namespace tendril::detail {

class client_exchange {
public:
    /// Prepares a request that can be sent. Its body must stay as long as this.
    /// Throws: std::bad_alloc.
    client_exchange(
        std::shared_ptr<client_core> core, http_client_request const& asked, http_url const& url,
        deadline total);
    client_exchange(client_exchange const&) = delete;
    client_exchange& operator=(client_exchange const&) = delete;
    /// Closes the connection, unless the rest is there already. Ends the program on another thread
    /// while the hub exists. Switches: may, when a task sends.
    ~client_exchange();

    /// Waits for a connection, and sends the head, with the body if that is known. A large one may
    /// still be on its way when this returns.
    void start();

    // What `http_client_stream` does.
    void write(std::string_view piece);
    void finish(http_client_fields const& trailers);
    http_client_head const& response();
    /// Returns zero at the end.
    std::size_t read(boost::asio::mutable_buffer into);
    std::string read_all(std::size_t limit);
    http_fields const& trailers() const noexcept { return decoder_.trailers(); }
    void close();

    /// Reads and drops what is left if that is little and comes soon, so that the connection can be
    /// kept.
    void drain();

    /// Waits until a body that is still on its way has left, or cannot leave.
    void finish_sending();

    client_errand const& errand() const noexcept { return errand_; }
    boost::asio::io_context::executor_type get_executor() const {
        return home_.context().get_executor();
    }

private:
    // Ends the exchange when a call is left by an exception.
    class guard {
    public:
        explicit guard(client_exchange& guarded) noexcept
            : guarded_{guarded},
              exceptions_{std::uncaught_exceptions()} {}
        guard(guard const&) = delete;
        guard& operator=(guard const&) = delete;
        ~guard() {
            if (std::uncaught_exceptions() > exceptions_) {
                guarded_.lease_.end();
            }
        }

    private:
        client_exchange& guarded_;
        int exceptions_;
    };
    // Tells of the end of the task that sends, also of one that never began.
    class sending_end;

    // The request: client_sending.cpp.
    void connect();
    void send_all();
    void send_beside();
    void note_end_of_sending() noexcept;
    void stop_sending() noexcept;
    bool is_sending() const { return sender_.valid() && !sender_.done(); }
    void send(client_transport::pieces const& from);
    void end_request();

    // The answer.
    void receive();
    bool gets_more_time(
        error_code const& error, std::chrono::nanoseconds each, deadline& limit) const;
    void try_again(error_code const& error, bool came);
    void accept(client_head&& head);
    void end_response(bool in_order);
    std::size_t read_part(boost::asio::mutable_buffer into);
    std::size_t read_raw(boost::asio::mutable_buffer into);
    void read_ahead();
    std::size_t read_through(boost::asio::mutable_buffer into, error_code& error) const;
    void judge_end(error_code const& error);
    http_phase phase_of_end(error_code const& error, http_phase awaited) const;
    void require_open(http_phase phase) const;

    std::shared_ptr<client_core> core_;
    hub& home_;
    client_errand errand_;
    client_lease lease_;
    // While it connects: what ends that.
    cancel_scope* connecting_ = nullptr;
    // What is sent at once, and once more if need be.
    std::string head_text_;
    std::string_view body_;
    client_method method_;
    bool idempotent_;
    bool chunked_;
    // Of the body of the request, what was announced and has not been written.
    std::uint64_t unwritten_;
    bool written_ = false;
    bool request_done_ = false;
    bool tried_again_ = false;
    // The request could not leave; the answer may have come all the same.
    error_code send_error_;
    // Who sends a large body; whether nobody shall hear of its end; and when that was.
    task<void> sender_;
    bool stops_sending_ = false;
    time_point sent_at_{};
    // One in each direction.
    bool writing_ = false;
    bool reading_ = false;

    http_client_head head_;
    body_decoder decoder_;
    bool head_came_ = false;
    bool keep_alive_ = false;
    bool response_done_ = false;
};

/// Says whether the peer has gone, which may mean that it has closed a kept connection.
bool is_end_of_peer(error_code const& error) noexcept;

}  // namespace tendril::detail
