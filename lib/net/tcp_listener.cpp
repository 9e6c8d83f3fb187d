// SPDX-License-Identifier: BSL-1.0
//
// `accept4` is called directly and made to give up only when nobody waits: a server that takes one
// connection a turn falls behind when thousands come at once. Asio is asked for readiness only. Its
// own accept would try again and again, at full speed, when the process is out of descriptors.
#include "socket_operation.hpp"
#include "tcp_core.hpp"

#include <tendril/hub/cancellation.hpp>
#include <tendril/net/resolver.hpp>
#include <tendril/net/tcp_listener.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/support/system_calls.hpp>

#include <boost/asio/error.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace tendril {
namespace {

using boost::asio::ip::tcp;
using detail::core_user;
using detail::listener_core;
using detail::stream_stage;

using accept_operation = detail::socket_operation<detail::plain_acceptor>;

// A connection that failed before it was accepted; the next one may be fine.
bool concerns_one_connection(int error) noexcept {
    switch (error) {
    case ECONNABORTED:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
    case EINTR:
    case EPERM:
        return true;
    default:
        return false;
    }
}

// Opens, binds and listens. Returns the descriptor, or -1 with `errno`.
int listen_at(tcp_endpoint const& endpoint, listen_options const& options) {
    int const descriptor = kernel().socket(
        endpoint.protocol().family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) {
        return -1;
    }
    scope_exit close_on_failure{[&] {
        int const reason = errno;
        kernel().close(descriptor);
        errno = reason;
    }};
    int const on = 1;
    if (options.reuse_address) {
        kernel().setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    }
    if (options.reuse_port) {
        kernel().setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    }
    int const off = 0;
    if (endpoint.protocol() == tcp::v6()) {
        kernel().setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    }
    if (kernel().bind(descriptor, endpoint.data(), static_cast<socklen_t>(endpoint.size())) != 0 ||
        kernel().listen(descriptor, options.backlog) != 0) {
        return -1;
    }
    close_on_failure.dismiss();
    return descriptor;
}

}  // namespace

void detail::listener_core::close() noexcept {
    if (stage != stream_stage::closed) {
        stage = stream_stage::closed;
        error_code ignored;
        acceptor->close(ignored);
    }
}

tcp_listener tcp_listener::bind(
    std::string const& host, std::uint16_t port, listen_options const& options) {
    if (!host.empty()) {
        return bind(resolve(host, std::to_string(port)).front(), options);
    }
    try {
        return bind(tcp_endpoint{tcp::v6(), port}, options);
    } catch (system_error const& error) {
        // A machine without IPv6, or with IPv6 switched off; with it, one socket serves both.
        if (error.code().value() != EAFNOSUPPORT && error.code().value() != EADDRNOTAVAIL) {
            throw;
        }
        return bind(tcp_endpoint{tcp::v4(), port}, options);
    }
}

tcp_listener tcp_listener::bind(tcp_endpoint const& endpoint, listen_options const& options) {
    tcp_listener made{*new listener_core{this_hub()}};
    int const descriptor = listen_at(endpoint, options);
    if (descriptor < 0) {
        throw system_error{detail::last_system_error(), "cannot listen at " + to_string(endpoint)};
    }
    error_code error;
    made.core_->acceptor->assign(endpoint.protocol(), descriptor, error);
    if (error.failed()) {
        kernel().close(descriptor);
        throw system_error{detail::without_place(error), "cannot listen at " + to_string(endpoint)};
    }
    return made;
}

tcp_stream tcp_listener::accept() {
    error_code error;
    tcp_stream accepted = accept(error);
    detail::throw_if(error, "accept");
    return accepted;
}

tcp_stream tcp_listener::accept(error_code& error) {
    check_interruption();
    if (!is_open()) {
        error = io_error(errc::closed);
        return {};
    }
    detail::require_thread_of(core_->home);
    if (core_->accepting) {
        error = io_error(errc::busy);
        return {};
    }
    core_user<listener_core> const alive{*core_};
    listener_core& core = *core_;
    detail::direction_use const acceptor{core.accepting};
    while (core.stage == stream_stage::open) {
        int const descriptor = kernel().accept4(
            core.acceptor->native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (descriptor >= 0) {
            tcp_stream accepted = tcp_stream::adopt(descriptor, error);
            detail::account_for_success(core.home);
            return accepted;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            accept_operation ready{*core.acceptor, "a connection to accept"};
            core.acceptor->async_wait(detail::plain_acceptor::wait_read, ready.completion());
            ready.await();
            deliver_interruption();
        } else if (concerns_one_connection(errno)) {
            detail::account_for_success(core.home);
        } else {
            error = detail::last_system_error();
            return {};
        }
    }
    error = io_error(errc::closed);
    return {};
}

tcp_listener& tcp_listener::operator=(tcp_listener&& other) noexcept {
    if (this != &other) {
        tcp_listener const old{std::move(*this)};
        core_ = std::exchange(other.core_, nullptr);
    }
    return *this;
}

tcp_listener::~tcp_listener() { detail::end_handle(core_); }

void tcp_listener::close() {
    if (is_open()) {
        detail::require_thread_of(core_->home);
        core_->close();
    }
}

bool tcp_listener::is_open() const noexcept {
    return core_ != nullptr && core_->stage != stream_stage::closed;
}

tcp_endpoint tcp_listener::local_endpoint() const {
    error_code error = io_error(errc::closed);
    tcp_endpoint const address = is_open() ? core_->acceptor->local_endpoint(error)
                                           : tcp_endpoint{};
    detail::throw_if(error, "local_endpoint");
    return address;
}

}  // namespace tendril
