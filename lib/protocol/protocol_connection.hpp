// SPDX-License-Identifier: BSL-1.0
#pragma once

// What stands behind a transport: the stream, the protocol, and the two greenlets between them.

#include <tendril/greenlet/thread_record.hpp>
#include <tendril/hub/callback.hpp>
#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/deadline.hpp>
#include <tendril/io/any_stream.hpp>
#include <tendril/io/error.hpp>
#include <tendril/net/endpoint.hpp>
#include <tendril/protocol/protocol.hpp>
#include <tendril/protocol/transport.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/task/task.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace tendril::detail {

/// Throws misuse for options that make no sense.
void require_sensible(protocol_options const& options);

/// Ends the operation on a stream that a greenlet is in, when the connection is over.
class stop_of_operation final : public interruption {
public:
    stop_of_operation() noexcept : interruption{rank::edge} {}
    ~stop_of_operation() = default;

    /// Calls a function that may be stopped. Returns what it returns; zero when it was stopped.
    template <typename F>
    std::size_t run(F&& operation) {
        block_ = this_thread().current;
        scope_exit const over{[this] { withdraw(*std::exchange(block_, nullptr), *this); }};
        try {
            return operation();
        } catch (stopped const&) {
            return 0;
        }
    }
    /// Stops the operation, if there is one.
    void ask() noexcept {
        if (block_ != nullptr && !pending()) {
            request(*block_, *this);
        }
    }

private:
    struct stopped {};
    void raise() override { throw stopped{}; }

    control_block* block_ = nullptr;
};

class protocol_connection final : public std::enable_shared_from_this<protocol_connection> {
public:
    enum class stage : std::uint8_t { open, closing, over };

    protocol_connection(any_stream stream, protocol_options const& options);

    /// Runs the protocol to its end; in the greenlet of the connection. Throws: what has ended that
    /// greenlet from outside.
    void run(std::shared_ptr<protocol> handler);
    /// Ends it, whether it has ever run or not.
    void abandon();
    /// In the child of a fork, closes the child's copy of its stream. Nobody is there to do that
    /// later, and the peer is the parent's. Switches: never.
    void leave_to_parent();
    /// Waits until `connection_made` has returned.
    void wait_made() { made_.wait(); }

    // What a transport does.
    void write(std::span<boost::asio::const_buffer const> parts);
    void write_eof();
    void drain();
    void pause_reading();
    void resume_reading();
    void set_marks(write_marks marks);
    void exchange_stream(stream_exchange change, deadline limit);
    void close();
    void abort();
    void wait_closed();

    bool is_closing() const noexcept { return stage_ != stage::open; }
    bool is_reading() const noexcept { return !is_closing() && !reading_paused_; }
    write_marks marks() const noexcept { return marks_; }
    std::size_t unsent() const noexcept { return unsent_; }
    std::optional<tcp_endpoint> const& local_endpoint() const noexcept { return local_; }
    std::optional<tcp_endpoint> const& remote_endpoint() const noexcept { return remote_; }
    any_stream& stream() noexcept { return stream_; }

private:
    void require_own_thread() const;
    template <typename F>
    void call(char const* name, F&& callback);
    template <typename F>
    void call_without_switch(char const* name, F&& callback);
    bool is_news_of_the_end() const;
    void fail(char const* name);

    void serve();
    void read_to_end(std::span<char> block);
    error_code read_once(std::span<char> block);
    bool wait_until_readable();
    void end_of_input();
    void conclude();
    void close_stream();

    void ensure_writer();
    void write_to_end();
    void send_some();
    void send_eof();
    void look_at_marks();
    void tell_of_pause();
    void note_ignored_write();

    void require_exchangeable() const;
    void wait_until_still(deadline limit);
    void change_stream(stream_exchange& change);
    void end_exchange() noexcept;

    void lose(std::exception_ptr reason, error_code error);
    void lose(error_code error);
    void end_stream();

    thread_record const* const home_;
    any_stream stream_;
    std::size_t const read_size_;
    std::chrono::nanoseconds const flush_limit_;
    std::size_t const stack_size_;
    write_marks marks_;
    std::optional<tcp_endpoint> local_;
    std::optional<tcp_endpoint> remote_;

    // There is one until `connection_lost` has returned.
    std::shared_ptr<protocol> handler_;
    stage stage_ = stage::open;
    // Why it is over: for `connection_lost`, and for those who drain.
    std::exception_ptr reason_;
    error_code error_;

    // What is to be written: `sending_` from `sent_` on, which the writer alone changes, then
    // `pending_`, then `held_`. Together they are `unsent_` bytes, unless the connection is over.
    std::string sending_;
    std::string pending_;
    // What was written while the stream is exchanged, and is for the new one.
    std::string held_;
    std::size_t sent_ = 0;
    std::size_t unsent_ = 0;
    int ignored_writes_ = 0;

    // What was read and not delivered: a part of the reader's block.
    std::string_view arrived_;
    // The reader is in a call of the stream.
    bool in_read_ = false;
    // The stream is being exchanged; and it was changed for another one.
    bool exchanging_ = false;
    bool changed_ = false;

    bool reading_paused_ = false;
    bool writing_paused_ = false;
    // `connection_made` has been called; and `pause_writing`, for this pause.
    bool begun_ = false;
    bool told_of_pause_ = false;
    bool input_has_ended_ = false;
    bool eof_received_ = false;
    bool eof_wanted_ = false;
    bool eof_sent_ = false;
    // When it became over, nothing that was written was dropped.
    bool all_has_left_ = false;

    task<void> writer_;
    std::optional<std::uint64_t> reader_id_;
    stop_of_operation stop_reading_;
    stop_of_operation stop_writing_;
    stop_of_operation stop_changing_;
    callback_handle flush_timer_;
    // What somebody waits for.
    event made_;
    event may_read_;
    event work_for_writer_;
    event may_write_;
    event still_;
    event exchanged_;
    event stream_over_;
    event lost_;
};

/// Belongs to one of the two tasks, which may be ended before its first turn.
struct end_of_task {
    end_of_task(
        std::shared_ptr<protocol_connection> named, void (protocol_connection::*tells)()) noexcept
        : of{std::move(named)},
          tell{tells} {}
    end_of_task(end_of_task&&) noexcept = default;
    ~end_of_task() {
        if (of != nullptr) {
            ((*of).*tell)();
        }
    }

    std::shared_ptr<protocol_connection> of;
    void (protocol_connection::*tell)();
};

/// Runs a protocol on a connection, in a task of its own.
void spawn_protocol(
    std::shared_ptr<protocol_connection> connection, std::shared_ptr<protocol> handler,
    std::size_t stack_size);

}  // namespace tendril::detail
