// SPDX-License-Identifier: BSL-1.0
#include "connection_io.hpp"

#include "append_text.hpp"

#include <tendril/support/scope_exit.hpp>
#include <tendril/time/timeout.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <array>
#include <span>
#include <tuple>

namespace tendril::detail {
namespace {

constexpr std::size_t read_size = 2048;
constexpr std::size_t largest_read = 64 * 1024;
constexpr std::size_t linger_bytes = 16 * 1024 * 1024;
// A write tells how far it has got after so many buffers at the latest.
constexpr std::size_t buffers_at_once = 16;

// The buffers behind the first `done` bytes of some, at most sixteen.
class rest_of_buffers {
public:
    rest_of_buffers(stream_model::const_buffers whole, std::size_t done) noexcept {
        for (boost::asio::const_buffer const& each : whole) {
            std::size_t const skipped = std::min(done, each.size());
            done -= skipped;
            if (skipped < each.size() && count_ < rest_.size()) {
                rest_[count_++] = each + skipped;
            }
        }
    }
    bool empty() const noexcept { return count_ == 0; }
    std::span<boost::asio::const_buffer const> span() const noexcept {
        return {rest_.data(), count_};
    }

private:
    std::array<boost::asio::const_buffer, buffers_at_once> rest_;
    std::size_t count_ = 0;
};

}  // namespace

arrival connection_io::read_more(deadline limit, std::size_t expected, std::size_t most) {
    input_.erase(0, std::exchange(parsed_, 0));
    std::size_t const before = input_.size();
    std::size_t const wanted = std::clamp(std::max(before, expected), read_size, largest_read);
    std::size_t const room = std::max<std::size_t>(most - std::min(most, before), 1);
    input_.resize(before + std::min(wanted, room));
    std::size_t size = 0;
    scope_exit const cut{[&] { input_.resize(before + size); }};
    arrival how = arrival::some;
    std::tie(how, size) = read_into(
        boost::asio::buffer(input_.data() + before, input_.size() - before), limit);
    return how;
}

std::pair<arrival, std::size_t> connection_io::read_into(
    boost::asio::mutable_buffer into, deadline limit) {
    timeout const in_time{limit};
    try {
        error_code error;
        std::size_t const size = stream_.read_some(into, error);
        if (error.failed() && error != boost::asio::error::eof) {
            failure_ = error;
            throw system_error{without_place(error)};
        }
        return {size > 0 ? arrival::some : arrival::end, size};
    } catch (timed_out const& late) {
        if (!late.by(in_time)) {
            throw;
        }
        return {arrival::late, 0};
    }
}

void connection_io::write(stream_model::const_buffers from, error_code& error) {
    error = {};
    std::size_t done = 0;
    while (true) {
        rest_of_buffers const rest{from, done};
        if (rest.empty()) {
            return;
        }
        timeout const in_time{write_timeout_};
        try {
            done += stream_.write_some(rest.span(), error);
        } catch (timed_out const& late) {
            if (!late.by(in_time)) {
                throw;
            }
            error = boost::asio::error::timed_out;
        }
        if (error.failed()) {
            failure_ = error;
            return;
        }
    }
}

// Over TLS the end is a record, which may not find room in time. Returns whether it has left.
bool connection_io::end_sending(deadline limit) {
    timeout const in_time{limit};
    try {
        error_code error;
        stream_.shutdown_send(error);
        return !error.failed();
    } catch (timed_out const& late) {
        if (!late.by(in_time)) {
            throw;
        }
        return false;
    }
}

void connection_io::linger(std::chrono::nanoseconds duration) {
    deadline const limit = deadline::after(duration);
    bool const may_answer = end_sending(limit);
    std::size_t thrown_away = 0;
    input_.clear();
    parsed_ = 0;
    while (may_answer && thrown_away < linger_bytes) {
        if (read_more(limit, largest_read) != arrival::some) {
            return;
        }
        thrown_away += input_.size();
        input_.clear();
    }
}

void connection_io::release_memory(std::size_t kept) noexcept {
    parsed_ = 0;
    clear_text(input_, kept);
}

}  // namespace tendril::detail
