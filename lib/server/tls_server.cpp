// SPDX-License-Identifier: BSL-1.0
//
// A handler around a handler. The TLS stream stands in the frame of the connection's greenlet and
// borrows the socket, which stays where the server knows it: so a child of a fork can close it
// without a word to the peer.
#include <tendril/io/error.hpp>
#include <tendril/server/tls_server.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/tls/error.hpp>

#include <boost/asio/error.hpp>

#include <exception>
#include <functional>
#include <utility>
#include <variant>

namespace tendril {
namespace detail {

// What all connections share with the server object.
struct tls_serving {
    tls_serving(tls_context first, tls_handler callback, tls_serving_options const& options)
        : context{std::move(first)},
          on_connection{std::move(callback)},
          ends_input_at_stop{options.server.end_input_at_stop},
          handshake_limit{options.handshake_limit},
          close_limit{options.close_limit} {}

    void serve(served_stream& accepted);
    bool shake_hands(tls_stream& stream);
    void call_handler(tls_stream& stream);

    tls_context context;
    tls_handler on_connection;
    // None when it goes.
    stream_server const* server = nullptr;
    bool const ends_input_at_stop;
    std::chrono::milliseconds const handshake_limit;
    std::chrono::milliseconds const close_limit;
    std::uint64_t handshakes = 0;
    std::uint64_t failed_handshakes = 0;
};

namespace {

any_stream borrowed(served_stream& accepted) {
    if (auto* const tcp = std::get_if<tcp_stream>(&accepted)) {
        return any_stream{std::ref(*tcp)};
    }
    return any_stream{std::ref(*std::get_if<unix_stream>(&accepted))};
}

tls_context require_context(tls_context given) {
    TENDRIL_REQUIRE(
        static_cast<bool>(given),
        "a tls_server needs a context: make one with tls_context::server");
    return given;
}

}  // namespace

void tls_serving::serve(served_stream& accepted) {
    tls_stream stream = tls_stream::server(borrowed(accepted), context);
    stream.set_handshake_limit(handshake_limit);
    stream.set_close_limit(close_limit);
    if (ends_input_at_stop) {
        stream.take_for_own([this] { return server != nullptr && server->stopping(); });
    }
    if (shake_hands(stream)) {
        call_handler(stream);
    }
}

bool tls_serving::shake_hands(tls_stream& stream) {
    error_code error;
    try {
        stream.handshake(error);
    } catch (std::exception const&) {
        ++failed_handshakes;
        throw;
    }
    ++(error.failed() ? failed_handshakes : handshakes);
    return !error.failed();
}

// Whoever has heard the peer's end may say its own; after any other error, which may be the end of
// another stream, the peer must not take what it has for all.
void tls_serving::call_handler(tls_stream& stream) {
    try {
        on_connection(stream);
    } catch (system_error const& error) {
        if (error.code() == tls_errc::truncated) {
            return;
        }
        if (error.code() != boost::asio::error::eof || !stream.has_said_end()) {
            throw;
        }
    }
    stream.close();
}

}  // namespace detail

tls_server::tls_server(
    std::string_view address, tls_context context, handler on_connection,
    tls_serving_options options)
    : state_{std::make_shared<detail::tls_serving>(
          detail::require_context(std::move(context)), std::move(on_connection), options)},
      server_{
          address, [state = state_](detail::served_stream& accepted) { state->serve(accepted); },
          std::move(options.server)} {
    state_->server = &server_;
}

tls_server::~tls_server() { state_->server = nullptr; }

void tls_server::set_context(tls_context context) {
    state_->context = detail::require_context(std::move(context));
}

tls_server_statistics tls_server::statistics() const noexcept {
    return {
        .server = server_.statistics(),
        .handshakes = state_->handshakes,
        .failed_handshakes = state_->failed_handshakes};
}

}  // namespace tendril
