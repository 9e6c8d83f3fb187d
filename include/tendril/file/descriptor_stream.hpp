// SPDX-License-Identifier: BSL-1.0
#pragma once

// Any descriptor that can be waited for, as a stream: a pipe, a FIFO, a terminal, a socket of any
// family, a device.
//
//     auto input = tendril::descriptor_stream::standard_input();
//     tendril::buffered_reader reader{input};
//     for (std::string const& line : reader.lines()) { … }
//
//     auto modem = tendril::descriptor_stream::adopt(::open("/dev/ttyS0", O_RDWR | O_NOCTTY));
//
// It is a `byte_stream` with limits; rules and errors are those of stream_socket.hpp:
// `errc::closed`, `errc::busy`, `errc::broken`, `errc::timed_out`, `asio::error::eof`. An end that
// goes one way only says "bad file descriptor" in the other. Writing where nobody reads is the
// error `broken_pipe`, never a signal. A regular file, a folder or a block device is refused with
// `errc::wrong_kind`: the kernel calls them ready and blocks; they are for `file`.
//
// Blocking or not is no property of a descriptor but of what the kernel has behind it, which other
// processes share: the shell has the same terminal, and a program that is written for standard
// input that blocks breaks when it does not. So a stream leaves that alone unless it is asked:
//
//     what is adopted                          what the stream does
//     already non-blocking                     uses it as it is
//     a socket                                 says "do not wait" with each call
//     a pipe, a FIFO, a terminal               opens it anew for itself, non-blocking
//     what cannot be opened anew, or else      asks whether it is ready, then makes a call that
//                                              blocks when somebody else was faster
//     anything, with `set_nonblocking`         sets the mode, for everybody who shares it
//
// Read next: pipe.hpp; lib/file/descriptor_stream.cpp.

#include <tendril/file/descriptor_kind.hpp>
#include <tendril/hub/deadline.hpp>
#include <tendril/io/abi_lock.hpp>
#include <tendril/io/error.hpp>
#include <tendril/io/stream_parts.hpp>

#include <boost/asio/io_context.hpp>

#include <sys/uio.h>

#include <chrono>
#include <cstddef>
#include <utility>

namespace tendril {

namespace detail {
class descriptor_core;
}

/// How a descriptor is taken over.
struct descriptor_options {
    /// Makes what the kernel has behind the descriptor non-blocking, for everybody who shares it.
    bool set_nonblocking = false;
    /// Opens a pipe or a terminal anew, rather than make calls that may block.
    bool open_anew = true;
    /// Leaves the descriptor open when the stream closes: it belongs to somebody else.
    bool keep_open = false;
};

class descriptor_stream : public detail::gathered_stream_forms<descriptor_stream> {
public:
    using executor_type = boost::asio::io_context::executor_type;
    using lowest_layer_type = descriptor_stream;

    /// Makes a stream that is not open: every operation says `errc::closed`.
    descriptor_stream() noexcept = default;
    descriptor_stream(descriptor_stream&& other) noexcept
        : core_{std::exchange(other.core_, nullptr)} {}
    /// Closes the stream that was there. Switches: never.
    descriptor_stream& operator=(descriptor_stream&& other) noexcept;

    /// Closes it. Must happen on the hub's thread, or after the hub has gone: elsewhere it ends the
    /// program. Switches: never.
    ~descriptor_stream();

    /// Takes a descriptor over, which keeps its number. On failure it is closed, unless it is to be
    /// kept open. Throws: system_error, naming the descriptor and its kind; std::bad_alloc.
    /// Switches: never.
    static descriptor_stream adopt(int descriptor, descriptor_options const& options = {});
    static descriptor_stream adopt(
        int descriptor, error_code& error, descriptor_options const& options = {});

    /// The streams that the program was started with. They stay open for whoever else uses them.
    /// Throws: system_error, also with `errc::wrong_kind` when one was redirected to a regular
    /// file: `kind_of` tells beforehand. Switches: never.
    static descriptor_stream standard_input() { return adopt(0, {.keep_open = true}); }
    static descriptor_stream standard_output() { return adopt(1, {.keep_open = true}); }
    static descriptor_stream standard_error() { return adopt(2, {.keep_open = true}); }

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

    /// Ends the direction to write: a socket half way; what can be written to only is closed, so
    /// that the reader of a pipe comes to its end. Anything else has no half to end, and the error
    /// is `operation_not_supported`. Throws: wrong_thread. Switches: never. Thread: hub.
    void shutdown_send(error_code& error);
    void shutdown_send();

    /// Closes it and wakes whoever reads or writes with `errc::closed`. A second call does nothing.
    /// Throws: wrong_thread. Switches: never. Thread: hub.
    void close();

    /// Gives the descriptor away, which stays open, and wakes whoever reads or writes with
    /// `errc::closed`. Returns it, as it was given, or -1 when the stream is not open.
    /// Throws: wrong_thread. Switches: never. Thread: hub.
    int release();

    /// Says whether it is open. Switches: never.
    bool is_open() const noexcept;

    /// The descriptor that it uses, or -1. It stays the stream's; for one that is kept open it may
    /// be another number than was given. Switches: never.
    int native_handle() const noexcept;

    /// What it stands for. Throws: system_error with errc::closed. Switches: never.
    descriptor_kind kind() const;

    /// For code that is written for Asio's layers. Throws: misuse when it was never open.
    /// Switches: never.
    executor_type get_executor() const;
    lowest_layer_type& lowest_layer() noexcept { return *this; }
    lowest_layer_type const& lowest_layer() const noexcept { return *this; }

private:
    friend gathered_stream_forms;

    std::size_t read_parts(
        iovec const* parts, std::size_t count, error_code& error, deadline const* limit);
    std::size_t write_once(iovec const* parts, std::size_t count, error_code& error);
    std::size_t write_all(detail::parts_source next, error_code& error, deadline const* limit);
    void limit_reads(std::chrono::nanoseconds most);
    void limit_writes(std::chrono::nanoseconds most);

    detail::descriptor_core* core_ = nullptr;
};

}  // namespace tendril
