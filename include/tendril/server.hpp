// SPDX-License-Identifier: BSL-1.0
#pragma once

// Floor 7: accept loops with a life cycle.
//
// `stream_server` runs a handler for each connection, on a greenlet of its own, with a limit on how
// many, and an orderly end. A `tls_server` shakes hands before; it needs a library that was built
// with OpenSSL. A `datagram_server` runs a handler for each datagram. A `server_group` has a
// `stream_server` on every hub of a group. `serve_until_signal` serves one until it is told to end.

#include <tendril/server/address_set.hpp>
#include <tendril/server/connection.hpp>
#include <tendril/server/datagram_server.hpp>
#include <tendril/server/serve_until_signal.hpp>
#include <tendril/server/server_group.hpp>
#include <tendril/server/stream_handler.hpp>
#include <tendril/server/stream_server.hpp>
#include <tendril/server/stream_server_options.hpp>
#include <tendril/server/tls_server.hpp>
