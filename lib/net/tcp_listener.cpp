// SPDX-License-Identifier: BSL-1.0
//
// Listeners at TCP addresses: where they listen, and how. What they do there: listener_socket.cpp.
#include "internet_address.hpp"
#include "listener_core.hpp"

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

bool has_no_family(error_code const& error) noexcept {
    return error.value() == EAFNOSUPPORT || error.value() == EADDRNOTAVAIL;
}

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
    tcp_listener made = adopt(descriptor, error);
    if (!error.failed() && options.reserve_descriptor) {
        made.reserve_descriptor(error);
    }
    return error.failed() ? tcp_listener{} : std::move(made);
}

tcp_listener tcp_listener::adopt(int descriptor) {
    error_code error;
    tcp_listener made = adopt(descriptor, error);
    detail::throw_if(error, "cannot adopt a descriptor as a TCP listener");
    return made;
}

tcp_listener tcp_listener::adopt(int descriptor, error_code& error) {
    scope_exit close_on_failure{[&] { kernel().close(descriptor); }};
    int family = AF_UNSPEC;
    error = detail::look_at_listening(descriptor, family);
    if (!error.failed() && family != AF_INET && family != AF_INET6) {
        error = boost::asio::error::address_family_not_supported;
    }
    if (error.failed()) {
        return {};
    }
    close_on_failure.dismiss();
    tcp_listener made;
    made.take_over(descriptor, family, error);
    return made;
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
    return detail::accept_stream<tcp_stream>(core(), limit, error);
}

tcp_endpoint tcp_listener::local_endpoint() const {
    error_code error = io_error(errc::closed);
    tcp_endpoint address;
    if (is_open()) {
        auto const found = core()->acceptor->local_endpoint(error);
        address = error.failed() ? address : detail::internet_address(found, error);
    }
    detail::throw_if(error, "local_endpoint");
    return address;
}

}  // namespace tendril
