// SPDX-License-Identifier: BSL-1.0
#include "leftover_stream.hpp"

#include <tendril/hub/deadline.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/tls/start_tls.hpp>
#include <tendril/tls/tls_stream.hpp>

#include <utility>

namespace tendril {
namespace {

// Has the stream of a transport exchanged for the one that `wrap` makes of it.
template <typename F>
void begin_tls(transport const& connection, start_tls_options& options, F&& wrap) {
    deadline const limit = deadline::after(options.limit);
    auto const secure = [&](any_stream below, std::string arrived) {
        std::string received = std::move(options.received) + arrived;
        if (!received.empty()) {
            below = any_stream{detail::leftover_stream{std::move(below), std::move(received)}};
        }
        tls_stream secured = wrap(std::move(below));
        if (!limit.is_never()) {
            secured.set_handshake_limit(limit.moment() - this_hub().now());
        }
        secured.handshake();
        secured.set_handshake_limit(std::chrono::nanoseconds::max());
        return any_stream{std::move(secured)};
    };
    transport{connection}.exchange_stream(secure, limit);
}

}  // namespace

void start_tls_client(
    transport connection, tls_context const& context, std::string host, start_tls_options options) {
    begin_tls(connection, options, [&](any_stream below) {
        return tls_stream::client(std::move(below), context, std::move(host));
    });
}

void start_tls_server(transport connection, tls_context const& context, start_tls_options options) {
    begin_tls(connection, options, [&](any_stream below) {
        return tls_stream::server(std::move(below), context);
    });
}

}  // namespace tendril
