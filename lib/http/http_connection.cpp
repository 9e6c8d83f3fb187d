// SPDX-License-Identifier: BSL-1.0
//
// Memory: an idle connection keeps its small buffers and frees large ones, so that a burst of large
// requests does not stay for ever.
//
// Closing: a socket that is closed while input is unread makes the kernel send a reset, which may
// eat a response that is still on its way. So after a refusal, and when the server ends the
// connection, the sending side is shut down first and what arrives is thrown away for a little
// while (`linger`).
#include "http_connection.hpp"

#include "response_head.hpp"

#include <tendril/greenlet/greenlet_exit.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/time/timeout.hpp>

#include <boost/asio/error.hpp>

#include <cxxabi.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

namespace tendril::detail {
namespace {

constexpr std::size_t read_size = 2048;
constexpr std::size_t largest_read = 64 * 1024;
constexpr std::uint64_t most_at_once = largest_read;
constexpr std::size_t kept_size = 4096;
constexpr int most_empty_lines = 2;
constexpr auto linger_time = std::chrono::seconds{1};
// Enough for a request that crosses with the end of an idle connection, and much shorter than the
// usual grace of a server that stops.
constexpr auto crossing_time = std::chrono::milliseconds{250};
constexpr std::size_t linger_bytes = 16 * 1024 * 1024;

}  // namespace

http_connection::http_connection(http_state& server, tcp_stream& stream)
    : interruption{rank::edge},
      server_{server},
      stream_{stream},
      block_{*this_thread().current} {}

void http_connection::serve() {
    while (keeps_alive_) {
        progress const how = read_request();
        if (how == progress::closed) {
            break;
        }
        if (how == progress::complete) {
            answer();
        }
    }
    if (!unparsed().empty()) {
        lingers_ = linger_time;
    }
    if (lingers_ > lingers_.zero()) {
        linger();
    }
}

http_connection::progress http_connection::read_request() {
    // Made before anything can be refused: it forgets the previous request.
    request_parser parser{
        request_,
        {.head = server_.options.head_limit,
         .target = server_.options.target_limit,
         .fields = server_.options.field_limit,
         .body = server_.options.body_limit}};
    // Empty lines do not make a connection less idle.
    deadline const limit = deadline::after(server_.options.idle_timeout);
    for (int skipped = 0;;) {
        // A lone CR may be the first half of an empty line.
        if (unparsed().empty() || unparsed() == "\r") {
            if (!wait_for_request(limit)) {
                return progress::closed;
            }
        } else if (!skip_empty_line()) {
            break;
        } else if (++skipped > most_empty_lines) {
            return refuse(400);
        }
    }
    return read_head_and_body(parser);
}

// Waits for the first bytes of a request. Returns false when there will be none.
bool http_connection::wait_for_request(deadline limit) {
    lingers_ = crossing_time;
    if (server_.draining) {
        return take_last_request();
    }
    if (unparsed().empty()) {
        release_memory();
    }
    server_.idle.push_back(*this);
    scope_exit const busy_again{[&] {
        unlink();
        withdraw(block_, *this);
    }};
    input arrived = input::late;
    try {
        arrived = read_more(limit);
    } catch (drain_notice const&) {
        return take_last_request();
    }
    if (arrived != input::late) {
        lingers_ = lingers_.zero();
    }
    return arrived == input::some;
}

// The server drains. What has arrived by now is answered all the same.
bool http_connection::take_last_request() {
    return read_more(deadline::after(std::chrono::nanoseconds{0})) == input::some;
}

http_connection::progress http_connection::read_head_and_body(request_parser& parser) {
    deadline limit = deadline::after(server_.options.head_timeout);
    bool in_body = false;
    while (true) {
        error_code error;
        parsed_ += parser.parse(unparsed(), error);
        if (error.failed()) {
            return refuse(request_parser::status_for(error));
        }
        if (parser.is_done()) {
            keeps_alive_ = request_.keep_alive();
            return progress::complete;
        }
        if (parser.is_header_done() && !in_body) {
            in_body = true;
            limit = deadline::after(server_.options.body_timeout);
            if (parser.expects_continue() && unparsed().empty()) {
                write_in_time(boost::asio::buffer("HTTP/1.1 100 Continue\r\n\r\n", 25));
            }
        }
        std::uint64_t const expected = in_body ? parser.content_length_remaining().value_or(0) : 0;
        switch (read_more(limit, static_cast<std::size_t>(std::min(expected, most_at_once)))) {
        case input::some:
            break;
        case input::end:
            return progress::closed;
        case input::late:
            return refuse(408);
        }
    }
}

http_connection::input http_connection::read_more(deadline limit, std::size_t expected) {
    input_.erase(0, std::exchange(parsed_, 0));
    std::size_t const before = input_.size();
    input_.resize(before + std::clamp(std::max(before, expected), read_size, largest_read));
    std::size_t arrived = 0;
    scope_exit const cut{[&] { input_.resize(before + arrived); }};
    timeout const in_time{limit};
    try {
        error_code error;
        auto const room = boost::asio::buffer(input_.data() + before, input_.size() - before);
        arrived = stream_.read_some(room, error);
        if (error.failed() && error != boost::asio::error::eof) {
            throw system_error{error};
        }
    } catch (timed_out const& late) {
        if (!late.by(in_time)) {
            throw;
        }
        return input::late;
    }
    return arrived > 0 ? input::some : input::end;
}

bool http_connection::skip_empty_line() noexcept {
    bool const found = unparsed().substr(0, 2) == "\r\n";
    parsed_ += found ? 2 : 0;
    return found;
}

void http_connection::release_memory() noexcept {
    parsed_ = 0;
    for (std::string* const text : {&input_, &head_}) {
        text->clear();
        if (text->capacity() > kept_size) {
            std::string{}.swap(*text);
        }
    }
    request_.clear(kept_size);
    response_.clear(kept_size);
}

http_connection::progress http_connection::refuse(int status) {
    ++server_.refused;
    keeps_alive_ = false;
    lingers_ = linger_time;
    response_.clear();
    response_.status(status).header("Content-Type", "text/plain");
    response_.body(std::string{http_reason(status)} + "\n");
    send_response();
    return progress::refused;
}

void http_connection::answer() {
    call_handler();
    bool const asked_to_close = !keeps_alive_;
    keeps_alive_ = keeps_alive_ && !response_.closes() && !server_.draining;
    // A client that asked for the end sends nothing more; one that is told may be sending already.
    if (!keeps_alive_ && !asked_to_close) {
        lingers_ = linger_time;
    }
    send_response();
    ++server_.answered;
}

void http_connection::call_handler() {
    response_.clear();
    try {
        server_.on_request(request_, response_);
        return;
    } catch (cancelled const&) {
        throw;
    } catch (greenlet_exit const&) {
        throw;
    } catch (abi::__forced_unwind const&) {
        throw;
    } catch (...) {
        this_hub().report_error(
            std::current_exception(),
            "the handler of " + std::string{request_.method()} + " " +
                std::string{request_.path()});
    }
    response_.clear();
    response_.status(500).header("Content-Type", "text/plain");
    response_.body("Internal Server Error\n").close();
}

void http_connection::send_response() {
    head_.clear();
    append_head(
        head_, response_,
        {.request_version = request_.version(),
         .keeps_alive = keeps_alive_,
         .date = server_.date()});
    if (request_.method() == "HEAD" || !has_body(response_.status())) {
        write_in_time(boost::asio::buffer(head_));
    } else {
        std::array<boost::asio::const_buffer, 2> const parts{
            boost::asio::buffer(head_), boost::asio::buffer(response_.body())};
        write_in_time(parts);
    }
}

template <typename ConstBuffers>
void http_connection::write_in_time(ConstBuffers const& buffers) {
    timeout const in_time{server_.options.write_timeout};
    try {
        stream_.write(buffers);
    } catch (timed_out const& late) {
        if (!late.by(in_time)) {
            throw;
        }
        throw system_error{boost::asio::error::timed_out};
    }
}

void http_connection::linger() {
    error_code error;
    stream_.shutdown_send(error);
    deadline const limit = deadline::after(lingers_);
    std::size_t thrown_away = 0;
    input_.clear();
    parsed_ = 0;
    while (!error.failed() && thrown_away < linger_bytes) {
        if (read_more(limit, largest_read) != input::some) {
            return;
        }
        thrown_away += input_.size();
        input_.clear();
    }
}

}  // namespace tendril::detail
