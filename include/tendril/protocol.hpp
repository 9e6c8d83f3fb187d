// SPDX-License-Identifier: BSL-1.0
#pragma once

// Floor 7: protocols, for code that thinks in callbacks.
//
// A protocol is told what happens on its connection, a transport is what it writes to. Both stand
// on the streams: a greenlet reads and calls, another one writes.

#include <tendril/protocol/connect_protocol.hpp>
#include <tendril/protocol/protocol.hpp>
#include <tendril/protocol/protocol_server.hpp>
#include <tendril/protocol/transport.hpp>
