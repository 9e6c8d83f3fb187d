// SPDX-License-Identifier: BSL-1.0
#include "unix_name.hpp"

#include <tendril/net/unix_datagram.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/support/system_calls.hpp>

#include <boost/asio/error.hpp>

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

namespace tendril {
namespace {

// A name for people: an abstract one is written with '@', as other programs do.
std::string shown(unix_datagram_endpoint const& endpoint) {
    std::string name = endpoint.path();
    if (!name.empty() && name.front() == '\0') {
        name.front() = '@';
    }
    return "'" + name + "'";
}

}  // namespace

unix_datagram_endpoint unix_datagram::address_of_name(std::string_view name) {
    error_code error;
    auto const address = detail::unix_address(name, error);
    detail::throw_if(error, "no name of a Unix socket");
    unix_datagram_endpoint made;
    std::memcpy(made.data(), address.data(), address.size());
    made.resize(address.size());
    return made;
}

unix_datagram unix_datagram::bind(std::string_view name) {
    unix_datagram_endpoint const local = name.empty() ? unix_datagram_endpoint{}
                                                      : address_of_name(name);
    unix_datagram made;
    error_code error = made.open(AF_UNIX);
    if (!error.failed()) {
        error = made.bind_to(address_of(local));
    }
    if (error.failed()) {
        throw system_error{error, "cannot bind a Unix socket to " + shown(local)};
    }
    return made;
}

unix_datagram unix_datagram::connect(std::string_view name) {
    return connect_at(address_of_name(name));
}

unix_datagram unix_datagram::connect_at(unix_datagram_endpoint const& peer) {
    unix_datagram made;
    error_code error = made.open(AF_UNIX);
    if (!error.failed()) {
        made.connect_to(peer, error);
    }
    if (error.failed()) {
        throw system_error{error, "cannot connect a Unix socket to " + shown(peer)};
    }
    return made;
}

std::pair<unix_datagram, unix_datagram> unix_datagram::pair() {
    std::array<int, 2> ends{};
    if (kernel().socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) !=
        0) {
        throw system_error{
            error_code{errno, boost::system::system_category()}, "cannot make a pair of sockets"};
    }
    scope_exit close_second{[&] { kernel().close(ends[1]); }};
    unix_datagram first = adopt(ends[0]);
    close_second.dismiss();
    return {std::move(first), adopt(ends[1])};
}

unix_datagram unix_datagram::adopt(int descriptor, error_code& error) {
    unix_datagram adopted;
    error = adopted.adopt_descriptor(descriptor);
    if (!error.failed() && adopted.family() != AF_UNIX) {
        error = boost::asio::error::address_family_not_supported;
        adopted.close();
    }
    return adopted;
}

unix_datagram unix_datagram::adopt(int descriptor) {
    error_code error;
    unix_datagram adopted = adopt(descriptor, error);
    detail::throw_if(error, "cannot adopt a descriptor as a Unix datagram socket");
    return adopted;
}

}  // namespace tendril
