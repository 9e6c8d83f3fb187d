// SPDX-License-Identifier: BSL-1.0
//
// Two greenlets: the reader, which is the greenlet of the connection, reads and calls the protocol;
// the writer, made when there is something to write for the first time, empties the buffer. Whoever
// ends the connection marks it as over, which wakes both; the reader waits for the writer, closes
// the stream and makes the last call.
//
// Invariants:
// 1. The stage goes on only: open, closing, over. It becomes over in `end_stream` alone, which ends
//    the operations under way and never waits.
// 2. The four calls that may wait are made by the reader only, so they never overlap. Nothing is
//    called before `connection_made` but `pause_writing`, inside it, and nothing at all after
//    `connection_lost`: from stage over on only the reader calls.
// 3. The event `may_write_` is set when writing is not paused, or the connection is over. Each call
//    of `resume_writing` comes after one of `pause_writing`.
// 4. Only the writer touches `sending_`: it is in a system call, perhaps.
// 5. While the stream is exchanged, nobody reads and nobody writes. What the exchange ends with is
//    the new stream, or the end of the connection: the old one is not gone back to.
// 6. A protocol is held no longer than until `connection_lost` has returned, so a protocol that
//    keeps its transport is no cycle.
#include "protocol_connection.hpp"

#include <tendril/greenlet/greenlet.hpp>
#include <tendril/greenlet/greenlet_exit.hpp>
#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/net/tcp_stream.hpp>
#include <tendril/net/unix_socket.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/task/spawn.hpp>

#include <boost/asio/error.hpp>

#include <cxxabi.h>

#include <utility>

