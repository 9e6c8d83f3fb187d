// SPDX-License-Identifier: BSL-1.0
//
// How a stream begins and ends: descriptors taken over and given away, options, half closes.
//
// Whoever waits is called off before the descriptor goes: Asio answers the operations under way
// with "aborted", later, from the loop, and they do not touch the descriptor any more. They look at
// the stage of their core, and find it closed (`must_retry`).
#include "stream_calls.hpp"

#include <tendril/hub/cancellation.hpp>
#include <tendril/net/stream_socket.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/support/system_calls.hpp>

#include <boost/asio/error.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

namespace tendril {
namespace detail {

void tear_down(stream_socket& stream, error_code& error) {
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

void stream_core::close() noexcept {
    if (stage != stream_stage::closed) {
        stage = stream_stage::closed;
        error_code ignored;
        socket->close(ignored);
    }
}

int stream_core::release(error_code& error) {
    int const descriptor = socket->release(error);
    error = without_place(error);
    if (error.failed()) {
        return -1;
    }
    stage = stream_stage::closed;
    return descriptor;
}

error_code stream_core::enter_child() {
    move_to(home.context());
    stream_stage const present = stage;
    error_code error;
    int const descriptor = release(error);
    if (!error.failed()) {
        socket.emplace(home.context());
        take(descriptor, family, error);
        stage = error.failed() ? stream_stage::closed : present;
    }
    return error;
}

void stream_core::take(int descriptor, int address_family, error_code& error) {
    scope_exit close_on_failure{[&] { kernel().close(descriptor); }};
    socket->assign(stream_protocol{address_family, 0}, descriptor, error);
    error = without_place(error);
    if (!error.failed()) {
        close_on_failure.dismiss();
        family = address_family;
    }
}

}  // namespace detail

using detail::stream_core;
using detail::stream_stage;

stream_socket& stream_socket::operator=(stream_socket&& other) noexcept {
    if (this != &other) {
        detail::end_handle(std::exchange(core_, std::exchange(other.core_, nullptr)));
    }
    return *this;
}

stream_socket::~stream_socket() { detail::end_handle(core_); }

void stream_socket::take_over(int descriptor, error_code& error) {
    scope_exit close_on_failure{[&] { kernel().close(descriptor); }};
    auto const made = new stream_core{this_hub()};
    scope_exit drop_on_failure{[&] { detail::end_handle(made); }};
    error = {};
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (kernel().getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
        error = detail::last_system_error();
        return;
    }
    // From here on the core closes it.
    close_on_failure.dismiss();
    made->take(descriptor, address.ss_family, error);
    if (error.failed()) {
        return;
    }
    made->socket->native_non_blocking(true, error);
    error = detail::without_place(error);
    if (error.failed()) {
        return;
    }
    if (address.ss_family != AF_UNIX) {
        int const on = 1;
        kernel().setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    drop_on_failure.dismiss();
    core_ = made;
}

// The kernel wakes whoever waits for a TCP stream, but not for room in a Unix stream. So they are
// all called off, and those whose direction is still open begin again.
void stream_socket::end_direction(int how, error_code& error) {
    if (!is_open()) {
        error = io_error(errc::closed);
        return;
    }
    detail::require_thread_of(core_->home);
    error = {};
    if (kernel().shutdown(core_->socket->native_handle(), how) != 0) {
        error = detail::last_system_error();
        return;
    }
    if (core_->reading || core_->writing) {
        error_code ignored;
        core_->socket->cancel(ignored);
    }
}

void stream_socket::shutdown_send(error_code& error) { end_direction(SHUT_WR, error); }
void stream_socket::shutdown_send() {
    error_code error;
    shutdown_send(error);
    detail::throw_if(error, "shutdown_send");
}

void stream_socket::shutdown_receive(error_code& error) { end_direction(SHUT_RD, error); }
void stream_socket::shutdown_receive() {
    error_code error;
    shutdown_receive(error);
    detail::throw_if(error, "shutdown_receive");
}

void stream_socket::shutdown_both(error_code& error) { end_direction(SHUT_RDWR, error); }
void stream_socket::shutdown_both() {
    error_code error;
    shutdown_both(error);
    detail::throw_if(error, "shutdown_both");
}

void stream_socket::close() {
    if (is_open()) {
        detail::require_thread_of(core_->home);
        core_->close();
    }
}

// What is still the parent's, in the child of a fork, has its options in common with the parent's
// descriptor, whose close would reset the connection.
void stream_socket::abort() {
    if (is_open()) {
        detail::require_thread_of(core_->home);
        if (core_->forks == forks_until_now()) {
            linger const at_once{.l_onoff = 1, .l_linger = 0};
            kernel().setsockopt(
                core_->socket->native_handle(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        }
        core_->close();
    }
}

int stream_socket::release() {
    if (!is_open()) {
        return -1;
    }
    detail::require_thread_of(core_->home);
    error_code error;
    int const descriptor = core_->release(error);
    detail::throw_if(error, "release");
    return descriptor;
}

bool stream_socket::is_open() const noexcept {
    return core_ != nullptr && core_->stage != stream_stage::closed;
}

int stream_socket::native_handle() const noexcept {
    return is_open() ? core_->socket->native_handle() : -1;
}

int stream_socket::family() const noexcept { return is_open() ? core_->family : AF_UNSPEC; }

void stream_socket::set_raw_option(
    int level, int name, void const* value, std::size_t size, error_code& error) {
    if (!is_open()) {
        error = io_error(errc::closed);
        return;
    }
    detail::require_thread_of(core_->home);
    int const descriptor = core_->socket->native_handle();
    bool const done = kernel().setsockopt(
                          descriptor, level, name, value, static_cast<socklen_t>(size)) == 0;
    error = done ? error_code{} : detail::last_system_error();
}

void stream_socket::get_raw_option(
    int level, int name, void* value, std::size_t& size, error_code& error) const {
    if (!is_open()) {
        error = io_error(errc::closed);
        return;
    }
    detail::require_thread_of(core_->home);
    auto given = static_cast<socklen_t>(size);
    bool const done = kernel().getsockopt(
                          core_->socket->native_handle(), level, name, value, &given) == 0;
    error = done ? error_code{} : detail::last_system_error();
    size = given;
}

// Somebody else may have closed it, and that is no reason to fail here.
void stream_socket::limit_reads(std::chrono::nanoseconds most) {
    if (is_open()) {
        detail::require_thread_of(core_->home);
        core_->read_limit = most;
    }
}

void stream_socket::limit_writes(std::chrono::nanoseconds most) {
    if (is_open()) {
        detail::require_thread_of(core_->home);
        core_->write_limit = most;
    }
}

stream_socket::executor_type stream_socket::get_executor() const {
    TENDRIL_REQUIRE(
        core_ != nullptr && core_->socket.has_value(),
        "a stream that was never connected, or whose hub is gone, has no executor");
    return core_->socket->get_executor();
}

}  // namespace tendril
