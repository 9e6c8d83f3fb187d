// SPDX-License-Identifier: BSL-1.0
#include "internet_address.hpp"
#include "stream_calls.hpp"

#include <tendril/hub/cancellation.hpp>
#include <tendril/net/tcp_stream.hpp>

namespace tendril {
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
    return detail::connect_once(peer, nullptr, limit, error);
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
        address = error.failed() ? address : detail::internet_address(found, error);
    }
    detail::throw_if(error, "local_endpoint");
    return address;
}

tcp_endpoint tcp_stream::remote_endpoint() const {
    error_code error = io_error(errc::closed);
    tcp_endpoint address;
    if (is_open()) {
        auto const found = core()->socket->remote_endpoint(error);
        address = error.failed() ? address : detail::internet_address(found, error);
    }
    detail::throw_if(error, "remote_endpoint");
    return address;
}

void teardown(boost::beast::role_type, tcp_stream& stream, error_code& error) {
    detail::tear_down(stream, error);
}

}  // namespace tendril