namespace tendril::detail {
namespace {

template <typename F>
std::optional<tcp_endpoint> endpoint_or_none(F&& ask) {
    try {
        return ask();
    } catch (system_error const&) {
        return std::nullopt;
    }
}

}  // namespace

void require_sensible(protocol_options const& options) {
    TENDRIL_REQUIRE(
        options.marks.low <= options.marks.high,
        "the low mark of a write buffer must not be above the high one: writing would be paused "
        "and resumed at once");
    TENDRIL_REQUIRE(
        options.read_size > 0, "data_received() gets at least a byte: let read_size not be zero");
    TENDRIL_REQUIRE(
        options.flush_limit.count() > 0,
        "flush_limit must be positive: to close without writing the rest, call abort()");
}

protocol_connection::protocol_connection(any_stream stream, protocol_options const& options)
    : home_{&this_thread()},
      stream_{std::move(stream)},
      read_size_{options.read_size},
      flush_limit_{options.flush_limit},
      stack_size_{options.stack_size},
      marks_{options.marks} {
    if (auto const* const tcp = stream_.target<tcp_stream>()) {
        local_ = endpoint_or_none([&] { return tcp->local_endpoint(); });
        remote_ = endpoint_or_none([&] { return tcp->remote_endpoint(); });
    }
    may_write_.set();
}

void protocol_connection::require_own_thread() const {
    TENDRIL_REQUIRE_AS(
        wrong_thread, home_ == &this_thread(),
        "this transport belongs to another thread: post to its hub, and use it there");
}

// The reader.

void protocol_connection::run(std::shared_ptr<protocol> handler) {
    handler_ = std::move(handler);
    reader_id_ = greenlet::current().id();
    try {
        serve();
    } catch (abi::__forced_unwind const&) {
        throw;
    } catch (...) {
        lose(std::current_exception(), io_error(errc::closed));
        conclude();
        throw;
    }
    conclude();
}

void protocol_connection::serve() {
    transport face{shared_from_this()};
    begun_ = true;
    call("protocol::connection_made", [&] { handler_->connection_made(face); });
    made_.set();
    tell_of_pause();
    auto const block = std::make_unique_for_overwrite<char[]>(read_size_);
    read_to_end({block.get(), read_size_});
}

void protocol_connection::read_to_end(std::span<char> block) {
    while (wait_until_readable()) {
        error_code const error = read_once(block);
        if (exchanging_) {
            // What the old stream has to say, the new one will find out.
            continue;
        }
        if (error == boost::asio::error::eof) {
            input_has_ended_ = true;
            end_of_input();
            return;
        }
        if (error.failed()) {
            lose(error);
            return;
        }
        // Reading may have been paused since it was waited for, and the stream exchanged.
        if (wait_until_readable() && stage_ == stage::open && !arrived_.empty()) {
            std::string_view const bytes = std::exchange(arrived_, {});
            call("protocol::data_received", [&] { handler_->data_received(bytes); });
        }
    }
}

error_code protocol_connection::read_once(std::span<char> block) {
    in_read_ = true;
    scope_exit const done{[this] {
        in_read_ = false;
        still_.set();
    }};
    error_code error;
    std::size_t const size = stop_reading_.run(
        [&] { return stream_.read_some(boost::asio::buffer(block.data(), block.size()), error); });
    arrived_ = {block.data(), size};
    return error;
}

// Waits while reading is paused, or the stream is being exchanged. Returns false when the stream is
// closed.
bool protocol_connection::wait_until_readable() {
    while (stage_ != stage::over && (exchanging_ || (reading_paused_ && stage_ == stage::open))) {
        may_read_.reset();
        may_read_.wait();
    }
    return stage_ != stage::over;
}

void protocol_connection::end_of_input() {
    bool keeps_open = false;
    if (wait_until_readable() && stage_ == stage::open) {
        call("protocol::eof_received", [&] { keeps_open = handler_->eof_received(); });
    }
    eof_received_ = true;
    if (!keeps_open || eof_sent_) {
        close();
    }
    stream_over_.wait();
}

// Sees to it that all is closed and nobody else calls any more, and makes the last call.
void protocol_connection::conclude() {
    end_stream();
    if (writer_.valid()) {
        interruption_shield const until_it_has_ended;
        writer_.cancel();
        writer_.join();
    }
    while (exchanging_) {
        interruption_shield const until_it_has_ended;
        exchanged_.reset();
        exchanged_.wait();
    }
    close_stream();
    scope_exit const tell{[this] {
        // What is left may be kept for long, and be destroyed by another thread.
        handler_.reset();
        stream_ = {};
        writer_ = {};
        flush_timer_ = {};
        made_.set();
        lost_.set();
    }};
    call("protocol::connection_lost", [this] { handler_->connection_lost(reason_); });
}

// Some streams say good-bye to their peer, and have a limit of their own for that. A peer that was
// not told all is not told that this was all.
void protocol_connection::close_stream() {
    interruption_shield const until_closed;
    if (all_has_left_) {
        stream_.close();
    } else {
        stream_.abort();
    }
}

// Calls a function of the protocol. What ends the greenlet from outside goes on its way.
template <typename F>
void protocol_connection::call(char const* name, F&& callback) {
    try {
        callback();
    } catch (abi::__forced_unwind const&) {
        throw;
    } catch (greenlet_exit const&) {
        throw;
    } catch (cancelled const&) {
        throw;
    } catch (...) {
        fail(name);
    }
}

// In a handler. A call that waits in `drain`, say, hears there that the connection is over.
bool protocol_connection::is_news_of_the_end() const {
    if (stage_ != stage::over) {
        return false;
    }
    try {
        throw;
    } catch (system_error const& error) {
        return error.code() == error_;
    } catch (abi::__forced_unwind const&) {
        throw;
    } catch (...) {
        return false;
    }
}

// In a handler of what a call of the protocol has thrown.
void protocol_connection::fail(char const* name) {
    if (is_news_of_the_end()) {
        return;
    }
    this_hub().report_error(std::current_exception(), name);
    lose(std::current_exception(), io_error(errc::closed));
}

// Pausing.

void protocol_connection::pause_reading() {
    require_own_thread();
    reading_paused_ = true;
}

void protocol_connection::resume_reading() {
    require_own_thread();
    reading_paused_ = false;
    may_read_.set();
}

// The end.

void protocol_connection::close() {
    require_own_thread();
    if (is_closing()) {
        return;
    }
    if (unsent_ == 0) {
        end_stream();
        return;
    }
    flush_timer_ = this_hub().call_later(flush_limit_, [waiting = weak_from_this()] {
        if (auto const late = waiting.lock()) {
            late->lose(io_error(errc::timed_out));
        }
    });
    stage_ = stage::closing;
    may_read_.set();
    work_for_writer_.set();
}

void protocol_connection::abort() {
    require_own_thread();
    end_stream();
}

void protocol_connection::lose(error_code error) {
    if (stage_ != stage::over) {
        lose(std::make_exception_ptr(system_error{without_place(error)}), error);
    }
}

// Ends it for a reason, unless it is over already.
void protocol_connection::lose(std::exception_ptr reason, error_code error) {
    if (stage_ != stage::over) {
        reason_ = std::move(reason);
        error_ = error;
        end_stream();
    }
}

void protocol_connection::end_stream() {
    if (stage_ == stage::over) {
        return;
    }
    stage_ = stage::over;
    if (!error_.failed()) {
        error_ = io_error(errc::closed);
    }
    all_has_left_ = unsent_ == 0 && reason_ == nullptr;
    unsent_ = 0;
    pending_ = {};
    held_ = {};
    flush_timer_.cancel();
    // The close of others may wait, and is left to the reader.
    if (auto* const tcp = stream_.target<tcp_stream>()) {
        tcp->close();
    } else if (auto* const local = stream_.target<unix_stream>()) {
        local->close();
    }
    stop_reading_.ask();
    stop_writing_.ask();
    stop_changing_.ask();
    still_.set();
    may_read_.set();
    work_for_writer_.set();
    may_write_.set();
    stream_over_.set();
}

void protocol_connection::abandon() {
    end_stream();
    made_.set();
    lost_.set();
}

void protocol_connection::leave_to_parent() {
    end_stream();
    stream_.abort();
}

void protocol_connection::wait_closed() {
    require_own_thread();
    TENDRIL_REQUIRE(
        greenlet::current().id() != reader_id_ || lost_.is_set(),
        "wait_closed() in a call of the protocol of this connection waits for itself: return, or "
        "wait in a task");
    lost_.wait();
}

void spawn_protocol(
    std::shared_ptr<protocol_connection> connection, std::shared_ptr<protocol> handler,
    std::size_t stack_size) {
    static_cast<void>(spawn(
        {.name = "protocol", .stack_size = stack_size, .where = {}},
        [self = end_of_task{std::move(connection), &protocol_connection::abandon},
         handler = std::move(handler)]() mutable { self.of->run(std::move(handler)); }));
}

}  // namespace tendril::detail
