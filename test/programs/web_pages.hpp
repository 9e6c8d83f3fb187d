// SPDX-License-Identifier: BSL-1.0
#pragma once

// The pages of a web server for clients that other people have written: one for each thing that
// they may ask.
//
//     path           answer
//     /              a page
//     /echo          the method and the length of the body in fields, the body as body
//     /bytes?N       N bytes that are told apart by where they stand
//     /text?N        N lines of text, which may be compressed
//     /pieces?N      the same, piece by piece without a length, and their number behind them
//     /count         how many bytes the body has, which is read piece by piece
//     /status?N      that status
//     /wait?N        a page after N milliseconds
//     /work?N        a page for which N microseconds of the processor's time are used

#include <tendril/tendril.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <iostream>
#include <string>
#include <utility>

namespace web {

inline std::string numbered_bytes(std::size_t from, std::size_t until) {
    std::string text(until - from, ' ');
    for (std::size_t at = from; at < until; ++at) {
        text[at - from] = static_cast<char>((at * 31 + at / 256) % 251);
    }
    return text;
}

inline void send_pieces(tendril::http_response& response, std::size_t size) {
    for (std::size_t at = 0; at < size;) {
        std::size_t const next = std::min(at + at / 2 + 1, std::min(size, at + 100'000));
        response.write(boost::asio::buffer(numbered_bytes(at, next)));
        at = next;
    }
    response.begin();
    response.trailer("X-Length", std::to_string(size));
}

inline std::uint64_t count_body(tendril::http_request& request) {
    std::uint64_t size = 0;
    std::array<char, 32'768> part;
    tendril::error_code error;
    while (!error) {
        size += request.read_some(boost::asio::buffer(part), error);
    }
    if (error != boost::asio::error::eof) {
        throw tendril::system_error{error, "reading a body"};
    }
    return size;
}

inline void use_processor(std::chrono::microseconds how_long) {
    auto const used = [] {
        timespec now{};
        ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
        return std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec};
    };
    for (auto const until = used() + how_long; used() < until;) {}
}

inline void answer(tendril::http_request& request, tendril::http_response& response) {
    auto const number = [&] { return std::stoul("0" + std::string{request.query()}); };
    if (request.path() == "/") {
        response.header("Content-Type", "text/plain").body("a page\n");
    } else if (request.path() == "/echo") {
        std::string body = request.body();
        response.header("X-Method", request.method());
        response.header("X-Length", std::to_string(body.size()));
        response.body(std::move(body));
    } else if (request.path() == "/bytes") {
        response.header("Content-Type", "application/octet-stream");
        response.body(numbered_bytes(0, number()));
    } else if (request.path() == "/text") {
        std::string text;
        for (std::size_t line = 0; line < number(); ++line) {
            text += "line " + std::to_string(line) + " of many\n";
        }
        response.header("Content-Type", "text/plain").body(std::move(text));
    } else if (request.path() == "/pieces") {
        send_pieces(response, number());
    } else if (request.path() == "/count") {
        response.body(std::to_string(count_body(request)) + '\n');
    } else if (request.path() == "/status") {
        response.status(static_cast<int>(number())).body("a status\n");
    } else if (request.path() == "/wait") {
        tendril::sleep_for(std::chrono::milliseconds{number()});
        response.body("at last\n");
    } else if (request.path() == "/work") {
        use_processor(std::chrono::microseconds{number()});
        response.body("done\n");
    } else {
        response.status(404).body("nothing here\n");
    }
}

inline tendril::http_server_options options() {
    tendril::http_server_options made;
    made.body_limit = 1024 * 1024 * 1024;
    return made;
}

/// Serves until SIGINT or SIGTERM, and says where.
inline void serve(tendril::http_server& server) {
    tendril::signal_set quit{SIGINT, SIGTERM};
    server.start();
    std::cout << "listening on " << server.local_address() << std::endl;
    quit.wait();
    server.stop(std::chrono::seconds{5});
}

}  // namespace web
