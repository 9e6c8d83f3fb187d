// SPDX-License-Identifier: BSL-1.0
//
// A call is made first, and what would block is waited for: the hub is told by the kernel when the
// descriptor is ready, and the call is made again. (The machinery of sockets does the same with
// Asio's reactor, which cannot watch a descriptor without making it non-blocking.)
//
// Invariants:
// 1. At most one greenlet is inside a read, and at most one inside a write (`direction_use`).
// 2. A wait can be left at once: the kernel holds no pointer into the frame of who waits.
// 3. Once an operation may have let others run, it looks at its core only, and at its descriptor
//    only while the core is open.
#include "descriptor_core.hpp"

#include <tendril/file/descriptor_stream.hpp>
#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/descriptor.hpp>
#include <tendril/io/pipe_signal.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/support/system_calls.hpp>

#include <boost/asio/error.hpp>

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <span>
#include <string>
#include <system_error>

namespace tendril {
namespace detail {
namespace {

// Waits for one direction of a descriptor. Returns false when the operation is over; `error` says
// why.
bool wait_for_descriptor(
    descriptor_core& core, bool to_write, call_limit& limit, error_code& error) {
    try {
        deadline const until = limit.moment();
        bool const ready = to_write ? wait_writable_until(core.descriptor, until)
                                    : wait_readable_until(core.descriptor, until);
        if (ready || core.stage == stream_stage::closed) {
            return true;
        }
        error = io_error(errc::timed_out);
    } catch (std::system_error const& failure) {
        if (core.stage == stream_stage::closed) {
            return true;
        }
        error = failure.code();
    }
    return false;
}

// What blocks is called only when it is ready. Returns false with EAGAIN when it is not.
bool may_be_called(descriptor_core const& core, short wanted) noexcept {
    if (core.mode != descriptor_mode::blocking) {
        return true;
    }
    pollfd asked{core.descriptor, wanted, 0};
    int const ready = kernel().poll(&asked, 1, 0);
    if (ready == 0) {
        errno = EAGAIN;
    }
    return ready > 0;
}

ssize_t read_now(descriptor_core const& core, iovec const* parts, std::size_t count) noexcept {
    if (!may_be_called(core, POLLIN)) {
        return -1;
    }
    if (core.mode == descriptor_mode::socket) {
        msghdr message{};
        message.msg_iov = const_cast<iovec*>(parts);
        message.msg_iovlen = count;
        return kernel().recvmsg(core.descriptor, &message, MSG_DONTWAIT);
    }
    return kernel().readv(core.descriptor, parts, static_cast<int>(count));
}

// A pipe that is ready has room for so many bytes; what else blocks here we cannot know.
ssize_t write_one_piece(descriptor_core const& core, iovec const& part) noexcept {
    iovec const piece{part.iov_base, std::min<std::size_t>(part.iov_len, PIPE_BUF)};
    return kernel().writev(core.descriptor, &piece, 1);
}

ssize_t write_now(descriptor_core const& core, iovec const* parts, std::size_t count) noexcept {
    if (!may_be_called(core, POLLOUT)) {
        return -1;
    }
    if (core.kind == descriptor_kind::socket) {
        msghdr message{};
        message.msg_iov = const_cast<iovec*>(parts);
        message.msg_iovlen = count;
        return kernel().sendmsg(core.descriptor, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    return without_pipe_signal([&]() -> ssize_t {
        return core.mode == descriptor_mode::blocking
            ? write_one_piece(core, *parts)
            : kernel().writev(core.descriptor, parts, static_cast<int>(count));
    });
}

std::size_t write_some_parts(
    descriptor_core& core, iovec const* parts, std::size_t count, call_limit& limit,
    error_code& error) {
    return call_when_ready(
        core, [&] { return write_now(core, parts, count); },
        [&] { return wait_for_descriptor(core, true, limit, error); }, error);
}

}  // namespace
}  // namespace detail

using detail::call_limit;
using detail::descriptor_core;

descriptor_stream& descriptor_stream::operator=(descriptor_stream&& other) noexcept {
    if (this != &other) {
        detail::end_handle(std::exchange(core_, std::exchange(other.core_, nullptr)));
    }
    return *this;
}

descriptor_stream::~descriptor_stream() { detail::end_handle(core_); }

descriptor_stream descriptor_stream::adopt(int descriptor, descriptor_options const& options) {
    error_code error;
    error_code unknown;
    descriptor_kind const kind = kind_of(descriptor, unknown);
    descriptor_stream adopted = adopt(descriptor, error, options);
    if (error.failed()) {
        throw system_error{
            error,
            "cannot make a stream of descriptor " + std::to_string(descriptor) +
                (unknown.failed() ? "" : ", " + std::string{name_of(kind)})};
    }
    return adopted;
}

descriptor_stream descriptor_stream::adopt(
    int descriptor, error_code& error, descriptor_options const& options) {
    descriptor_stream adopted;
    {
        scope_exit close_on_failure{[&] {
            if (!options.keep_open) {
                kernel().close(descriptor);
            }
        }};
        adopted.core_ = new descriptor_core{this_hub()};
        close_on_failure.dismiss();
    }
    error = {};
    adopted.core_->take(descriptor, options, error);
    return error.failed() ? descriptor_stream{} : std::move(adopted);
}

std::size_t descriptor_stream::read_parts(
    iovec const* parts, std::size_t count, error_code& error, deadline const* given) {
    check_interruption();
    error = detail::refusal(core_, &descriptor_core::reading);
    if (error.failed()) {
        return detail::end_at_once();
    }
    descriptor_core& core = *core_;
    detail::core_user<descriptor_core> const alive{core};
    detail::direction_use const reader{core.reading};
    call_limit limit{given, core.read_limit};
    std::size_t const size = detail::call_when_ready(
        core, [&] { return detail::read_now(core, parts, count); },
        [&] { return detail::wait_for_descriptor(core, false, limit, error); }, error);
    if (size == 0 && !error.failed()) {
        error = boost::asio::error::eof;
    }
    return size;
}

std::size_t descriptor_stream::write_once(
    iovec const* parts, std::size_t count, error_code& error) {
    return detail::write_some_with(core_, error, [&](descriptor_core& core, call_limit& limit) {
        return detail::write_some_parts(core, parts, count, limit, error);
    });
}

std::size_t descriptor_stream::write_all(
    detail::parts_source next, error_code& error, deadline const* given) {
    auto const write_parts = [&](descriptor_core& core, std::span<iovec> parts, call_limit& limit,
                                 std::uint64_t& written) {
        detail::write_to_end(
            core, parts, limit, written, error, [&](iovec const* from, std::size_t count) {
                return detail::write_some_parts(core, from, count, limit, error);
            });
    };
    return detail::write_all_with(core_, next, error, given, write_parts);
}

void descriptor_stream::shutdown_send(error_code& error) {
    if (!is_open()) {
        error = io_error(errc::closed);
        return;
    }
    detail::require_thread_of(core_->home);
    error = {};
    if (core_->kind == descriptor_kind::socket) {
        if (kernel().shutdown(core_->descriptor, SHUT_WR) != 0) {
            error = detail::last_system_error();
        }
    } else if (core_->access == O_WRONLY) {
        core_->close();
    } else {
        error = boost::asio::error::operation_not_supported;
    }
}

void descriptor_stream::shutdown_send() {
    error_code error;
    shutdown_send(error);
    detail::throw_if(error, "shutdown_send");
}

void descriptor_stream::close() {
    if (is_open()) {
        detail::require_thread_of(core_->home);
        core_->close();
    }
}

int descriptor_stream::release() {
    if (!is_open()) {
        return -1;
    }
    detail::require_thread_of(core_->home);
    return core_->release();
}

bool descriptor_stream::is_open() const noexcept {
    return core_ != nullptr && core_->stage != detail::stream_stage::closed;
}

int descriptor_stream::native_handle() const noexcept { return is_open() ? core_->descriptor : -1; }

descriptor_kind descriptor_stream::kind() const {
    detail::throw_if(is_open() ? error_code{} : io_error(errc::closed), "kind");
    return core_->kind;
}

descriptor_stream::executor_type descriptor_stream::get_executor() const {
    TENDRIL_REQUIRE(
        core_ != nullptr && core_->belongs_to_hub(),
        "a stream that was never open, or whose hub is gone, has no executor");
    return core_->home.context().get_executor();
}

void descriptor_stream::limit_reads(std::chrono::nanoseconds most) {
    if (is_open()) {
        detail::require_thread_of(core_->home);
        core_->read_limit = most;
    }
}

void descriptor_stream::limit_writes(std::chrono::nanoseconds most) {
    if (is_open()) {
        detail::require_thread_of(core_->home);
        core_->write_limit = most;
    }
}

}  // namespace tendril
