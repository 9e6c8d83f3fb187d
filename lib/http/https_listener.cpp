// SPDX-License-Identifier: BSL-1.0
#include "http_listener.hpp"

#include <tendril/http/http_server.hpp>
#include <tendril/server/tls_server.hpp>

#include <functional>
#include <memory>
#include <utility>

namespace tendril {
namespace detail {
namespace {

class https_listener final : public http_listener_of<tls_server> {
public:
    using http_listener_of::http_listener_of;

private:
    std::uint64_t failed_handshakes() const noexcept override {
        return server_.statistics().failed_handshakes;
    }
    void set_context(tls_context const& context) override { server_.set_context(context); }
};

}  // namespace
}  // namespace detail

http_server::http_server(
    std::string_view address, tls_context const& context, handler on_request,
    http_server_options options)
    : state_{std::make_shared<detail::http_state>(std::move(on_request), std::move(options))} {
    state_->secured = true;
    listener_ = std::make_unique<detail::https_listener>(
        address, context,
        [state = state_](tls_stream& stream) {
            any_stream lent{std::ref(stream)};
            detail::serve_connection(*state, lent);
        },
        tls_serving_options{
            .server = state_->options.server,
            .handshake_limit = state_->options.handshake_timeout});
    state_->listener = listener_.get();
}

}  // namespace tendril
