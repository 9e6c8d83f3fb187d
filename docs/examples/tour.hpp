// SPDX-License-Identifier: BSL-1.0
#pragma once

// The first part of the demo: a web server and its client in one process, asked for each thing that
// they can do, and stopped in the middle of an answer. Takes half a second.

#include <tendril/tendril.hpp>

#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace tour {

using namespace std::chrono_literals;

// DOC: answer
inline void answer(tendril::http_request& request, tendril::http_response& response) {
    response.header("Content-Type", "text/plain");
    if (request.path() == "/") {
        response.body("hello from tendril\n");
    } else if (request.path() == "/count") {
        for (int number = 1; number <= 5; ++number) {
            response.write(boost::asio::buffer(std::to_string(number) + ' '));  // leaves at once
            tendril::sleep_for(30ms);
        }
    } else if (request.path() == "/measure") {
        std::size_t size = 0;
        char piece[16 * 1024];
        tendril::error_code error;
        while (auto const read = request.read_some(boost::asio::buffer(piece), error)) {
            size += read;
        }
        response.body(std::to_string(size >> 20U) + " MiB have come\n");
    } else {
        throw tendril::http_error{404, "nothing here"};
    }
}
// DOC-END: answer

inline void print(std::string const& what, int status, std::string_view text) {
    std::printf(
        "  %-14s %3d  %.*s\n", what.c_str(), status,
        static_cast<int>(text.substr(0, text.find('\n')).size()), text.data());
}

/// The client, and where it asks.
class visitor {
public:
    explicit visitor(std::string where) : base_{"http://" + std::move(where)} {}

    void ask(std::string const& path) {
        auto const answer = client_.get(base_ + path);
        print("GET " + path, answer.status(), answer.body());
    }

    void watch_pieces_come() {
        auto stream = begin_count();
        auto const start = tendril::now();
        std::string shown;
        char piece[16];
        tendril::error_code error;
        while (auto const size = stream.read_some(boost::asio::buffer(piece), error)) {
            auto const passed = std::chrono::duration<double, std::milli>(tendril::now() - start);
            char time[32];
            std::snprintf(time, sizeof time, "(after %.0f ms) ", passed.count());
            shown.append(piece, size).append(time);
        }
        print("GET /count", stream.response().status(), shown);
    }

    void send_much() {
        std::string const part(1 << 20, 'x');
        auto stream = client_.open(
            {.method = "PUT",
             .url = base_ + "/measure",
             .body_length = tendril::http_unknown_length});
        for (int sent = 0; sent < 64; ++sent) {
            stream.write(part);  // waits while the handler is behind
        }
        stream.finish();
        int const status = stream.response().status();
        std::string said = stream.read_all();
        said.pop_back();
        print("PUT /measure", status, said + ": neither side has held more than a piece of them");
    }

    /// Looks how many requests the server says that it has answered.
    void read_metrics() {
        auto const answer = client_.get(base_ + "/metrics");
        std::string_view const name = "\ntendril_http_requests_answered_total";
        auto const found = answer.body().find(name);
        print("GET /metrics", answer.status(), answer.body().substr(found + 1));
    }

    /// Returns when the first piece is there.
    tendril::http_client_stream begin_count() {
        auto stream = client_.open({.url = base_ + "/count"});
        stream.response();
        return stream;
    }

    tendril::http_client_statistics statistics() const { return client_.statistics(); }

private:
    std::string const base_;
    tendril::http_client client_;
};

// A server that leaves in good order: what has begun comes to its end, and nothing new begins.
inline void leave(tendril::http_server& web, visitor& guest) {
    auto const where = web.local_endpoint();
    auto begun = guest.begin_count();
    web.set_ready(false);
    guest.ask("/ready");
    auto stopping = tendril::spawn([&] { return web.stop(1s); });
    tendril::sleep_for(5ms);
    tendril::error_code error;
    tendril::tcp_stream::connect(where, error);
    std::printf("It stops. Whoever comes now: %s.\n", error.message().c_str());
    std::string const rest = begun.read_all();
    std::printf(
        "What had begun arrived to its end: %s- %s.\n", rest.c_str(),
        stopping.get() ? "all in good order" : "but not in time");
}

/// Shows everything. Switches: may.
inline void show() {
    std::vector<std::string> log;
    tendril::http_server web{
        "127.0.0.1:0",
        answer,
        {.body_limit_for = [](tendril::http_request const&) { return std::uint64_t{1} << 30U; },
         .health_path = "/health",
         .ready_path = "/ready",
         .metrics_path = "/metrics",
         .on_exchange =
             [&](tendril::http_exchange const& done) {
                 log.push_back(tendril::common_log_line(done));
             }}};
    web.start();
    std::printf("A web server at %s, and a client (tour.hpp):\n", web.local_address().c_str());
    visitor guest{web.local_address()};
    guest.ask("/");
    guest.watch_pieces_come();
    guest.send_much();
    guest.ask("/nowhere");
    guest.ask("/health");
    guest.read_metrics();
    leave(web, guest);
    auto const numbers = guest.statistics();
    std::printf(
        "%zu requests, by %ju connections. The first and the last lines of the access log:\n",
        log.size(), static_cast<std::uintmax_t>(numbers.connected));
    std::printf("  %s\n  %s\n\n", log.front().c_str(), log.back().c_str());
}

}  // namespace tour
