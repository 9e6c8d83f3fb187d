// SPDX-License-Identifier: BSL-1.0
#pragma once

// What an HTTP server and its connections share.

#include <tendril/http/http_server.hpp>
#include <tendril/support/intrusive_list.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace tendril::detail {

class http_connection;

class http_state {
public:
    http_state(http_server::handler callback, http_server_options chosen)
        : on_request{std::move(callback)},
          options{chosen} {}

    /// The present as a `Date` field wants it, written anew once a second.
    std::string_view date();

    http_server::handler on_request;
    http_server_options const options;
    /// Connections that wait for a request.
    intrusive_list<http_connection> idle;
    bool draining = false;
    std::uint64_t answered = 0;
    std::uint64_t refused = 0;

private:
    std::string date_;
    std::int64_t date_second_ = -1;
};

}  // namespace tendril::detail
