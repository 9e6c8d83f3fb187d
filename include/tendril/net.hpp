// SPDX-License-Identifier: BSL-1.0
#pragma once

// Floor 6, second half: the network.
//
// Streams and listeners whose calls park instead of blocking, and names.

#include <tendril/net/connect.hpp>
#include <tendril/net/endpoint.hpp>
#include <tendril/net/proxy_protocol.hpp>
#include <tendril/net/resolver.hpp>
#include <tendril/net/socket_activation.hpp>
#include <tendril/net/tcp_listener.hpp>
#include <tendril/net/tcp_stream.hpp>
