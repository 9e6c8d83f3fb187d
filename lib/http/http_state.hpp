// SPDX-License-Identifier: BSL-1.0
#pragma once

// What an HTTP server and its connections share.

#include <tendril/greenlet/thread_record.hpp>
#include <tendril/http/http_server.hpp>
#include <tendril/io/context_bound.hpp>
#include <tendril/support/intrusive_list.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace tendril::detail {

class http_connection;
class http_listener;

class http_state {
public:
    http_state(http_server::handler callback, http_server_options chosen);
    ~http_state();

    /// The present as a `Date` field wants it, written anew once a second.
    std::string_view date();

    /// The numbers, with those of the listener.
    http_server_statistics statistics() const noexcept;

    /// In the child of a fork, forgets the connections of the parent.
    void follow_fork() noexcept;

    http_server::handler on_request;
    http_server_options const options;
    /// Connections that wait for a request.
    intrusive_list<http_connection> idle;
    bool draining = false;
    /// Where it has started, or has served first.
    std::optional<home_hub> home;
    int stops_under_way = 0;
    bool ready = true;
    bool secured = false;
    http_server_statistics numbers;
    /// While the server exists.
    http_listener* listener = nullptr;

private:
    std::uint64_t forks_ = forks_until_now();
    std::string date_;
    std::int64_t date_second_ = -1;
};

}  // namespace tendril::detail
