// SPDX-License-Identifier: BSL-1.0
//
// Reading and writing are tried first, and waited for where there is nothing, or no room.
//
// Invariants:
// 1. At most one greenlet reads an end, and at most one writes to it: a second one gets `busy`.
// 2. Once an operation may have let others run, it looks at its end only: the stream may be gone,
//    and its descriptor may be somebody else's.
#include "owned_descriptor.hpp"

#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/descriptor.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/io/stream_state.hpp>
#include <tendril/process/child_stream.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/error.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/support/system_calls.hpp>

#include <boost/asio/error.hpp>

#include <signal.h>
#include <sys/types.h>

#include <cerrno>
#include <cstdint>
#include <ctime>
#include <exception>
#include <memory>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

namespace tendril {
namespace detail {

struct pipe_end {
    explicit pipe_end(owned_descriptor given) noexcept : descriptor{std::move(given)} {}

    owned_descriptor descriptor;
    std::thread::id const thread = std::this_thread::get_id();
    std::chrono::nanoseconds read_limit = std::chrono::nanoseconds::max();
    std::chrono::nanoseconds write_limit = std::chrono::nanoseconds::max();
    bool reading = false;
    bool writing = false;
    // A write was left half way.
    bool broken = false;
};

namespace {

enum class way : std::uint8_t { in, out };

error_code last_error_of_pipe() noexcept {
    return error_code{errno, boost::system::system_category()};
}

// No flag keeps a write to a pipe from raising SIGPIPE, which would end the program: the signal is
// blocked during the call, and taken away when it has come. A program that blocks it keeps it.
ssize_t write_without_signal(int descriptor, void const* data, std::size_t size) noexcept {
    sigset_t pipe;
    sigset_t before;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe, &before);
    ssize_t const written = kernel().write(descriptor, data, size);
    int const reason = errno;
    if (sigismember(&before, SIGPIPE) == 0) {
        if (written < 0 && reason == EPIPE) {
            timespec const at_once{};
            ::sigtimedwait(&pipe, nullptr, &at_once);
        }
        ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    }
    errno = reason;
    return written;
}

// Waits until an end is ready. Returns false when the call is over; `error` says why.
bool wait_for_end(pipe_end& end, way direction, deadline limit, error_code& error) {
    int const descriptor = end.descriptor.get();
    try {
        bool const ready = direction == way::in ? wait_readable_until(descriptor, limit)
                                                : wait_writable_until(descriptor, limit);
        error = ready ? error_code{} : io_error(errc::timed_out);
    } catch (std::system_error const& failed) {
        error = failed.code() == std::errc::operation_canceled ? io_error(errc::closed)
                                                               : error_code{failed.code()};
    }
    if (!error.failed() && !end.descriptor) {
        error = io_error(errc::closed);
    }
    return !error.failed();
}

// Makes a call on an end until it has done something. Returns what it has done.
template <typename Call>
std::size_t do_when_ready(
    pipe_end& end, way direction, deadline const* given, error_code& error, Call&& call) {
    std::chrono::nanoseconds const each = direction == way::in ? end.read_limit : end.write_limit;
    std::optional<deadline> limit;
    while (true) {
        ssize_t const done = call(end.descriptor.get());
        if (done >= 0) {
            account_for_success(this_hub());
            return static_cast<std::size_t>(done);
        }
        if (errno == EINTR) {
            continue;
        }
        if (errno != EAGAIN && errno != EWOULDBLOCK) {
            error = last_error_of_pipe();
            return end_at_once();
        }
        if (!limit) {
            limit = given != nullptr ? *given : deadline::after(each);
        }
        if (!wait_for_end(end, direction, *limit, error)) {
            return 0;
        }
    }
}

// Says why an operation cannot begin, if it cannot.
error_code refusal_of_pipe(pipe_end const* end, bool pipe_end::*direction) {
    if (end == nullptr || !end->descriptor) {
        return io_error(errc::closed);
    }
    TENDRIL_REQUIRE_AS(
        wrong_thread, end->thread == std::this_thread::get_id(),
        "the streams of a child are used on the thread that has started it");
    return end->*direction ? io_error(errc::busy) : error_code{};
}

}  // namespace
}  // namespace detail

using detail::pipe_end;
using detail::way;

child_stream child_stream::adopt(int descriptor) {
    detail::owned_descriptor owned{descriptor};
    child_stream made;
    made.end_ = std::make_shared<pipe_end>(std::move(owned));
    return made;
}

std::size_t child_stream::read_once(
    boost::asio::mutable_buffer into, error_code& error, deadline const* limit) {
    check_interruption();
    error = detail::refusal_of_pipe(end_.get(), &pipe_end::reading);
    if (error.failed()) {
        return detail::end_at_once();
    }
    auto const end = end_;
    end->reading = true;
    scope_exit const over{[&] { end->reading = false; }};
    std::size_t const got = detail::do_when_ready(*end, way::in, limit, error, [&](int descriptor) {
        return kernel().read(descriptor, into.data(), into.size());
    });
    if (got == 0 && !error.failed()) {
        error = boost::asio::error::eof;
    }
    return got;
}

std::size_t child_stream::write_once(
    boost::asio::const_buffer from, error_code& error, deadline const* limit) {
    check_interruption();
    error = detail::refusal_of_pipe(end_.get(), &pipe_end::writing);
    if (!error.failed() && end_->broken) {
        error = io_error(errc::broken);
    }
    if (error.failed()) {
        return detail::end_at_once();
    }
    auto const end = end_;
    end->writing = true;
    scope_exit const over{[&] { end->writing = false; }};
    return detail::do_when_ready(*end, way::out, limit, error, [&](int descriptor) {
        return detail::write_without_signal(descriptor, from.data(), from.size());
    });
}

std::size_t child_stream::write_whole(
    boost::asio::const_buffer from, error_code& error, deadline const* given, bool begun) {
    if (from.size() == 0) {
        return 0;
    }
    auto const end = end_;
    bool done = false;
    scope_exit const judge{[&] {
        if (!done && begun && end) {
            end->broken = true;
        }
    }};
    // The limit is for all of it.
    std::optional<deadline> limit;
    if (given != nullptr) {
        limit = *given;
    } else if (end && end->write_limit != std::chrono::nanoseconds::max()) {
        limit = deadline::after(end->write_limit);
    }
    std::size_t written = 0;
    while (written < from.size() && !error.failed()) {
        written += write_once(from + written, error, limit ? &*limit : nullptr);
        begun = begun || written > 0;
    }
    done = error != errc::timed_out;
    return written;
}

void child_stream::limit_reads(std::chrono::nanoseconds each) noexcept {
    if (end_) {
        end_->read_limit = each;
    }
}

void child_stream::limit_writes(std::chrono::nanoseconds each) noexcept {
    if (end_) {
        end_->write_limit = each;
    }
}

void child_stream::shutdown_send(error_code& error) {
    error = is_open() ? error_code{} : io_error(errc::closed);
    close();
}

void child_stream::shutdown_send() {
    error_code error;
    shutdown_send(error);
    detail::throw_if(error, "shutdown_send");
}

void child_stream::close() noexcept {
    if (!is_open()) {
        return;
    }
    if (end_->reading || end_->writing) {
        call_off_waits(end_->descriptor.get());
    }
    end_->descriptor.reset();
}

bool child_stream::is_open() const noexcept { return end_ && end_->descriptor; }

int child_stream::native_handle() const noexcept { return end_ ? end_->descriptor.get() : -1; }

child_stream::executor_type child_stream::get_executor() const {
    return this_hub().context().get_executor();
}

}  // namespace tendril
