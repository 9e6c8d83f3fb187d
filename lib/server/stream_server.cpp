// SPDX-License-Identifier: BSL-1.0
//
// The face of stream_service.cpp, which lives as long as one of its handlers does.
#include "stream_service.hpp"

#include <tendril/server/stream_server.hpp>
#include <tendril/support/assert.hpp>

#include <fcntl.h>

#include <cerrno>
#include <utility>
#include <variant>

namespace tendril {
namespace {

constexpr char const* no_tcp = "the handler of this server takes no TCP streams";
constexpr char const* no_unix = "the handler of this server takes no streams of Unix sockets";

// Asio's set of descriptors knows the number, which goes with the listener.
int release_tcp(tcp_listener& listener) {
    int const kept = ::fcntl(listener.native_handle(), F_DUPFD_CLOEXEC, 3);
    if (kept < 0) {
        throw system_error{{errno, boost::system::system_category()}, "release_listener"};
    }
    listener.close();
    return kept;
}

}  // namespace

stream_server::stream_server(
    std::string_view address, handler on_connection, stream_server_options options)
    : state_{std::make_shared<detail::stream_service>(
          address, std::move(on_connection), std::move(options))} {}

stream_server::~stream_server() { state_->end_with_its_object("a stream_server"); }

template <typename Listen>
void stream_server::start_with(Listen&& listen) {
    // The object may be destroyed while this waits.
    auto const my = state_;
    my->start(listen, [&my](detail::any_listener opened) { my->listener = std::move(opened); });
}

void stream_server::start() {
    start_with([my = state_.get()] { return my->listen(); });
}

void stream_server::start(tcp_listener listening) {
    state_->require_kind(stream_kind::tcp, no_tcp);
    start_with([&] { return detail::any_listener{std::move(listening)}; });
}

void stream_server::start(unix_listener listening) {
    state_->require_kind(stream_kind::unix_socket, no_unix);
    start_with([&] { return detail::any_listener{std::move(listening)}; });
}

void stream_server::serve_forever() {
    start();
    auto const kept = state_;
    kept->wait_until_stopped();
}

void stream_server::serve(tcp_stream accepted) { serve(std::move(accepted), nullptr); }

void stream_server::serve(tcp_stream accepted, std::shared_ptr<void> counted_elsewhere) {
    state_->require_kind(stream_kind::tcp, no_tcp);
    state_->serve(std::move(accepted), std::move(counted_elsewhere));
}

void stream_server::serve(unix_stream accepted) {
    state_->require_kind(stream_kind::unix_socket, no_unix);
    state_->serve(std::move(accepted), nullptr);
}

void stream_server::stop_accepting() {
    auto const kept = state_;
    kept->stop_accepting();
}

void stream_server::start_accepting() {
    auto const kept = state_;
    kept->start_accepting();
}

bool stream_server::stop(deadline limit) {
    auto const kept = state_;
    return kept->stop(limit);
}

int stream_server::release_listener() {
    state_->require_own_thread();
    TENDRIL_REQUIRE(
        running(), "release_listener() of a server that does not run: call start() first");
    if (auto* const tcp = std::get_if<tcp_listener>(&state_->listener)) {
        return release_tcp(*tcp);
    }
    return std::get_if<unix_listener>(&state_->listener)->release();
}

int stream_server::native_handle() const noexcept {
    return std::visit([](auto const& held) { return held.native_handle(); }, state_->listener);
}

bool stream_server::stopping() const noexcept { return state_->stopping(); }

bool stream_server::running() const noexcept { return state_->running(); }

tcp_endpoint stream_server::local_endpoint() const {
    TENDRIL_REQUIRE(
        running(), "local_endpoint() of a server that does not run: call start() first");
    auto const* const tcp = std::get_if<tcp_listener>(&state_->listener);
    TENDRIL_REQUIRE(
        tcp != nullptr, "a server at a Unix socket has no endpoint: ask for its local_address()");
    return tcp->local_endpoint();
}

std::string stream_server::local_address() const {
    TENDRIL_REQUIRE(running(), "local_address() of a server that does not run: call start() first");
    if (auto const* const tcp = std::get_if<tcp_listener>(&state_->listener)) {
        return to_string(tcp->local_endpoint());
    }
    return "unix:" + std::get_if<unix_listener>(&state_->listener)->name();
}

stream_server_statistics stream_server::statistics() const noexcept { return state_->numbers(); }

}  // namespace tendril
