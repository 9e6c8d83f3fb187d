// SPDX-License-Identifier: BSL-1.0
//
// Invariants:
// 1. `part_` is a view of the input that the parser has consumed: nothing is read into the input
//    while it is not empty.
// 2. After a failure the parser is not asked any more, and nothing behind it is a request.
#include "request_body.hpp"

#include <tendril/http/http_error.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/support/scope_exit.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <tuple>
#include <utility>

namespace tendril::detail {
namespace {

// What nobody has read of a body is thrown away up to so much, for so long.
constexpr std::uint64_t most_skipped = 64 * 1024;
constexpr auto skip_time = std::chrono::seconds{2};
constexpr std::uint64_t most_expected = 64 * 1024;
// Smaller buffers are filled from the input, which takes more at once.
constexpr std::size_t least_direct = 4096;

}  // namespace

request_body::request_body(
    connection_io& io, request_parser& parser, http_server_options const& options) noexcept
    : io_{io},
      parser_{parser},
      options_{options},
      patience_{options.body_timeout},
      asks_first_{parser.expects_continue()} {}

std::size_t request_body::read_some(boost::asio::mutable_buffer into, error_code& error) {
    if (busy_) {
        error = io_error(errc::busy);
        return end_at_once();
    }
    busy_ = true;
    scope_exit const done{[&] { busy_ = false; }};
    error = failure_;
    if (error.failed() || (into.size() == 0 && !is_complete())) {
        return end_at_once();
    }
    std::size_t size = 0;
    try {
        size = read_parsed(into, error);
    } catch (system_error const& gone) {
        error = gone.code();
    }
    if (error.failed() && error != boost::asio::error::eof) {
        failure_ = error;
    }
    return size;
}

std::size_t request_body::read_parsed(boost::asio::mutable_buffer into, error_code& error) {
    while (part_.empty()) {
        if (is_complete()) {
            error = boost::asio::error::eof;
            return end_at_once();
        }
        if (io_.unparsed().empty() && !parser_.chunked() && into.size() >= least_direct) {
            return read_directly(into, error);
        }
        if (!fill(error)) {
            return 0;
        }
    }
    std::size_t const size = std::min(part_.size(), into.size());
    std::memcpy(into.data(), part_.data(), size);
    part_.remove_prefix(size);
    return size;
}

// Waits for the client, and keeps account of its time.
template <typename Read>
request_body::arrived request_body::wait_for(Read&& read) {
    if (asks_first_) {
        // When this is interrupted, nothing has left, and the client still waits.
        error_code error;
        std::array const go_on{boost::asio::const_buffer{"HTTP/1.1 100 Continue\r\n\r\n", 25}};
        io_.write(go_on, error);
        throw_if(error, "asking for the body of a request");
        asks_first_ = false;
    }
    time_point const start = this_hub().now();
    arrived told;
    {
        scope_exit const account{[&] {
            patience_ = std::max(patience_ - (this_hub().now() - start), patience_.zero());
        }};
        told = read(deadline::after(patience_));
    }
    if (options_.body_rate > 0) {
        double const seconds = static_cast<double>(told.second) /
            static_cast<double>(options_.body_rate);
        patience_ += std::chrono::duration_cast<std::chrono::nanoseconds>(
            std::chrono::duration<double>{seconds});
    } else if (told.second > 0) {
        patience_ = options_.body_timeout;
    }
    patience_ = std::clamp<std::chrono::nanoseconds>(
        patience_, std::chrono::nanoseconds{0}, options_.body_timeout);
    return told;
}

// Takes a step: parses what has arrived, or waits for more.
bool request_body::fill(error_code& error) {
    std::string_view const input = io_.unparsed();
    std::size_t const consumed = parser_.parse(input, error);
    part_ = parser_.part();
    io_.consume(consumed);
    if (error.failed() || consumed > 0) {
        return !error.failed();
    }
    auto const expected = std::min(parser_.expected(), most_expected);
    arrival const how = wait_for([&](deadline limit) {
                            std::size_t const before = io_.unparsed().size();
                            arrival const result = io_.read_more(
                                limit, static_cast<std::size_t>(expected));
                            return arrived{result, io_.unparsed().size() - before};
                        }).first;
    error = judge(how);
    return !error.failed();
}

// What has a known length goes to the reader without a copy.
std::size_t request_body::read_directly(boost::asio::mutable_buffer into, error_code& error) {
    auto const room = static_cast<std::size_t>(
        std::min<std::uint64_t>(into.size(), parser_.expected()));
    auto const [how, size] = wait_for(
        [&](deadline limit) { return io_.read_into(boost::asio::buffer(into, room), limit); });
    error = judge(how);
    if (!error.failed()) {
        parser_.parse(std::string_view{static_cast<char const*>(into.data()), size}, error);
    }
    return size;
}

error_code request_body::judge(arrival how) const {
    switch (how) {
    case arrival::some:
        return {};
    case arrival::end:
        return {400, http_category()};
    case arrival::late:
        break;
    }
    return {408, http_category()};
}

bool request_body::may_go_on() const {
    // Whoever asked first has got a final answer, and may send the body or not.
    bool const unknown = asks_first_ && !is_complete() && io_.unparsed().empty();
    return !failure_.failed() && !unknown && (is_complete() || parser_.expected() <= most_skipped);
}

bool request_body::skip_rest() {
    if (!may_go_on()) {
        return false;
    }
    busy_ = true;
    scope_exit const done{[&] { busy_ = false; }};
    part_ = {};
    asks_first_ = false;
    time_point const end = this_hub().now() + skip_time;
    std::uint64_t skipped = 0;
    error_code error;
    while (!error.failed() && !is_complete() && skipped <= most_skipped) {
        patience_ = std::clamp<std::chrono::nanoseconds>(
            end - this_hub().now(), std::chrono::nanoseconds{0}, patience_);
        fill(error);
        skipped += std::exchange(part_, {}).size();
    }
    return !error.failed() && is_complete();
}

}  // namespace tendril::detail
