// SPDX-License-Identifier: BSL-1.0
#include <tendril/net/resolver.hpp>
#include <tendril/net/udp_socket.hpp>

#include <boost/asio/error.hpp>

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace tendril {
namespace {

using boost::asio::ip::udp;

int level_of(boost::asio::ip::address const& address) noexcept {
    return address.is_v6() ? IPPROTO_IPV6 : IPPROTO_IP;
}

}  // namespace

std::string to_string(udp_endpoint const& endpoint) {
    return to_string(tcp_endpoint{endpoint.address(), endpoint.port()});
}

udp_socket udp_socket::bind(
    std::string const& host, std::uint16_t port, udp_options const& options) {
    if (!host.empty()) {
        tcp_endpoint const first = resolve(host, std::to_string(port)).front();
        return bind(udp_endpoint{first.address(), first.port()}, options);
    }
    try {
        return bind(udp_endpoint{udp::v6(), port}, options);
    } catch (system_error const& error) {
        // A machine without IPv6, or with IPv6 switched off; with it, one socket serves both.
        if (error.code().value() != EAFNOSUPPORT && error.code().value() != EADDRNOTAVAIL) {
            throw;
        }
        return bind(udp_endpoint{udp::v4(), port}, options);
    }
}

udp_socket udp_socket::bind(udp_endpoint const& local, udp_options const& options) {
    udp_socket made;
    error_code error = made.open(local.protocol().family());
    auto const set = [&](bool wanted, int level, int name, int value) {
        if (wanted && !error.failed()) {
            made.set_value(level, name, value, error);
        }
    };
    set(options.reuse_address, SOL_SOCKET, SO_REUSEADDR, 1);
    set(options.reuse_port, SOL_SOCKET, SO_REUSEPORT, 1);
    set(local.protocol() == udp::v6(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
    if (!error.failed()) {
        error = made.bind_to(address_of(local));
    }
    if (error.failed()) {
        throw system_error{error, "cannot bind a UDP socket to " + to_string(local)};
    }
    return made;
}

udp_socket udp_socket::connect(std::string const& host, std::uint16_t port) {
    error_code error;
    udp_endpoint last;
    for (tcp_endpoint const& found : resolve(host, std::to_string(port))) {
        last = {found.address(), found.port()};
        udp_socket connected = connect(last, error);
        if (!error.failed()) {
            return connected;
        }
    }
    throw system_error{
        error, "cannot connect a UDP socket to " + host + " (" + to_string(last) + ")"};
}

udp_socket udp_socket::connect(udp_endpoint const& peer, error_code& error) {
    udp_socket made;
    error = made.open(peer.protocol().family());
    if (!error.failed()) {
        made.connect_to(peer, error);
    }
    return error.failed() ? udp_socket{} : std::move(made);
}

udp_socket udp_socket::connect(udp_endpoint const& peer) {
    error_code error;
    udp_socket connected = connect(peer, error);
    if (error.failed()) {
        throw system_error{error, "cannot connect a UDP socket to " + to_string(peer)};
    }
    return connected;
}

udp_socket udp_socket::adopt(int descriptor, error_code& error) {
    udp_socket adopted;
    error = adopted.adopt_descriptor(descriptor);
    if (!error.failed() && adopted.family() != AF_INET && adopted.family() != AF_INET6) {
        error = boost::asio::error::address_family_not_supported;
        adopted.close();
    }
    return adopted;
}

udp_socket udp_socket::adopt(int descriptor) {
    error_code error;
    udp_socket adopted = adopt(descriptor, error);
    detail::throw_if(error, "cannot adopt a descriptor as a UDP socket");
    return adopted;
}

void udp_socket::join_group(boost::asio::ip::address const& group, std::uint32_t interface) {
    change_group(MCAST_JOIN_GROUP, group, interface);
}

void udp_socket::leave_group(boost::asio::ip::address const& group, std::uint32_t interface) {
    change_group(MCAST_LEAVE_GROUP, group, interface);
}

void udp_socket::change_group(
    int operation, boost::asio::ip::address const& group, std::uint32_t interface) {
    udp_endpoint const any_port{group, 0};
    group_req request{};
    request.gr_interface = interface;
    std::memcpy(&request.gr_group, any_port.data(), any_port.size());
    error_code error;
    set_value(level_of(group), operation, request, error);
    if (error.failed()) {
        throw system_error{
            error,
            (operation == MCAST_JOIN_GROUP ? "cannot join " : "cannot leave ") + group.to_string()};
    }
}

}  // namespace tendril
