// SPDX-License-Identifier: BSL-1.0
//
// How a read goes, and what it costs:
// * After a read that filled its buffer there is probably more, so the next one calls `recv`
//   itself. After a short read there is probably nothing yet: the peer waits for an answer, or has
//   just got one. A `recv` would be in vain, and costs more than a hundred switches. So whoever
//   else is ready goes first, and then the `recv` finds data more often than not.
// * When nobody is ready, or there is no data after all, the greenlet parks, and Asio's reactor
//   does the `recv` when the descriptor is ready. (Asio tries once more before it waits.)
// * A read does not use `async_wait`: Asio re-arms the descriptor for it with a system call each
//   time. (With another table of system calls it does; see `read_by_readiness`.)
// * A write goes to `send` directly and parks only when the kernel's buffer is full.
//
// Invariants:
// 1. At most one greenlet is inside a read, and at most one inside a write (`direction_use`).
// 2. An operation that was started is seen to its end before its frame goes (io_operation).
// 3. A closed core starts nothing.
// 4. Once an operation may have let others run, it looks at its core only: the stream may be gone,
//    or have another connection.
#include "socket_operation.hpp"
#include "tcp_core.hpp"

#include <tendril/hub/cancellation.hpp>
#include <tendril/net/tcp_stream.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/support/system_calls.hpp>

#include <boost/asio/error.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace tendril {
namespace detail {
namespace {

using stream_operation = socket_operation<plain_socket>;

bool would_block(int error) noexcept { return error == EAGAIN || error == EWOULDBLOCK; }

// Says why an operation on `core` cannot begin, if it cannot.
error_code refusal(tcp_core const* core, bool tcp_core::*direction) {
    if (core == nullptr || core->stage == stream_stage::closed) {
        return io_error(errc::closed);
    }
    require_thread_of(core->home);
    return core->*direction ? io_error(errc::busy) : error_code{};
}

// What Asio's "operation aborted" means for us: nothing, when only the other direction was meant.
// Throws what the greenlet was interrupted for.
bool must_retry(tcp_core const& core, stream_operation const& ended, error_code& error) {
    error = ended.error();
    if (error != boost::asio::error::operation_aborted) {
        return false;
    }
    if (core.stage == stream_stage::closed) {
        error = io_error(errc::closed);
        return false;
    }
    check_interruption();
    return true;
}

// Reads by ourselves. Returns whether the call is over with that.
bool read_directly(
    tcp_core& core, void* data, std::size_t size, std::size_t& read, error_code& error) {
    ssize_t got = 0;
    do {
        got = kernel().recv(core.socket->native_handle(), data, size, 0);
    } while (got < 0 && errno == EINTR);
    if (got < 0 && would_block(errno)) {
        core.more_is_likely = false;
        return false;
    }
    if (got < 0) {
        error = last_system_error();
    } else if (got == 0) {
        error = boost::asio::error::eof;
    } else {
        read = static_cast<std::size_t>(got);
        core.more_is_likely = read == size;
        account_for_success(core.home);
    }
    return true;
}

// Lets those run who are ready, if there are any. Returns whether there were.
bool let_others_go_first(tcp_core const& core) {
    if (!core.home.others_are_ready() || !core.home.may_park()) {
        return false;
    }
    core.home.leave_ready();
    return true;
}

std::size_t read_in_reactor(tcp_core& core, void* data, std::size_t size, error_code& error) {
    while (true) {
        stream_operation reading{*core.socket, "data from a stream"};
        core.socket->async_receive(boost::asio::mutable_buffer{data, size}, reading.completion());
        reading.await();
        if (!must_retry(core, reading, error)) {
            // Asio would wait for news after the end, and there is none: the next read asks itself.
            core.more_is_likely = reading.size() == size || error.failed();
            return reading.size();
        }
    }
}

// With another table of system calls in place, Asio is asked for readiness only, so that every read
// goes through the table.
std::size_t read_by_readiness(tcp_core& core, void* data, std::size_t size, error_code& error) {
    std::size_t read = 0;
    while (true) {
        error = core.stage == stream_stage::closed ? io_error(errc::closed) : error_code{};
        if (error.failed() || read_directly(core, data, size, read, error)) {
            return read;
        }
        stream_operation ready{*core.socket, "data from a stream"};
        core.socket->async_wait(plain_socket::wait_read, ready.completion());
        ready.await();
        if (!must_retry(core, ready, error) && error.failed()) {
            return 0;
        }
    }
}

// Waits until there is room in the kernel's buffer. Returns whether there is; else `error` says
// why.
bool wait_for_room(tcp_core& core, error_code& error) {
    while (true) {
        stream_operation ready{*core.socket, "room to write to a stream"};
        core.socket->async_wait(plain_socket::wait_write, ready.completion());
        ready.await();
        if (!must_retry(core, ready, error)) {
            return !error.failed();
        }
    }
}

ssize_t send_parts(int descriptor, iovec const* parts, std::size_t count) noexcept {
    if (count == 1) {
        return kernel().send(descriptor, parts->iov_base, parts->iov_len, MSG_NOSIGNAL);
    }
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(parts);
    message.msg_iovlen = count;
    return kernel().sendmsg(descriptor, &message, MSG_NOSIGNAL);
}

std::size_t send_some(tcp_core& core, iovec const* parts, std::size_t count, error_code& error) {
    while (core.stage != stream_stage::closed) {
        ssize_t const sent = send_parts(core.socket->native_handle(), parts, count);
        if (sent >= 0) {
            account_for_success(core.home);
            return static_cast<std::size_t>(sent);
        }
        if (errno == EINTR) {
            continue;
        }
        if (!would_block(errno)) {
            error = last_system_error();
            return 0;
        }
        if (!wait_for_room(core, error)) {
            return 0;
        }
    }
    error = io_error(errc::closed);
    return 0;
}

std::size_t write_once(tcp_core* maybe, iovec const* parts, std::size_t count, error_code& error) {
    check_interruption();
    error = refusal(maybe, &tcp_core::writing);
    if (!error.failed() && maybe->stage == stream_stage::broken) {
        error = io_error(errc::broken);
    }
    if (error.failed()) {
        return 0;
    }
    tcp_core& core = *maybe;
    core_user<tcp_core> const alive{core};
    direction_use const writer{core.writing};
    return send_some(core, parts, count, error);
}

// Steps over what has been written.
void advance(iovec*& parts, std::size_t& count, std::size_t written) noexcept {
    while (count > 0 && written >= parts->iov_len) {
        written -= parts->iov_len;
        ++parts;
        --count;
    }
    if (count > 0) {
        parts->iov_base = static_cast<char*>(parts->iov_base) + written;
        parts->iov_len -= written;
    }
}

// Writes some parts to their end. Adds to `written`, which is right even when this throws.
void write_parts_to_end(
    tcp_core& core, iovec* parts, std::size_t count, std::size_t& written, error_code& error) {
    while (count > 0) {
        std::size_t const sent = write_once(&core, parts, count, error);
        if (error.failed()) {
            return;
        }
        written += sent;
        advance(parts, count, sent);
    }
}

// Asio's own `open` would leave the descriptor to every child process.
error_code open_socket(tcp_core& core, boost::asio::ip::tcp const& protocol) {
    int const descriptor = kernel().socket(
        protocol.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) {
        return last_system_error();
    }
    error_code error;
    core.socket->assign(protocol, descriptor, error);
    if (error.failed()) {
        kernel().close(descriptor);
    }
    return without_place(error);
}

}  // namespace

void require_thread_of(hub const& home) {
    TENDRIL_REQUIRE_AS(
        wrong_thread, &home.thread() == &this_thread(),
        "this stream belongs to another thread: use it there; to hand a connection over, release "
        "its descriptor and adopt it on the other side");
}

void destroyed_on_another_thread() noexcept {
    std::fputs(
        "tendril: a stream or listener was destroyed on another thread than its hub's, where its "
        "descriptor cannot be closed: destroy it at home, for example in a posted function\n",
        stderr);
    std::abort();
}

// Asio answers the operations under way with "aborted", later, from the loop; the descriptor is
// closed at once, and they do not touch it any more.
void tcp_core::close() noexcept {
    if (stage != stream_stage::closed) {
        stage = stream_stage::closed;
        error_code ignored;
        socket->close(ignored);
    }
}

}  // namespace detail

