// SPDX-License-Identifier: BSL-1.0
#include "http_connection.hpp"
#include "http_state.hpp"

#include <tendril/http/http_server.hpp>

#include <array>
#include <chrono>
#include <ctime>
#include <memory>
#include <utility>

namespace tendril {

std::string_view detail::http_state::date() {
    std::time_t const present = std::time(nullptr);
    if (present != date_second_) {
        date_second_ = present;
        std::tm parts{};
        ::gmtime_r(&present, &parts);
        // strftime would use the names of the program's locale.
        constexpr std::array days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
        constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
        std::array<char, 64> text{};
        int const size = std::snprintf(
            text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
            days[static_cast<std::size_t>(parts.tm_wday)], parts.tm_mday,
            months[static_cast<std::size_t>(parts.tm_mon)], parts.tm_year + 1900, parts.tm_hour,
            parts.tm_min, parts.tm_sec);
        date_.assign(text.data(), static_cast<std::size_t>(size));
    }
    return date_;
}

http_server::http_server(std::string_view address, handler on_request, http_server_options options)
    : state_{std::make_shared<detail::http_state>(std::move(on_request), options)},
      server_{
          address,
          [state = state_](tcp_stream& stream) {
              // On the heap, so that a connection that waits has touched one page of stack.
              auto const served = std::make_unique<detail::http_connection>(*state, stream);
              served->serve();
          },
          options.server} {}

// A connection whose handler destroys the server serves nothing more.
http_server::~http_server() { state_->draining = true; }

void http_server::start() {
    server_.start();
    // No connection has been served yet: the acceptor begins in its turn.
    state_->draining = false;
}

void http_server::serve_forever() {
    start();
    server_.serve_forever();
}

bool http_server::stop(deadline limit) {
    drain();
    return server_.stop(limit);
}

http_server_statistics http_server::statistics() const noexcept {
    return {
        .server = server_.statistics(), .answered = state_->answered, .refused = state_->refused};
}

void http_server::drain() noexcept {
    state_->draining = true;
    for (auto at = state_->idle.begin(); at != state_->idle.end();) {
        detail::http_connection& waiting = *at;
        ++at;
        waiting.drain();
    }
}

}  // namespace tendril
