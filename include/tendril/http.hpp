// SPDX-License-Identifier: BSL-1.0
#pragma once

// Floor 8: HTTP/1.1, built with what any user has.
//
// `http_server` calls a handler for each request. What it does not accept, and with which status,
// is in docs/http.md.
//
// `http_client` asks other servers, over connections that it keeps: docs/http-client.md.

#include <tendril/http/access_log.hpp>
#include <tendril/http/client_error.hpp>
#include <tendril/http/client_stream.hpp>
#include <tendril/http/fields.hpp>
#include <tendril/http/file_path.hpp>
#include <tendril/http/forwarded.hpp>
#include <tendril/http/http_client.hpp>
#include <tendril/http/http_error.hpp>
#include <tendril/http/http_server.hpp>
#include <tendril/http/request.hpp>
#include <tendril/http/response.hpp>
#include <tendril/http/status.hpp>
#include <tendril/http/url.hpp>