using detail::core_user;
using detail::direction_use;
using detail::stream_stage;
using detail::tcp_core;

std::size_t tcp_stream::read_once(void* data, std::size_t size, error_code& error) {
    check_interruption();
    error = detail::refusal(core_, &tcp_core::reading);
    if (error.failed()) {
        return 0;
    }
    core_user<tcp_core> const alive{*core_};
    tcp_core& core = *core_;
    direction_use const reader{core.reading};
    if (kernel_is_replaced()) {
        return detail::read_by_readiness(core, data, size, error);
    }
    if (core.more_is_likely || detail::let_others_go_first(core)) {
        std::size_t read = 0;
        error = core.stage == stream_stage::closed ? io_error(errc::closed) : error_code{};
        if (error.failed() || detail::read_directly(core, data, size, read, error)) {
            return read;
        }
        deliver_interruption();
    }
    return detail::read_in_reactor(core, data, size, error);
}

std::size_t tcp_stream::write_once(iovec const* parts, std::size_t count, error_code& error) {
    return detail::write_once(core_, parts, count, error);
}

std::size_t tcp_stream::write_all(detail::parts_source next, error_code& error) {
    check_interruption();
    detail::write_parts parts;
    std::size_t count = next(parts);
    if (count == 0) {
        return nothing_to_do(error);
    }
    error = detail::refusal(core_, &tcp_core::writing);
    if (error.failed()) {
        return 0;
    }
    tcp_core& core = *core_;
    core_user<tcp_core> const alive{core};
    std::size_t written = 0;
    scope_exit const judge{[&, before = std::uncaught_exceptions()] {
        bool const interrupted = std::uncaught_exceptions() > before;
        if (interrupted && written > 0 && core.stage == stream_stage::open) {
            core.stage = stream_stage::broken;
        }
    }};
    while (count > 0 && !error.failed()) {
        detail::write_parts_to_end(core, parts.data(), count, written, error);
        count = next(parts);
    }
    return written;
}

