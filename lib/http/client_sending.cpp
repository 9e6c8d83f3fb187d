// SPDX-License-Identifier: BSL-1.0
//
// The request of an exchange. The invariants are those of client_exchange.hpp.
#include "client_exchange.hpp"

#include "append_text.hpp"
#include "client_request_head.hpp"

#include <tendril/hub/cancellation.hpp>
#include <tendril/io/stream_state.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/task/spawn.hpp>

#include <boost/asio/error.hpp>

#include <new>
#include <string>
#include <utility>

namespace tendril::detail {
namespace {

namespace asio_error = boost::asio::error;

// What is not larger finds room in the kernel, whether the server reads or not.
constexpr std::size_t most_sent_at_once = 16384;

}  // namespace

bool is_end_of_peer(error_code const& error) noexcept {
    return error == asio_error::eof || error == asio_error::connection_reset ||
        error == asio_error::broken_pipe || error == asio_error::connection_aborted ||
        error == asio_error::not_connected || error == http_client_errc::truncated;
}

class client_exchange::sending_end {
public:
    explicit sending_end(client_exchange& of) noexcept : of_{&of} {}
    sending_end(sending_end&& other) noexcept : of_{std::exchange(other.of_, nullptr)} {}
    ~sending_end() {
        if (of_ != nullptr) {
            of_->note_end_of_sending();
        }
    }

private:
    client_exchange* of_;
};

void client_exchange::start() {
    guard const whole{*this};
    if (errand_.url.is_secure() && !has_tls()) {
        errand_.fail(http_client_errc::no_tls, http_phase::connect);
    }
    bool in_time = false;
    try {
        in_time = core_->pool->acquire(
            core_->key_of(errand_.url), errand_.until(errand_.limits.slot), lease_);
    } catch (system_error const& error) {
        errand_.fail(error.code(), http_phase::slot);
    }
    if (!in_time) {
        errand_.fail(io_error(errc::timed_out), http_phase::slot);
    }
    if (lease_.connection() != nullptr && !lease_.connection()->is_quiet()) {
        lease_.drop_connection();
    }
    send_all();
}

void client_exchange::connect() {
    lease_.drop_connection();
    std::unique_ptr<client_connection> made;
    client_connecting attempt{*core_->pool};
    connecting_ = &attempt.scope;
    scope_exit const connected{[&] { connecting_ = nullptr; }};
    bool const in_time = attempt.scope.run([&] { made = core_->connect(errand_); });
    if (!in_time || !lease_.holds()) {
        errand_.fail(io_error(errc::closed), http_phase::connect);
    }
    try {
        lease_.fill(std::move(made));
    } catch (system_error const& error) {
        errand_.fail(error.code(), http_phase::connect);
    }
}

void client_exchange::send_all() {
    if (lease_.connection() == nullptr) {
        connect();
    }
    send_error_ = {};
    request_done_ = false;
    if (body_.size() > most_sent_at_once) {
        sender_ = spawn(
            {.name = "sending a request", .where = {}},
            [this, end = sending_end{*this}] { send_beside(); });
        return;
    }
    send_pieces(
        *lease_.connection()->transport,
        {boost::asio::buffer(head_text_), boost::asio::buffer(body_.data(), body_.size())}, errand_,
        send_error_);
    if (send_error_.failed() && !is_end_of_peer(send_error_)) {
        errand_.fail(send_error_, http_phase::send);
    }
    request_done_ = !chunked_ && unwritten_ == 0;
}

// In the task that sends.
void client_exchange::send_beside() {
    try {
        send_pieces(
            *lease_.connection()->transport,
            {boost::asio::buffer(head_text_), boost::asio::buffer(body_.data(), body_.size())},
            errand_, send_error_);
        request_done_ = !send_error_.failed();
    } catch (std::bad_alloc const&) {
        send_error_ = asio_error::no_memory;
    }
}

void client_exchange::note_end_of_sending() noexcept {
    sent_at_ = home_.now();
    if (stops_sending_) {
        return;
    }
    if (request_done_) {
        end_request();
        return;
    }
    if (!send_error_.failed()) {
        send_error_ = asio_error::operation_aborted;
    }
    if (!is_end_of_peer(send_error_)) {
        lease_.connection()->transport->abort();
    }
}

// Whoever has an answer that needs no more of the request, or none at all, does not let it be sent.
void client_exchange::stop_sending() noexcept {
    if (sender_.valid()) {
        interruption_shield const until_ended;
        stops_sending_ = true;
        sender_.cancel();
        sender_.join();
        sender_ = {};
        stops_sending_ = false;
    }
}

void client_exchange::finish_sending() {
    if (is_sending() && lease_.holds()) {
        guard const whole{*this};
        sender_.join();
    }
}

void client_exchange::require_open(http_phase phase) const {
    if (!lease_.holds()) {
        errand_.fail(io_error(errc::closed), phase);
    }
}

void client_exchange::write(std::string_view piece) {
    core_->require_thread();
    TENDRIL_REQUIRE(
        !request_done_ && (chunked_ || piece.size() <= unwritten_),
        "more is written than was announced: say how long the body is in `body_length`, or that "
        "nobody knows by `http_unknown_length`");
    check_interruption();
    if (piece.empty()) {
        return;
    }
    std::string line;
    if (chunked_) {
        append_chunk_size(line, piece.size());
    }
    send(
        {boost::asio::buffer(line), boost::asio::buffer(piece.data(), piece.size()),
         boost::asio::buffer("\r\n", chunked_ ? 2 : 0)});
    unwritten_ -= chunked_ ? 0 : piece.size();
    if (!chunked_ && unwritten_ == 0) {
        end_request();
    }
}

void client_exchange::finish(http_client_fields const& trailers) {
    core_->require_thread();
    check_interruption();
    TENDRIL_REQUIRE(
        chunked_ || trailers.empty(),
        "trailers follow a body in chunks only: its length is `http_unknown_length`");
    TENDRIL_REQUIRE(
        unwritten_ == 0, "less was written than was announced: the server waits for the rest");
    require_sendable_trailers(trailers);
    if (request_done_) {
        return;
    }
    std::string text = "0\r\n";
    for (auto const& [name, value] : trailers) {
        append_field(text, name, value);
    }
    text.append("\r\n");
    send({boost::asio::buffer(text)});
    end_request();
}

void client_exchange::send(client_transport::pieces const& from) {
    if (writing_) {
        errand_.fail(io_error(errc::busy), http_phase::send);
    }
    require_open(http_phase::send);
    written_ = true;
    if (!send_error_.failed()) {
        guard const whole{*this};
        direction_use const writer{writing_};
        send_pieces(*lease_.connection()->transport, from, errand_, send_error_);
        if (send_error_.failed() && !is_end_of_peer(send_error_)) {
            errand_.fail(send_error_, http_phase::send);
        }
    }
    if (send_error_.failed()) {
        errand_.fail(send_error_, http_phase::send);
    }
}

void client_exchange::end_request() {
    request_done_ = true;
    if (response_done_ && lease_.holds()) {
        lease_.give_back(keep_alive_);
    }
}

}  // namespace tendril::detail
