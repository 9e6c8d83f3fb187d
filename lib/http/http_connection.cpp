// SPDX-License-Identifier: BSL-1.0
//
// Memory: an idle connection frees large buffers, so that a burst does not stay for ever.
//
// Closing: after a refusal, and when the server ends the connection, what arrives is thrown away
// for a little while (connection_io.hpp, `linger`).
#include "http_connection.hpp"

#include "metrics.hpp"

#include <tendril/greenlet/greenlet_exit.hpp>
#include <tendril/http/http_error.hpp>
#include <tendril/http/status.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/server/connection.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/time/sleep.hpp>
#include <tendril/time/timeout.hpp>

#include <boost/asio/error.hpp>

#include <cxxabi.h>

#include <array>
#include <chrono>
#include <optional>
#include <utility>

namespace tendril::detail {
namespace {

constexpr std::size_t kept_size = 4096;
constexpr int most_empty_lines = 2;
constexpr auto linger_time = std::chrono::seconds{1};
// Enough for a request that crosses with the end of an idle connection, and much shorter than the
// usual grace of a server that stops.
constexpr auto crossing_time = std::chrono::milliseconds{250};

}  // namespace

http_connection::http_connection(http_state& server, any_stream& stream)
    : interruption{rank::edge},
      server_{server},
      io_{stream, server.options.write_timeout},
      block_{*this_thread().current},
      since_{this_hub().now()} {
    if (connection_info const* const known = this_connection.find()) {
        is_local_ = known->peer.is_local;
        if (known->peer.endpoint) {
            peer_.address = known->peer.endpoint->address();
            peer_.port = known->peer.endpoint->port();
        }
    }
}

void http_connection::serve() {
    std::optional<request_parser> parser;
    while (keeps_alive_) {
        // Made before anything can be refused: it forgets the previous request.
        parser.emplace(
            request_,
            request_limits{
                .head = server_.options.head_limit,
                .target = server_.options.target_limit,
                .fields = server_.options.field_limit,
                .allow_connect = server_.options.allow_connect,
                .secured = server_.secured});
        know_client();
        started_ = {};
        progress const how = read_request(*parser);
        if (how == progress::closed) {
            break;
        }
        if (how == progress::complete) {
            answer(*parser);
        }
    }
    if (!io_.unparsed().empty()) {
        lingers_ = linger_limit();
    }
    if (lingers_ > lingers_.zero() && io_.stream().is_open()) {
        io_.linger(lingers_);
    }
}

// What a request can tell before it has come.
void http_connection::know_client() noexcept {
    request_.secured_ = server_.secured;
    request_.is_local_ = is_local_;
    request_.origin_ = &peer_;
}

http_connection::progress http_connection::read_request(request_parser& parser) {
    // Empty lines do not make a connection less idle.
    deadline const limit = deadline::after(server_.options.idle_timeout);
    for (int skipped = 0;;) {
        // A lone CR may be the first half of an empty line.
        if (io_.unparsed().empty() || io_.unparsed() == "\r") {
            if (!wait_for_request(limit)) {
                return progress::closed;
            }
        } else if (!skip_empty_line()) {
            break;
        } else if (++skipped > most_empty_lines) {
            return refuse(400);
        }
    }
    return read_head(parser);
}

// Waits for the first bytes of a request. Returns false when there will be none.
bool http_connection::wait_for_request(deadline limit) {
    lingers_ = crossing_time;
    if (server_.draining) {
        return take_last_request();
    }
    if (io_.unparsed().empty()) {
        release_memory();
    }
    std::optional<arrival> const arrived = wait_idle(limit);
    if (!arrived) {
        return take_last_request();
    }
    if (*arrived != arrival::late) {
        lingers_ = lingers_.zero();
    }
    return *arrived == arrival::some;
}

// Waits where a server that drains finds it. Returns nothing when one has.
std::optional<arrival> http_connection::wait_idle(deadline limit) {
    server_.idle.push_back(*this);
    scope_exit const busy_again{[&] {
        unlink();
        withdraw(block_, *this);
    }};
    try {
        return io_.read_more(limit);
    } catch (drain_notice const&) {
        return std::nullopt;
    }
}

// The server drains. What has arrived by now is answered all the same.
bool http_connection::take_last_request() {
    return io_.read_more(deadline::after(std::chrono::nanoseconds{0})) == arrival::some;
}

http_connection::progress http_connection::read_head(request_parser& parser) {
    deadline const limit = deadline::after(server_.options.head_timeout);
    know_client();
    while (true) {
        error_code error;
        io_.consume(parser.parse(io_.unparsed(), error));
        if (error.failed()) {
            return refuse(error.value());
        }
        if (parser.is_header_done()) {
            break;
        }
        switch (io_.read_more(limit, 0, server_.options.head_limit)) {
        case arrival::some:
            break;
        case arrival::end:
            return progress::closed;
        case arrival::late:
            return refuse(408);
        }
    }
    return judge_head(parser);
}

// Judges what is right by itself, and may still not be wanted here.
http_connection::progress http_connection::judge_head(request_parser& parser) {
    started_ = this_hub().now();
    if (knows_proxies() && !find_origin()) {
        return refuse(400);
    }
    std::optional<std::uint64_t> const most = body_limit();
    if (!most) {
        return refuse(500);
    }
    return parser.limit_body(*most) ? progress::complete : refuse(413);
}

// Returns nothing when whoever decides about it has failed.
std::optional<std::uint64_t> http_connection::body_limit() {
    if (!server_.options.body_limit_for) {
        return server_.options.body_limit;
    }
    try {
        return server_.options.body_limit_for(request_);
    } catch (std::exception const&) {
        report(std::current_exception());
    }
    return std::nullopt;
}

// Nothing is believed of somebody whose address is not known.
bool http_connection::knows_proxies() const noexcept {
    return !server_.options.trusted_proxies.empty() &&
        (is_local_ || !peer_.address.is_unspecified());
}

// Finds out whom trusted proxies name. Returns false when what they say makes no sense.
bool http_connection::find_origin() {
    // The permissions of its path decide who can be at the other end of a Unix socket.
    boost::asio::ip::address const near = peer_.address.is_unspecified()
        ? boost::asio::ip::address{boost::asio::ip::address_v4::loopback()}
        : peer_.address;
    origin_ = tendril::find_origin(
        tcp_endpoint{near, peer_.port}, request_.fields(), server_.options.forwarding,
        server_.options.trusted_proxies);
    if (origin_.proxies == 0 && is_local_) {
        origin_.address = peer_.address;
    }
    request_.origin_ = &origin_;
    if (server_.options.trusted_proxies.contains(near)) {
        constexpr std::size_t longest_id = 128;
        std::string_view const id = request_.header("X-Request-Id");
        request_.id_ = is_http_token(id) && id.size() <= longest_id ? id : std::string_view{};
    }
    return !origin_.malformed;
}

bool http_connection::skip_empty_line() noexcept {
    bool const found = io_.unparsed().substr(0, 2) == "\r\n";
    io_.consume(found ? 2 : 0);
    return found;
}

void http_connection::release_memory() noexcept {
    io_.release_memory(kept_size);
    if (head_.capacity() > kept_size) {
        std::string{}.swap(head_);
    }
    request_.clear(kept_size);
    know_client();
    response_.reset(kept_size);
}

http_connection::progress http_connection::refuse(int status) {
    ++server_.numbers.refused;
    started_ = started_ == time_point{} ? this_hub().now() : started_;
    keeps_alive_ = false;
    lingers_ = linger_limit();
    response_.reset();
    response_.status(status).header("Content-Type", "text/plain");
    if (status == 405) {
        // What a handler may be asked with; which of them it answers is its own matter.
        response_.header("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    }
    response_.body(std::string{http_reason(status)} + "\n");
    head_.clear();
    append_head(
        head_, response_,
        {.request_version = request_.version(),
         .keeps_alive = false,
         .how = framing::length,
         .length = response_.body().size(),
         .date = server_.date()});
    std::size_t const body_bytes = request_.method() == "HEAD" ? 0 : response_.body().size();
    head_.append(response_.body(), 0, body_bytes);
    std::array const parts{boost::asio::const_buffer{boost::asio::buffer(head_)}};
    error_code error;
    io_.write(parts, error);
    conclude(status, body_bytes);
    throw_if(error, "refusing a request");
    return progress::refused;
}

// Says whether there may be another request after this one.
bool http_connection::may_go_on() const noexcept {
    auto const& options = server_.options;
    bool const too_many = options.requests_per_connection > 0 &&
        requests_ >= options.requests_per_connection;
    bool const too_old = options.connection_age.count() > 0 &&
        this_hub().now() - since_ >= options.connection_age;
    return request_.keep_alive() && !too_many && !too_old;
}

void http_connection::answer(request_parser& parser) {
    ++requests_;
    request_body body{io_, parser, server_.options};
    response_.reset();
    response_writer writer{server_, io_, request_, body, response_, head_, may_go_on()};
    request_.source_ = &body;
    response_.sink_ = &writer;
    scope_exit const let_go{[&] {
        request_.source_ = nullptr;
        response_.sink_ = nullptr;
    }};
    // Also when the handler is ended in the middle.
    scope_exit lost{[&] {
        give_up(writer);
        expel_others(writer, body);
    }};
    bool const can_answer = answer_itself() || call_handler(writer);
    if (writer.is_busy() || body.is_busy()) {
        report(std::make_exception_ptr(misuse{
            "a handler has returned while another greenlet read its request or wrote its response: "
            "join it first"}));
        return;
    }
    if (!can_answer || !finish(writer)) {
        return;
    }
    lost.dismiss();
    ++server_.numbers.answered;
    conclude(response_.status(), writer.body_bytes());
    keeps_alive_ = writer.keeps_alive() && !response_.closes() && body.skip_rest();
    // A client that asked for the end sends nothing more; one that is told may be sending already.
    bool const knows_end = !request_.keep_alive() && body.is_complete();
    if (!keeps_alive_ && !knows_end && !writer.is_taken()) {
        lingers_ = linger_limit();
    }
}

// Whoever else reads the request or writes the response gets an error, and is waited for, because
// both end here.
void http_connection::expel_others(response_writer& writer, request_body& body) noexcept {
    if (writer.is_busy() || body.is_busy()) {
        io_.stream().abort();
        interruption_shield const shield;
        while (writer.is_busy() || body.is_busy()) {
            yield();
        }
    }
}

// Returns false when the client cannot be answered to the end.
bool http_connection::finish(response_writer& writer) {
    try {
        return writer.finish();
    } catch (misuse const&) {
        report(std::current_exception());
    }
    if (writer.is_fresh()) {
        answer_error(writer, 500, {});
        return writer.finish();
    }
    return false;
}

// The client must not take a part for the whole.
void http_connection::give_up(response_writer& writer) noexcept {
    keeps_alive_ = false;
    lingers_ = lingers_.zero();
    if (!writer.is_fresh()) {
        io_.stream().abort();
    }
    ++server_.numbers.cut_off;
    try {
        conclude(response_.begun() ? response_.status() : 0, writer.body_bytes());
    } catch (...) {
        // A wish to end this greenlet: it is being ended.
    }
}

// A client that waits for the end of a server must not use up its grace.
std::chrono::milliseconds http_connection::linger_limit() const noexcept {
    return server_.draining ? std::chrono::milliseconds{crossing_time} : linger_time;
}

// Counts the exchange, and tells who wants to know.
void http_connection::conclude(int status, std::uint64_t body_bytes) {
    server_.numbers.bytes_sent += body_bytes;
    ++server_.numbers.by_class[static_cast<std::size_t>(status / 100)];
    if (!server_.options.on_exchange) {
        return;
    }
    try {
        server_.options.on_exchange(
            {.request = request_,
             .status = status,
             .body_bytes = body_bytes,
             .duration = this_hub().now() - started_,
             .at = std::chrono::system_clock::now()});
    } catch (cancelled const&) {
        throw;
    } catch (greenlet_exit const&) {
        throw;
    } catch (abi::__forced_unwind const&) {
        throw;
    } catch (...) {
        report(std::current_exception());
    }
}

// Answers what is not for the handler. Returns whether it was such a thing.
bool http_connection::answer_itself() {
    if (request_.target() == "*") {
        response_.status(204);
        return true;
    }
    bool const asks = request_.method() == "GET" || request_.method() == "HEAD";
    auto const is_at = [&](std::string const& path) {
        return asks && !path.empty() && request_.path() == path;
    };
    auto const& options = server_.options;
    if (is_at(options.metrics_path)) {
        response_.header("Content-Type", metrics_type).body(metrics_text(server_.statistics()));
        return true;
    }
    bool const ready = server_.ready && !server_.draining;
    if (is_at(options.health_path) || is_at(options.ready_path)) {
        bool const good = is_at(options.health_path) || ready;
        response_.status(good ? 200 : 503).header("Content-Type", "text/plain");
        response_.body(good ? "ok\n" : "not ready\n");
        return true;
    }
    return false;
}

// Returns false when there is no way to answer any more.
bool http_connection::call_handler(response_writer& writer) {
    ++server_.numbers.in_progress;
    scope_exit const no_more{[&] { --server_.numbers.in_progress; }};
    try {
        call_in_time();
        return true;
    } catch (cancelled const&) {
        throw;
    } catch (greenlet_exit const&) {
        throw;
    } catch (abi::__forced_unwind const&) {
        throw;
    } catch (system_error const& error) {
        if (error.code().category() == http_category()) {
            return answer_refusal(writer, error);
        }
        // That the client has gone is its own affair.
        if (error.code() != io_.failure()) {
            return answer_failure(writer);
        }
    } catch (...) {
        return answer_failure(writer);
    }
    return false;
}

// An algorithm that is told as a code why a body ends makes an error of it that has no text.
bool http_connection::answer_refusal(response_writer& writer, system_error const& error) {
    if (!writer.is_fresh()) {
        report(std::current_exception());
        return false;
    }
    auto const* const told = dynamic_cast<http_error const*>(&error);
    answer_error(writer, error.code().value(), told != nullptr ? told->text() : std::string{});
    return true;
}

bool http_connection::answer_failure(response_writer& writer) {
    report(std::current_exception());
    if (!writer.is_fresh() || io_.has_failed()) {
        return false;
    }
    answer_error(writer, 500, {});
    return true;
}

// Calls the handler, for as long as it may take.
void http_connection::call_in_time() {
    if (server_.options.handler_timeout.count() <= 0) {
        server_.on_request(request_, response_);
        return;
    }
    timeout const in_time{server_.options.handler_timeout};
    try {
        server_.on_request(request_, response_);
    } catch (timed_out const& late) {
        if (!late.by(in_time)) {
            throw;
        }
        throw http_error{503};
    }
}

void http_connection::answer_error(response_writer& writer, int status, std::string text) {
    bool const closes = response_.closes() || status == 500;
    response_.reset();
    response_.sink_ = &writer;
    response_.status(status).header("Content-Type", "text/plain");
    response_.body((text.empty() ? std::string{http_reason(status)} : std::move(text)) + "\n");
    if (closes) {
        response_.close();
    }
}

// Where there is no memory for the request's name the error is told without.
void http_connection::report(std::exception_ptr error) const noexcept {
    std::string whose = "a handler";
    try {
        whose = "the handler of " + std::string{request_.method()} + " " +
            std::string{request_.path()};
    } catch (std::bad_alloc const&) {}
    this_hub().report_error(error, whose);
}

}  // namespace tendril::detail
