// SPDX-License-Identifier: BSL-1.0
#include "stream_calls.hpp"

#include <tendril/hub/cancellation.hpp>
#include <tendril/net/tcp_stream.hpp>
#include <tendril/support/system_calls.hpp>

#include <boost/asio/error.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cstring>
#include <utility>

namespace tendril {
namespace {

// An address that is not of the internet, of a descriptor that was adopted, is none for us.
tcp_endpoint tcp_address_of(detail::stream_protocol::endpoint const& address, error_code& error) {
    tcp_endpoint converted;
    if (address.protocol().family() != AF_INET && address.protocol().family() != AF_INET6) {
        error = boost::asio::error::address_family_not_supported;
        return converted;
    }
    converted.resize(address.size());
    std::memcpy(converted.data(), address.data(), address.size());
    return converted;
}

}  // namespace

tcp_stream tcp_stream::connect(tcp_endpoint const& peer) {
    return connect_until(peer, deadline::never());
}

tcp_stream tcp_stream::connect(tcp_endpoint const& peer, error_code& error) {
    return connect_until(peer, error, deadline::never());
}

tcp_stream tcp_stream::connect_until(tcp_endpoint const& peer, deadline limit) {
    error_code error;
    tcp_stream connected = connect_until(peer, error, limit);
    if (error.failed()) {
        throw system_error{error, "cannot connect to " + to_string(peer)};
    }
    return connected;
}

tcp_stream tcp_stream::connect_until(tcp_endpoint const& peer, error_code& error, deadline limit) {
    check_interruption();
    tcp_stream made{*new detail::stream_core{this_hub()}};
    detail::connect_core(*made.core(), peer, limit, error);
    if (error.failed()) {
        return {};
    }
    int const on = 1;
    kernel().setsockopt(made.native_handle(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return made;
}

tcp_stream tcp_stream::adopt(int descriptor) {
    error_code error;
    tcp_stream adopted = adopt(descriptor, error);
    detail::throw_if(error, "cannot adopt a descriptor as a TCP stream");
    return adopted;
}

tcp_stream tcp_stream::adopt(int descriptor, error_code& error) {
    tcp_stream adopted;
    adopted.take_over(descriptor, error);
    return adopted;
}

tcp_endpoint tcp_stream::local_endpoint() const {
    error_code error = io_error(errc::closed);
    tcp_endpoint address;
    if (is_open()) {
        auto const found = core()->socket->local_endpoint(error);
        address = error.failed() ? address : tcp_address_of(found, error);
    }
    detail::throw_if(error, "local_endpoint");
    return address;
}

tcp_endpoint tcp_stream::remote_endpoint() const {
    error_code error = io_error(errc::closed);
    tcp_endpoint address;
    if (is_open()) {
        auto const found = core()->socket->remote_endpoint(error);
        address = error.failed() ? address : tcp_address_of(found, error);
    }
    detail::throw_if(error, "remote_endpoint");
    return address;
}

void teardown(boost::beast::role_type, tcp_stream& stream, error_code& error) {
    detail::tear_down(stream, error);
}

}  // namespace tendril