tcp_stream& tcp_stream::operator=(tcp_stream&& other) noexcept {
    if (this != &other) {
        tcp_stream const old{std::move(*this)};
        core_ = std::exchange(other.core_, nullptr);
    }
    return *this;
}

tcp_stream::~tcp_stream() { detail::end_handle(core_); }

tcp_stream tcp_stream::connect(tcp_endpoint const& peer) {
    error_code error;
    tcp_stream connected = connect(peer, error);
    if (error.failed()) {
        throw system_error{error, "cannot connect to " + to_string(peer)};
    }
    return connected;
}

tcp_stream tcp_stream::connect(tcp_endpoint const& peer, error_code& error) {
    check_interruption();
    tcp_stream made{*new tcp_core{this_hub()}};
    tcp_core& core = *made.core_;
    error = detail::open_socket(core, peer.protocol());
    if (error.failed()) {
        return {};
    }
    detail::stream_operation connecting{*core.socket, "a connection"};
    core.socket->async_connect(peer, connecting.completion());
    connecting.await();
    error = connecting.error();
    if (error.failed()) {
        // An attempt that was asked to stop is over; there is nothing to try again.
        deliver_interruption();
        return {};
    }
    error_code ignored;
    core.socket->set_option(boost::asio::ip::tcp::no_delay{true}, ignored);
    return made;
}

tcp_stream tcp_stream::adopt(int descriptor) {
    error_code error;
    tcp_stream adopted = adopt(descriptor, error);
    detail::throw_if(error, "cannot adopt a descriptor as a TCP stream");
    return adopted;
}

tcp_stream tcp_stream::adopt(int descriptor, error_code& error) {
    using boost::asio::ip::tcp;
    scope_exit close_on_failure{[&] { kernel().close(descriptor); }};
    tcp_stream made{*new tcp_core{this_hub()}};
    detail::plain_socket& socket = *made.core_->socket;
    error = {};
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (kernel().getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
        error = detail::last_system_error();
        return {};
    }
    socket.assign(address.ss_family == AF_INET6 ? tcp::v6() : tcp::v4(), descriptor, error);
    error = detail::without_place(error);
    if (error.failed()) {
        return {};
    }
    // From here on the socket closes it.
    close_on_failure.dismiss();
    socket.native_non_blocking(true, error);
    error = detail::without_place(error);
    if (error.failed()) {
        return {};
    }
    int const on = 1;
    kernel().setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return made;
}

void tcp_stream::shutdown_send(error_code& error) {
    if (!is_open()) {
        error = io_error(errc::closed);
        return;
    }
    detail::require_thread_of(core_->home);
    core_->socket->shutdown(boost::asio::socket_base::shutdown_send, error);
    error = detail::without_place(error);
}

void tcp_stream::shutdown_send() {
    error_code error;
    shutdown_send(error);
    detail::throw_if(error, "shutdown_send");
}

void tcp_stream::close() {
    if (is_open()) {
        detail::require_thread_of(core_->home);
        core_->close();
    }
}

bool tcp_stream::is_open() const noexcept {
    return core_ != nullptr && core_->stage != stream_stage::closed;
}

tcp_endpoint tcp_stream::local_endpoint() const {
    error_code error = io_error(errc::closed);
    tcp_endpoint const address = is_open() ? core_->socket->local_endpoint(error) : tcp_endpoint{};
    detail::throw_if(error, "local_endpoint");
    return address;
}

tcp_endpoint tcp_stream::remote_endpoint() const {
    error_code error = io_error(errc::closed);
    tcp_endpoint const address = is_open() ? core_->socket->remote_endpoint(error) : tcp_endpoint{};
    detail::throw_if(error, "remote_endpoint");
    return address;
}

int tcp_stream::native_handle() const noexcept {
    return is_open() ? core_->socket->native_handle() : -1;
}

tcp_stream::executor_type tcp_stream::get_executor() const {
    TENDRIL_REQUIRE(
        core_ != nullptr && core_->socket.has_value(),
        "a stream that was never connected, or whose hub is gone, has no executor");
    return core_->socket->get_executor();
}

void teardown(boost::beast::role_type, tcp_stream& stream, error_code& error) {
    stream.shutdown_send(error);
    std::array<char, 2048> ignored;
    while (!error.failed()) {
        stream.read_some(boost::asio::buffer(ignored), error);
    }
    if (error == boost::asio::error::eof) {
        error = {};
    }
    stream.close();
}

}  // namespace tendril
