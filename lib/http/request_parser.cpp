// SPDX-License-Identifier: BSL-1.0
#include "request_parser.hpp"

#include "grammar.hpp"

#include <tendril/http/http_error.hpp>

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/rfc7230.hpp>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <limits>
#include <string>

namespace tendril::detail {
namespace {

namespace http = boost::beast::http;
using boost::beast::iequals;

// The last chunk and the end of the trailers, at the shortest.
constexpr std::size_t shortest_end = 5;
// The longest method, and the most digits of the size of a chunk.
constexpr std::size_t most_method_bytes = 32;
constexpr std::size_t most_size_digits = 16;

error_code refuse(int status) { return error_code{status, http_category()}; }

template <typename Text>
std::string_view view(Text const& text) noexcept {
    return {text.data(), text.size()};
}

// The version of a request line, if it has one and nothing stands behind: "1.1".
std::string_view version_of(std::string_view line) noexcept {
    constexpr std::string_view before = "HTTP/";
    auto const digit = [](char c) { return c >= '0' && c <= '9'; };
    std::string_view const last = line.substr(std::min(line.rfind(' ') + 1, line.size()));
    bool const is_version = last.size() == before.size() + 3 &&
        last.substr(0, before.size()) == before && digit(last[5]) && last[6] == '.' &&
        digit(last[7]);
    return is_version ? last.substr(before.size()) : std::string_view{};
}

// Says whether a request begins with a method that is longer than any that is known.
bool has_long_method(std::string_view input) noexcept {
    return input.size() > most_method_bytes &&
        is_http_token(input.substr(0, most_method_bytes + 1));
}

// What stands where a method should, if it could be one.
std::string_view method_word(std::string_view input) noexcept {
    std::string_view const first = input.substr(0, std::min(input.find(' '), input.size()));
    return first.size() <= most_method_bytes && is_http_token(first) ? first : std::string_view{};
}

// The first line, as far as it has come, without its end.
std::string_view first_line(std::string_view input) noexcept {
    return input.substr(0, input.find('\r'));
}

bool says_close(boost::beast::string_view connection) {
    http::token_list const words{connection};
    return std::any_of(
        words.begin(), words.end(), [](auto const& word) { return iequals(word, "close"); });
}

}  // namespace

request_parser::request_parser(http_request& filled, request_limits const& limits)
    : request_{filled},
      limits_{limits} {
    request_.clear();
    constexpr std::size_t most = std::numeric_limits<std::uint32_t>::max();
    header_limit(static_cast<std::uint32_t>(std::min(limits.head, most)));
    body_limit(boost::none);
}

std::size_t request_parser::parse(std::string_view input, error_code& error) {
    part_ = {};
    if (is_header_done()) {
        return parse_part(input, error);
    }
    // Beast limits what it is given at a time. It gets what may still be head, so that neither cuts
    // nor what has come behind the limit make a difference.
    std::size_t const room = limits_.head - head_bytes_;
    input = input.substr(0, room);
    std::string later_version;
    if (std::string_view const line = first_line(input); !has_request_line_ &&
        version_of(line).substr(0, 2) == "1." && version_of(line) > std::string_view{"1.1"}) {
        // Who speaks a later version of our major one understands ours, and is answered in it.
        later_version = input;
        later_version[line.size() - 1] = '1';
    }
    input_ = later_version.empty() ? input : std::string_view{later_version};
    std::size_t const consumed = put(boost::asio::buffer(input_.data(), input_.size()), error);
    judge(input, consumed, error);
    if (!error.failed() && !is_header_done() && input.size() == room) {
        error = refuse(431);
    }
    head_bytes_ += consumed;
    if (error.failed() && !has_request_line_) {
        request_.method_ = method_word(input);
    }
    return consumed;
}

// Gives an error of Beast the status that answers it, and judges what it has no opinion of.
void request_parser::judge(std::string_view input, std::size_t consumed, error_code& error) const {
    if (error.failed() && !has_request_line_ && has_long_method(input)) {
        error = refuse(501);
    } else if (error == http::error::need_more) {
        error = has_request_line_ ? judge_rest(input.substr(consumed)) : judge_start(input);
    } else if (error == http::error::bad_version) {
        error = judge_version(input);
    } else if (error == http::error::header_limit) {
        bool const is_line = has_request_line_ || input.find("\r\n") != std::string_view::npos;
        error = is_line ? refuse(431) : judge_start(input);
        error = error.failed() ? error : refuse(414);
    } else if (error.failed() && error.category() != http_category()) {
        error = refuse(400);
    }
}

// Judges a request line with a version that is not ours, when it is complete: Beast does not wait
// for that, and what still comes may belong to the version.
error_code request_parser::judge_version(std::string_view input) const {
    std::string_view const line = first_line(input);
    std::string_view const end = input.substr(line.size(), 2);
    if (end.size() < 2) {
        return judge_start(input);
    }
    bool const is_line = end == "\r\n" && line.find('\n') == std::string_view::npos &&
        std::count(line.begin(), line.end(), ' ') == 2;
    std::string_view const version = is_line ? version_of(line) : std::string_view{};
    return refuse(version.empty() || version.front() == '1' ? 400 : 505);
}

// Judges a request line that is not complete, and whose method is not too long.
error_code request_parser::judge_start(std::string_view input) const {
    // Beast may wait for the end of a head before it parses the first line.
    if (first_line(input).size() > limits_.target + most_method_bytes) {
        return refuse(414);
    }
    return judge_rest(input);
}

// Judges what cannot be parsed yet: the beginning of a line.
error_code request_parser::judge_rest(std::string_view rest) const {
    std::size_t const line_feed = rest.find('\n');
    bool const lone = line_feed == 0 ||
        (line_feed != std::string_view::npos && rest[line_feed - 1] != '\r');
    // Beast limits the head, and knows no limit for what follows it.
    bool const too_long = is_header_done() && rest.size() > most_trailer_bytes;
    return lone || too_long ? refuse(400) : error_code{};
}

// Parses one part of what follows the head.
std::size_t request_parser::parse_part(std::string_view input, error_code& error) {
    error = {};
    // Beast asserts, in the middle of the last chunk, that it is given so much.
    if (input.empty() || (chunked() && !in_chunk_ && input.size() < shortest_end)) {
        return 0;
    }
    input_ = input;
    std::size_t const consumed = put(boost::asio::buffer(input.data(), input.size()), error);
    if (error == http::error::need_more) {
        error = judge_rest(input.substr(consumed));
        if (!error.failed() && chunked() && !may_become_chunk_line(input.substr(consumed))) {
            error = refuse(400);
        }
    } else if (error == http::error::body_limit) {
        // Beast has not looked at the extensions of the chunk.
        std::string_view const rest = input.substr(consumed);
        error = judge_rest(rest.substr(0, rest.find("\r\n", 2)));
        error = error.failed() || !may_become_chunk_line(rest) ? refuse(400) : refuse(413);
    } else if (error.failed() && error.category() != http_category()) {
        error = refuse(400);
    }
    return consumed;
}

bool request_parser::limit_body(std::uint64_t most) noexcept {
    body_limit(most);
    return content_length().value_or(0) <= most;
}

void request_parser::on_request_impl(
    http::verb known, text method, text target, int version, error_code& error) {
    has_request_line_ = true;
    // Also of what is refused: it is logged, and a HEAD gets no body.
    request_.method_ = view(method).substr(0, most_method_bytes);
    request_.target_ = view(target).substr(0, limits_.target);
    request_.version_ = version == 10 ? 10 : 11;
    bool const connects = known == http::verb::connect;
    if (known == http::verb::unknown || (connects && !limits_.allow_connect)) {
        // A tunnel, for one: whoever answers 200 has promised one.
        error = refuse(501);
        return;
    }
    if (known == http::verb::trace) {
        error = refuse(405);
        return;
    }
    if (target.size() > limits_.target) {
        error = refuse(414);
        return;
    }
    if (int const status = judge_target(view(method), view(target), limits_.secured);
        status != 200) {
        error = refuse(status);
    }
}

// A line that begins with a blank continues the field before it.
bool request_parser::is_folded(text name) const noexcept {
    auto const start = static_cast<std::size_t>(name.data() - input_.data());
    std::size_t const next_line = input_.find("\r\n", start) + 2;
    return next_line < input_.size() && (input_[next_line] == ' ' || input_[next_line] == '\t');
}

void request_parser::keep_trailer(text name, text value, error_code& error) {
    trailer_bytes_ += name.size() + value.size();
    if (trailer_bytes_ > most_trailer_bytes || request_.trailers_.size() == limits_.fields) {
        error = refuse(400);
        return;
    }
    request_.trailers_.add(view(name), view(value));
}

void request_parser::on_field_impl(http::field known, text name, text value, error_code& error) {
    if (is_folded(name)) {
        error = refuse(400);
        return;
    }
    if (is_header_done()) {
        keep_trailer(name, value, error);
        return;
    }
    if (request_.fields_.size() == limits_.fields) {
        error = refuse(431);
        return;
    }
    judge_field(known, value, error);
    request_.fields_.add(view(name), view(value));
}

// Judges the fields on which it depends where a request ends, and whom it asks.
void request_parser::judge_field(http::field known, text value, error_code& error) {
    switch (known) {
    case http::field::host:
        ++hosts_;
        if (!valid_host(view(value))) {
            error = refuse(400);
        }
        break;
    case http::field::content_length:
        // RFC 9112 allows several that are equal; who sends them means no good.
        if (++lengths_ > 1 || value.find(',') != text::npos) {
            error = refuse(400);
        }
        break;
    case http::field::transfer_encoding:
        if (int const status = ++codings_ > 1 ? 400 : judge_codings(view(value)); status != 200) {
            error = refuse(status);
        }
        break;
    case http::field::connection:
        closes_ = closes_ || says_close(value);
        break;
    case http::field::expect:
        expects_continue_ = ++expectations_ == 1 && iequals(value, "100-continue");
        break;
    default:
        break;
    }
}

void request_parser::on_header_impl(error_code& error) {
    bool const old = request_.version_ == 10;
    bool const bad_host = hosts_ > 1 || (hosts_ == 0 && !old);
    if (bad_host || (old && codings_ > 0)) {
        error = refuse(400);
        return;
    }
    bool const has_body = chunked() || content_length().value_or(0) > 0;
    if (expectations_ > 0 && !expects_continue_ && !old) {
        // Nobody knows another one; servers that disagree about it lose count of requests.
        error = refuse(417);
        return;
    }
    expects_continue_ = expects_continue_ && !old && has_body;
    request_.keep_alive_ = keep_alive() && !closes_;
    if (chunked()) {
        request_.content_length_.reset();
    } else {
        request_.content_length_ = content_length().value_or(0);
    }
}

void request_parser::on_body_init_impl(boost::optional<std::uint64_t> const&, error_code& error) {
    error = {};
}

std::size_t request_parser::on_body_impl(text part, error_code& error) {
    error = {};
    part_ = view(part);
    return part.size();
}

void request_parser::on_chunk_header_impl(std::uint64_t size, text extensions, error_code& error) {
    extension_bytes_ += extensions.size();
    // The digits of the size stand before.
    std::size_t digits = 0;
    while (extensions.data() - digits > input_.data() &&
           std::isxdigit(static_cast<unsigned char>(*(extensions.data() - digits - 1))) != 0) {
        ++digits;
    }
    bool const bad = digits > most_size_digits || extension_bytes_ > most_extension_bytes ||
        !valid_extensions(view(extensions));
    error = bad ? refuse(400) : error_code{};
    in_chunk_ = size > 0;
}

std::size_t request_parser::on_chunk_body_impl(std::uint64_t remain, text part, error_code& error) {
    error = {};
    part_ = view(part);
    in_chunk_ = part.size() < remain;
    return part.size();
}

void request_parser::on_finish_impl(error_code& error) { error = {}; }

}  // namespace tendril::detail
