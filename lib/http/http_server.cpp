// SPDX-License-Identifier: BSL-1.0
#include "append_text.hpp"
#include "gzip.hpp"
#include "http_connection.hpp"
#include "http_listener.hpp"
#include "http_state.hpp"

#include <tendril/http/http_server.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/scope_exit.hpp>

#include <array>
#include <chrono>
#include <ctime>
#include <memory>
#include <utility>

namespace tendril {

detail::http_state::http_state(http_server::handler callback, http_server_options chosen)
    : on_request{std::move(callback)},
      options{std::move(chosen)} {
    TENDRIL_REQUIRE(
        !options.compress || can_compress(),
        "this tendril was built without zlib: leave http_server_options::compress alone");
    TENDRIL_REQUIRE(
        options.trusted_proxies.empty() || options.server.tell_connection,
        "trusted_proxies without tell_connection: whom nobody knows, nobody can trust");
}

detail::http_state::~http_state() = default;

std::string_view detail::http_state::date() {
    std::time_t const present = std::time(nullptr);
    if (present != date_second_) {
        date_second_ = present;
        std::tm parts{};
        ::gmtime_r(&present, &parts);
        // strftime would use the names of the program's locale.
        constexpr std::array days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
        std::array<char, 64> text{};
        int const size = std::snprintf(
            text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
            days[static_cast<std::size_t>(parts.tm_wday)], parts.tm_mday,
            names_of_months[static_cast<std::size_t>(parts.tm_mon)], parts.tm_year + 1900,
            parts.tm_hour, parts.tm_min, parts.tm_sec);
        date_.assign(text.data(), static_cast<std::size_t>(size));
    }
    return date_;
}

void detail::http_state::follow_fork() noexcept {
    if (std::exchange(forks_, forks_until_now()) != forks_until_now()) {
        while (!idle.empty()) {
            idle.front().unlink();
        }
    }
}

namespace {

void require_own_thread(detail::http_state const& server) {
    if (server.home) {
        server.home->require_own_thread(
            "this http_server belongs to another thread: post to its hub, and call it there");
    }
}

}  // namespace

void detail::serve_connection(http_state& server, any_stream& stream) {
    // On the heap, so that a connection that waits has touched one page of stack.
    std::make_unique<http_connection>(server, stream)->serve();
}

http_server::http_server(std::string_view address, handler on_request, http_server_options options)
    : state_{std::make_shared<detail::http_state>(std::move(on_request), std::move(options))},
      listener_{std::make_unique<detail::http_listener_of<stream_server>>(
          address,
          [state = state_](any_stream& stream) { detail::serve_connection(*state, stream); },
          state_->options.server)} {
    state_->listener = listener_.get();
}

// A connection whose handler destroys the server serves nothing more.
http_server::~http_server() {
    state_->draining = true;
    state_->listener = nullptr;
}

template <typename... Listener>
void http_server::start_with(Listener&&... listener) {
    state_->follow_fork();
    require_own_thread(*state_);
    if (!listener_->running()) {
        state_->home.emplace(this_hub());
    }
    listener_->start(std::forward<Listener>(listener)...);
    // No connection has been served yet: the acceptor begins in its turn.
    state_->draining = false;
}

void http_server::start() { start_with(); }
void http_server::start(tcp_listener listening) { start_with(std::move(listening)); }
void http_server::start(unix_listener listening) { start_with(std::move(listening)); }

template <typename Stream>
void http_server::serve_one(Stream accepted) {
    state_->follow_fork();
    if (!state_->home) {
        state_->home.emplace(this_hub());
    }
    listener_->serve(std::move(accepted));
    // Also after a stop, as long as none is under way. Its task begins in its turn.
    state_->draining = state_->draining && state_->stops_under_way > 0;
}

void http_server::serve(tcp_stream accepted) { serve_one(std::move(accepted)); }
void http_server::serve(unix_stream accepted) { serve_one(std::move(accepted)); }

void http_server::serve_forever() {
    start();
    listener_->serve_forever();
}

void http_server::stop_accepting() { listener_->stop_accepting(); }
void http_server::start_accepting() { listener_->start_accepting(); }

bool http_server::stop(deadline limit) {
    require_own_thread(*state_);
    drain();
    ++state_->stops_under_way;
    scope_exit const over{[state = state_] { --state->stops_under_way; }};
    return listener_->stop(limit);
}

int http_server::release_listener() { return listener_->release_listener(); }
int http_server::native_handle() const noexcept { return listener_->native_handle(); }
bool http_server::running() const noexcept { return listener_->running(); }
tcp_endpoint http_server::local_endpoint() const { return listener_->local_endpoint(); }
std::string http_server::local_address() const { return listener_->local_address(); }
void http_server::set_context(tls_context const& context) { listener_->set_context(context); }
void http_server::set_ready(bool ready) noexcept { state_->ready = ready; }

http_server_statistics http_server::statistics() const noexcept { return state_->statistics(); }

http_server_statistics detail::http_state::statistics() const noexcept {
    http_server_statistics now = numbers;
    if (listener != nullptr) {
        now.server = listener->statistics();
        now.failed_handshakes = listener->failed_handshakes();
    }
    return now;
}

void http_server::drain() noexcept {
    state_->draining = true;
    state_->follow_fork();
    for (auto at = state_->idle.begin(); at != state_->idle.end();) {
        detail::http_connection& waiting = *at;
        ++at;
        waiting.drain();
    }
}

}  // namespace tendril
