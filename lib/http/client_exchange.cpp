// SPDX-License-Identifier: BSL-1.0
//
// The life and the answer of an exchange. The invariants are those of client_exchange.hpp.
#include "client_exchange.hpp"

#include "client_request_head.hpp"

#include <tendril/hub/hub.hpp>
#include <tendril/io/stream_state.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <new>
#include <span>
#include <utility>

namespace tendril::detail {
namespace {

namespace asio_error = boost::asio::error;

// What is read and dropped for the sake of a connection, and for how long.
constexpr std::size_t most_drained = 65536;
constexpr auto longest_drain = std::chrono::seconds{1};

// From this status on a server does not want the rest of a request.
constexpr int least_refusal = 300;

client_method method_of(std::string_view name) noexcept {
    return name == "HEAD" ? client_method::head : client_method::other;
}

}  // namespace

client_exchange::client_exchange(
    std::shared_ptr<client_core> core, http_client_request const& asked, http_url const& url,
    deadline total)
    : core_{std::move(core)},
      home_{this_hub()},
      errand_{
          url, asked.method + " " + url.text(), asked.limits.value_or(core_->options.limits),
          total},
      body_{asked.body},
      method_{method_of(asked.method)},
      idempotent_{is_idempotent(asked.method)},
      chunked_{asked.body_length == http_unknown_length},
      unwritten_{chunked_ ? 0 : asked.body_length} {
    bool const absolute = core_->uses_proxy(url) && !url.is_secure();
    head_text_ = make_request_head(
        asked, url, body_.empty() ? asked.body_length : body_.size(),
        {.user_agent = core_->options.user_agent,
         .absolute = absolute,
         .proxy_authorization = absolute ? std::string_view{core_->options.proxy.authorization}
                                         : std::string_view{}});
}

client_exchange::~client_exchange() {
    if (lease_.holds()) {
        core_->require_thread_to_destroy();
    }
    stop_sending();
    if (!core_->hub_exists() || !lease_.holds() || !head_came_ || response_done_ ||
        !request_done_ || reading_) {
        return;
    }
    try {
        client_connection& connection = *lease_.connection();
        std::array<char, 4096> dropped;
        std::size_t taken = 0;
        do {
            auto const step = decoder_.decode(connection.unread(), dropped);
            connection.take(step.consumed);
            taken = step.consumed;
        } while (taken > 0 && !decoder_.done());
        if (decoder_.done()) {
            end_response(true);
        }
    } catch (client_refusal const&) {
    } catch (std::bad_alloc const&) {}
}

http_client_head const& client_exchange::response() {
    core_->require_thread();
    check_interruption();
    if (!head_came_) {
        if (reading_) {
            errand_.fail(io_error(errc::busy), http_phase::response);
        }
        require_open(http_phase::response);
        guard const whole{*this};
        direction_use const reader{reading_};
        receive();
    }
    return head_;
}

void client_exchange::receive() {
    client_head_limits const most{core_->options.head_limit, core_->options.fields_limit};
    std::chrono::nanoseconds const each = errand_.limits.response;
    deadline limit = errand_.until(each);
    head_progress progress;
    while (!head_came_) {
        error_code error;
        try {
            client_head head = receive_head(
                *lease_.connection(), method_, most, limit, progress, error);
            if (!error.failed()) {
                accept(std::move(head));
            }
        } catch (client_refusal const& refusal) {
            errand_.refuse(refusal, http_phase::response);
        }
        if (error.failed() && !gets_more_time(error, each, limit)) {
            try_again(error, progress.came);
            limit = errand_.until(each);
        }
    }
}

// A server may wait for the end of the request, so what it says has its time from there on.
bool client_exchange::gets_more_time(
    error_code const& error, std::chrono::nanoseconds each, deadline& limit) const {
    if (error != errc::timed_out || !sender_.valid()) {
        return false;
    }
    deadline next = deadline::after(each);
    if (!is_sending() && !next.is_never()) {
        next = deadline::at(next.moment() - (home_.now() - sent_at_));
    }
    next = std::min(next, errand_.total);
    bool const later = next > limit;
    limit = next;
    return later;
}

// Sends it once more (2), or says what has gone wrong.
void client_exchange::try_again(error_code const& error, bool came) {
    bool const stale = lease_.reused() && is_end_of_peer(error) && !came;
    bool const whole = !chunked_ && unwritten_ == 0 && !written_;
    if (stale && idempotent_ && whole && !tried_again_) {
        tried_again_ = true;
        ++core_->retried;
        stop_sending();
        connect();
        send_all();
        return;
    }
    if (send_error_.failed()) {
        errand_.fail(send_error_, http_phase::send);
    }
    bool const silent = error == asio_error::eof || error == http_client_errc::truncated;
    error_code const ended = came ? http_client_errc::truncated : http_client_errc::no_response;
    errand_.fail(silent ? ended : error, phase_of_end(error, http_phase::response));
}

void client_exchange::accept(client_head&& head) {
    decoder_.begin(head);
    head_.status_ = head.status;
    head_.reason_ = std::move(head.reason);
    head_.fields_ = std::move(head.fields);
    if (head.framing == body_framing::none) {
        head_.body_length_ = 0;
    } else if (head.framing == body_framing::length) {
        head_.body_length_ = head.length;
    }
    keep_alive_ = head.keep_alive;
    head_came_ = true;
    if (head.status >= least_refusal) {
        stop_sending();
    }
    if (decoder_.done()) {
        end_response(true);
    }
}

void client_exchange::end_response(bool in_order) {
    response_done_ = true;
    keep_alive_ = keep_alive_ && in_order && !send_error_.failed();
    if (request_done_) {
        lease_.give_back(keep_alive_);
    } else if (!keep_alive_ || head_.status_ >= least_refusal) {
        lease_.end();
    }
}

std::size_t client_exchange::read(boost::asio::mutable_buffer into) {
    response();
    if (into.size() == 0 || response_done_) {
        return 0;
    }
    if (reading_) {
        errand_.fail(io_error(errc::busy), http_phase::body);
    }
    require_open(http_phase::body);
    guard const whole{*this};
    direction_use const reader{reading_};
    try {
        std::size_t size = 0;
        while (size == 0 && !response_done_) {
            size = read_part(into);
        }
        return size;
    } catch (client_refusal const& refusal) {
        errand_.refuse(refusal, http_phase::body);
    }
}

std::size_t client_exchange::read_part(boost::asio::mutable_buffer into) {
    client_connection& connection = *lease_.connection();
    if (!connection.unread().empty()) {
        auto const step = decoder_.decode(
            connection.unread(), std::span<char>{static_cast<char*>(into.data()), into.size()});
        connection.take(step.consumed);
        if (decoder_.done()) {
            end_response(true);
        }
        if (step.produced > 0 || response_done_) {
            return step.produced;
        }
    }
    // Small parts are better read together.
    constexpr std::size_t worth_it = 4096;
    if (connection.unread().empty() &&
        std::min<std::uint64_t>(decoder_.raw(), into.size()) >= worth_it) {
        return read_raw(into);
    }
    read_ahead();
    return 0;
}

// Reads to where the bytes belong.
std::size_t client_exchange::read_raw(boost::asio::mutable_buffer into) {
    auto const most = static_cast<std::size_t>(
        std::min<std::uint64_t>(decoder_.raw(), into.size()));
    error_code error;
    std::size_t const size = read_through(boost::asio::buffer(into, most), error);
    if (size > 0) {
        decoder_.took_raw(size);
    }
    judge_end(error);
    if (decoder_.done() && !response_done_) {
        end_response(true);
    }
    return size;
}

void client_exchange::read_ahead() {
    client_connection& connection = *lease_.connection();
    error_code error;
    connection.came(read_through(connection.room(), error));
    judge_end(error);
}

// Waits for a part of the body.
std::size_t client_exchange::read_through(
    boost::asio::mutable_buffer into, error_code& error) const {
    client_transport& transport = *lease_.connection()->transport;
    std::chrono::nanoseconds const each = errand_.limits.body;
    deadline limit = errand_.until(each);
    std::size_t size = transport.read_some(into, limit, error);
    while (gets_more_time(error, each, limit)) {
        size = transport.read_some(into, limit, error);
    }
    return size;
}

void client_exchange::judge_end(error_code const& error) {
    if (error == asio_error::eof) {
        decoder_.end_of_input();
        end_response(false);
    } else if (error.failed() && send_error_.failed() && !is_end_of_peer(send_error_)) {
        errand_.fail(send_error_, http_phase::send);
    } else if (error.failed()) {
        errand_.fail(error, phase_of_end(error, http_phase::body));
    }
}

// While the request leaves, only the limit for all of it ends the wait for what the server says.
http_phase client_exchange::phase_of_end(error_code const& error, http_phase awaited) const {
    return error == errc::timed_out && is_sending() ? http_phase::send : awaited;
}

std::string client_exchange::read_all(std::size_t limit) {
    core_->require_thread();
    if (reading_) {
        errand_.fail(io_error(errc::busy), http_phase::body);
    }
    guard const whole{*this};
    constexpr std::size_t first_part = 4096;
    std::uint64_t const announced = response().body_length().value_or(0);
    std::string text;
    std::size_t filled = 0;
    while (!response_done_) {
        // One byte more than is allowed: whether it comes is the question.
        std::size_t const wanted = std::max(first_part, 2 * filled);
        text.resize(std::min(limit < text.max_size() ? limit + 1 : limit, wanted));
        if (announced <= limit) {
            filled += read(boost::asio::buffer(text.data() + filled, text.size() - filled));
        }
        if (filled > limit || announced > limit) {
            errand_.fail(http_client_errc::body_too_large, http_phase::body);
        }
    }
    text.resize(filled);
    return text;
}

void client_exchange::drain() {
    if (!keep_alive_ || !request_done_) {
        lease_.end();
        return;
    }
    errand_.total = std::min(errand_.total, deadline::after(longest_drain));
    try {
        guard const whole{*this};
        std::array<char, 4096> dropped;
        std::size_t size = 0;
        while (!response_done_ && size < most_drained) {
            size += read(boost::asio::buffer(dropped));
        }
    } catch (http_client_error const&) {
        // What it says is not wanted; it is closed.
    }
    lease_.end();
}

void client_exchange::close() {
    core_->require_thread();
    lease_.end();
    if (connecting_ != nullptr) {
        connecting_->cancel("the stream was closed");
    }
}

}  // namespace tendril::detail
