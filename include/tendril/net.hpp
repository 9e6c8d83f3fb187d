// SPDX-License-Identifier: BSL-1.0
#pragma once

// Floor 6, second half: the network.
//
// Streams, listeners and datagram sockets whose calls park instead of blocking, and names.

#include <tendril/net/connect.hpp>
#include <tendril/net/datagram_handle.hpp>
#include <tendril/net/datagram_socket.hpp>
#include <tendril/net/endpoint.hpp>
#include <tendril/net/listener_socket.hpp>
#include <tendril/net/proxy_protocol.hpp>
#include <tendril/net/resolver.hpp>
#include <tendril/net/socket_activation.hpp>
#include <tendril/net/stream_socket.hpp>
#include <tendril/net/tcp_listener.hpp>
#include <tendril/net/tcp_stream.hpp>
#include <tendril/net/udp_socket.hpp>
#include <tendril/net/unix_datagram.hpp>
#include <tendril/net/unix_socket.hpp>
