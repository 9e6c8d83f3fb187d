// SPDX-License-Identifier: BSL-1.0
#pragma once

// This process's end of a pipe to or from a child.
//
//     child.input().write(boost::asio::buffer(text));
//     child.input().close();                              // the child reads its end of file
//     auto size = child.output().read_some(boost::asio::buffer(data));
//
// It is a `byte_stream` that goes one way: an end to write to cannot be read from, and the other
// way round; the system says "bad file descriptor". Writing to a child that reads no more is the
// error `std::errc::broken_pipe`, and no signal. The child's own end blocks as programs expect.
//
// `read_some_for`, `write_until` and the like are declared in io/stream.hpp.

#include <tendril/hub/deadline.hpp>
#include <tendril/io/abi_lock.hpp>
#include <tendril/io/error.hpp>
#include <tendril/io/stream.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <utility>

namespace tendril {

namespace detail {
struct pipe_end;
}

class child_stream : public limited_stream_forms<child_stream> {
public:
    using executor_type = boost::asio::io_context::executor_type;
    using lowest_layer_type = child_stream;

    /// Makes a stream that is not open: every operation says `errc::closed`.
    child_stream() noexcept = default;
    child_stream(child_stream&&) noexcept = default;
    child_stream& operator=(child_stream&& other) noexcept {
        child_stream old{std::move(*this)};
        end_ = std::move(other.end_);
        return *this;
    }
    /// Closes it. Switches: never. Thread: hub.
    ~child_stream() { close(); }

    /// Takes over an end of a pipe, which must be non-blocking. Throws: std::bad_alloc, and then it
    /// is closed. Switches: never.
    static child_stream adopt(int descriptor);

    /// From the next call on, each read waits so long at most, and each write takes so long at
    /// most; a duration that is too long for the clock is no limit. Does nothing when it is not
    /// open. Switches: never.
    template <typename Rep, typename Period>
    void set_read_limit(std::chrono::duration<Rep, Period> const& duration) {
        limit_reads(detail::saturated(duration));
    }
    template <typename Rep, typename Period>
    void set_write_limit(std::chrono::duration<Rep, Period> const& duration) {
        limit_writes(detail::saturated(duration));
    }

    /// Closes an end to write to: the other side reads end of file. Throws: wrong_thread.
    /// Switches: never.
    void shutdown_send(error_code& error);
    void shutdown_send();

    /// Closes it and wakes whoever reads or writes with `errc::closed`. A second call does nothing.
    /// Switches: never. Thread: hub.
    void close() noexcept;

    /// Says whether it is open. Switches: never.
    bool is_open() const noexcept;

    /// The descriptor, or -1. It stays the stream's. Switches: never.
    int native_handle() const noexcept;

    /// For code that is written for Asio's layers. Switches: never.
    executor_type get_executor() const;
    lowest_layer_type& lowest_layer() noexcept { return *this; }
    lowest_layer_type const& lowest_layer() const noexcept { return *this; }

private:
    friend class stream_forms<child_stream>;
    friend class limited_stream_forms<child_stream>;

    template <typename MutableBuffers>
    std::size_t read_into(
        MutableBuffers const& buffers, error_code& error, deadline const* limit = nullptr) {
        error = {};
        auto const end = boost::asio::buffer_sequence_end(buffers);
        for (auto at = boost::asio::buffer_sequence_begin(buffers); at != end; ++at) {
            boost::asio::mutable_buffer const each{*at};
            if (each.size() > 0) {
                return read_once(each, error, limit);
            }
        }
        return 0;
    }
    template <typename ConstBuffers>
    std::size_t write_part_of(ConstBuffers const& buffers, error_code& error) {
        error = {};
        auto const end = boost::asio::buffer_sequence_end(buffers);
        for (auto at = boost::asio::buffer_sequence_begin(buffers); at != end; ++at) {
            boost::asio::const_buffer const each{*at};
            if (each.size() > 0) {
                return write_once(each, error, nullptr);
            }
        }
        return 0;
    }
    template <typename ConstBuffers>
    std::size_t write_all_of(
        ConstBuffers const& buffers, error_code& error, deadline const* limit = nullptr) {
        error = {};
        std::size_t written = 0;
        auto const end = boost::asio::buffer_sequence_end(buffers);
        for (auto at = boost::asio::buffer_sequence_begin(buffers); at != end; ++at) {
            written += write_whole(boost::asio::const_buffer{*at}, error, limit, written > 0);
            if (error.failed()) {
                break;
            }
        }
        return written;
    }

    std::size_t read_once(
        boost::asio::mutable_buffer into, error_code& error, deadline const* limit);
    std::size_t write_once(
        boost::asio::const_buffer from, error_code& error, deadline const* limit);
    std::size_t write_whole(
        boost::asio::const_buffer from, error_code& error, deadline const* limit, bool begun);
    void limit_reads(std::chrono::nanoseconds each) noexcept;
    void limit_writes(std::chrono::nanoseconds each) noexcept;

    // Shared with whoever is inside an operation, for the stream may go meanwhile.
    std::shared_ptr<detail::pipe_end> end_;
};

}  // namespace tendril
