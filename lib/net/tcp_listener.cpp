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
#include <vector>

namespace tendril {
namespace {

using boost::asio::ip::tcp;
using detail::core_user;
using detail::listener_core;
using detail::stream_stage;

using accept_operation = detail::socket_operation<detail::plain_acceptor>;

// A rule of the machine may forbid every connection: then it is not their fault.
constexpr int most_forbidden = 1024;

bool may_last_for_ever(int error) noexcept { return error == EPERM || error == EOPNOTSUPP; }

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

void set_options(int descriptor, tcp_endpoint const& endpoint, listen_options const& options) {
    int const on = 1;
    if (options.reuse_address) {
        kernel().setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    }
    if (options.reuse_port) {
        kernel().setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    }
    if (endpoint.protocol() == tcp::v6()) {
        int const only = options.v6_only ? 1 : 0;
        kernel().setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
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
    set_options(descriptor, endpoint, options);
    if (kernel().bind(descriptor, endpoint.data(), static_cast<socklen_t>(endpoint.size())) != 0 ||
        kernel().listen(descriptor, options.backlog) != 0) {
        return -1;
    }
    close_on_failure.dismiss();
    return descriptor;
}

// Says whether a descriptor can be listened to, and for which family.
error_code look_at_listening(int descriptor, tcp& protocol) {
    int listens = 0;
    int family = 0;
    socklen_t size = sizeof listens;
    if (kernel().getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 ||
        kernel().getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &family, &size) != 0) {
        return detail::last_system_error();
    }
    if (listens == 0) {
        return boost::asio::error::invalid_argument;
    }
    if (family != AF_INET && family != AF_INET6) {
        return boost::asio::error::address_family_not_supported;
    }
    protocol = family == AF_INET6 ? tcp::v6() : tcp::v4();
    return {};
}

bool has_no_family(error_code const& error) noexcept {
    return error.value() == EAFNOSUPPORT || error.value() == EADDRNOTAVAIL;
}

// Waits for somebody who connects. Returns false when the limit has come first.
bool wait_for_connection(listener_core& core, deadline limit) {
    accept_operation ready{*core.acceptor, "a connection to accept"};
    park_limit const limited{ready, limit};
    core.acceptor->async_wait(detail::plain_acceptor::wait_read, ready.completion());
    ready.await();
    // What came first counts: a wish for the greenlet, or the end of the listener.
    if (core.stage != stream_stage::closed || ready.stopped_while_open()) {
        deliver_interruption();
    }
    return ready.wanted() != waiter::outcome::timed_out || !ready.error().failed();
}

}  // namespace

void detail::listener_core::close() noexcept {
    if (stage != stream_stage::closed) {
        stage = stream_stage::closed;
        error_code ignored;
        acceptor->close(ignored);
    }
}

namespace {

// Where a listener by name may be, in the order in which it is tried.
std::vector<tcp_endpoint> places_of(
    std::string const& host, std::uint16_t port, listen_options const& options, error_code& error) {
    if (!host.empty()) {
        return resolve(host, std::to_string(port), deadline::never(), error);
    }
    error = {};
    std::vector<tcp_endpoint> places{tcp_endpoint{tcp::v6(), port}};
    if (!options.v6_only) {
        places.emplace_back(tcp::v4(), port);
    }
    return places;
}

// `last` is the place that `error` is about.
tcp_listener listen_by_name(
    std::string const& host, std::uint16_t port, listen_options const& options, error_code& error,
    tcp_endpoint& last) {
    for (tcp_endpoint const& each : places_of(host, port, options, error)) {
        last = each;
        tcp_listener made = tcp_listener::bind(each, options, error);
        // Of all places that it stands for, a machine without IPv6 has those of IPv4. A port that
        // is taken for one family is not to be had for the other one alone.
        if (made.is_open() || (host.empty() && !has_no_family(error))) {
            return made;
        }
    }
    return {};
}

// Says why no connection can be waited for, if so.
error_code refusal_to_accept(listener_core const* core) {
    if (core == nullptr || core->stage == stream_stage::closed) {
        return io_error(errc::closed);
    }
    detail::require_thread_of(core->home);
    return core->accepting ? io_error(errc::busy) : error_code{};
}

}  // namespace

tcp_listener tcp_listener::bind(
    std::string const& host, std::uint16_t port, listen_options const& options) {
    error_code error;
    tcp_endpoint last;
    tcp_listener made = listen_by_name(host, port, options, error, last);
    if (error.failed()) {
        bool const is_found = last != tcp_endpoint{};
        throw system_error{error, "cannot listen at " + (is_found ? to_string(last) : host)};
    }
    return made;
}

tcp_listener tcp_listener::bind(
    std::string const& host, std::uint16_t port, listen_options const& options, error_code& error) {
    tcp_endpoint last;
    return listen_by_name(host, port, options, error, last);
}

tcp_listener tcp_listener::bind(tcp_endpoint const& endpoint, listen_options const& options) {
    error_code error;
    tcp_listener made = bind(endpoint, options, error);
    if (error.failed()) {
        throw system_error{error, "cannot listen at " + to_string(endpoint)};
    }
    return made;
}

tcp_listener tcp_listener::bind(
    tcp_endpoint const& endpoint, listen_options const& options, error_code& error) {
    int const descriptor = listen_at(endpoint, options);
    if (descriptor < 0) {
        error = detail::last_system_error();
        return {};
    }
    return adopt(descriptor, error);
}

tcp_listener tcp_listener::adopt(int descriptor) {
    error_code error;
    tcp_listener made = adopt(descriptor, error);
    detail::throw_if(error, "cannot adopt a descriptor as a TCP listener");
    return made;
}

tcp_listener tcp_listener::adopt(int descriptor, error_code& error) {
    scope_exit close_on_failure{[&] { kernel().close(descriptor); }};
    tcp_listener made{*new listener_core{this_hub()}};
    tcp protocol = tcp::v4();
    error = look_at_listening(descriptor, protocol);
    if (!error.failed()) {
        made.core_->acceptor->assign(protocol, descriptor, error);
        error = detail::without_place(error);
    }
    if (error.failed()) {
        return {};
    }
    // From here on the acceptor closes it.
    close_on_failure.dismiss();
    made.core_->acceptor->native_non_blocking(true, error);
    error = detail::without_place(error);
    return error.failed() ? tcp_listener{} : std::move(made);
}

tcp_stream tcp_listener::accept() { return accept_until(deadline::never()); }

tcp_stream tcp_listener::accept(error_code& error) {
    return accept_until(error, deadline::never());
}

tcp_stream tcp_listener::accept_until(deadline limit) {
    error_code error;
    tcp_stream accepted = accept_until(error, limit);
    detail::throw_if(error, "accept");
    return accepted;
}

tcp_stream tcp_listener::accept_until(error_code& error, deadline limit) {
    check_interruption();
    error = refusal_to_accept(core_);
    if (error.failed()) {
        detail::end_at_once();
        return {};
    }
    core_user<listener_core> const alive{*core_};
    listener_core& core = *core_;
    detail::direction_use const acceptor{core.accepting};
    int forbidden = 0;
    while (core.stage == stream_stage::open) {
        int const descriptor = kernel().accept4(
            core.acceptor->native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (descriptor >= 0) {
            tcp_stream accepted = tcp_stream::adopt(descriptor, error);
            detail::account_for_success(core.home, detail::accept_steps);
            return accepted;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            if (!wait_for_connection(core, limit)) {
                error = io_error(errc::timed_out);
                return {};
            }
        } else if (
            concerns_one_connection(errno) &&
            (!may_last_for_ever(errno) || ++forbidden <= most_forbidden)) {
            // Nothing is lost, and there may be many of them.
            detail::account_for_success(core.home, detail::accept_steps);
            deliver_interruption();
        } else {
            error = detail::last_system_error();
            detail::end_at_once();
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

int tcp_listener::native_handle() const noexcept {
    return is_open() ? core_->acceptor->native_handle() : -1;
}

tcp_endpoint tcp_listener::local_endpoint() const {
    error_code error = io_error(errc::closed);
    tcp_endpoint const address = is_open() ? core_->acceptor->local_endpoint(error)
                                           : tcp_endpoint{};
    detail::throw_if(error, "local_endpoint");
    return address;
}

}  // namespace tendril
