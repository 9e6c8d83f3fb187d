// SPDX-License-Identifier: BSL-1.0
#pragma once

// Floor 8: HTTP/1.1, built with what any user has.
//
// `http_server` calls a handler for each request. What it does not accept, and with which status,
// is in docs/http.md.

#include <tendril/http/http_server.hpp>
#include <tendril/http/message.hpp>
