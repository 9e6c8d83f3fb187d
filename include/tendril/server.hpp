// SPDX-License-Identifier: BSL-1.0
#pragma once

// Floor 7: accept loops with a life cycle.
//
// `stream_server` runs a handler for each connection, on a greenlet of its own, with a limit on how
// many, and an orderly end. A `server_group` has one on every hub of a group.

#include <tendril/server/server_group.hpp>
#include <tendril/server/stream_server.hpp>
