// SPDX-License-Identifier: BSL-1.0
#include "request_parser.hpp"

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/rfc7230.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>

namespace tendril::detail {
namespace {

namespace http = boost::beast::http;
using boost::beast::iequals;

// A chunk may carry extensions that nobody uses; so many bytes of them are skipped in one request.
constexpr std::size_t most_extension_bytes = 4096;
// So are trailers, and so many bytes are kept of a chunk's first line, or of trailers, while their
// end has not come.
constexpr std::size_t most_trailer_bytes = 8192;
// The last chunk and the end of the trailers, at the shortest.
constexpr std::size_t shortest_end = 5;

// What we refuse beyond Beast, with the status that answers it.
enum class refusal {
    bad_request = 400,
    target_too_long = 414,
    too_many_fields = 431,
    not_implemented = 501,
    unknown_version = 505,
};

class refusal_category final : public boost::system::error_category {
public:
    char const* name() const noexcept override { return "tendril.http"; }
    std::string message(int code) const override {
        return "refused with status " + std::to_string(code);
    }
};

error_code refuse(refusal why) {
    static refusal_category const category;
    return error_code{static_cast<int>(why), category};
}

template <typename Text>
std::string_view view(Text const& text) noexcept {
    return {text.data(), text.size()};
}

// Says whether a request line that Beast refuses for its version has one that is merely not ours.
bool has_other_version(std::string_view line) noexcept {
    std::size_t const target = line.find(' ') + 1;
    std::string_view const version = line.substr(line.find(' ', target) + 1, 8);
    auto const digit = [](char c) { return c >= '0' && c <= '9'; };
    return version.size() == 8 && version.substr(0, 5) == "HTTP/" && digit(version[5]) &&
        version[6] == '.' && digit(version[7]) && version != "HTTP/1.0" && version != "HTTP/1.1";
}

bool says_close(boost::beast::string_view connection) {
    http::token_list const words{connection};
    return std::any_of(
        words.begin(), words.end(), [](auto const& word) { return iequals(word, "close"); });
}

bool is_control(char c) noexcept { return (c >= 0 && c < ' ' && c != '\t') || c == '\x7f'; }

// A name or a number, and a port if need be.
bool valid_host(std::string_view host) noexcept {
    std::size_t const name_end = host.find(':', host.substr(0, 1) == "[" ? host.find(']') : 0);
    std::string_view const name = host.substr(0, name_end);
    std::string_view const port = name_end == std::string_view::npos ? std::string_view{}
                                                                     : host.substr(name_end + 1);
    auto const is_digit = [](char c) { return c >= '0' && c <= '9'; };
    auto const is_foreign = [](char c) {
        return c <= ' ' || c == '\x7f' ||
            std::string_view{"/@,\"<>\\^`{|}"}.find(c) != std::string_view::npos;
    };
    bool const is_number = name.substr(0, 1) == "[" && name.find(']') == name.size() - 1;
    bool const has_brackets = name.find_first_of("[]") != std::string_view::npos;
    return std::none_of(name.begin(), name.end(), is_foreign) && is_number == has_brackets &&
        std::all_of(port.begin(), port.end(), is_digit);
}

}  // namespace

request_parser::request_parser(http_request& filled, request_limits const& limits)
    : request_{filled},
      limits_{limits} {
    request_.clear();
    constexpr std::size_t most = std::numeric_limits<std::uint32_t>::max();
    header_limit(static_cast<std::uint32_t>(std::min(limits.head, most)));
    body_limit(limits.body);
    eager(true);
}

std::size_t request_parser::parse(std::string_view input, error_code& error) {
    input_ = input;
    error = {};
    // Beast asserts, in the middle of the last chunk, that it is given so much.
    if (is_header_done() && chunked() && input.size() < shortest_end) {
        return 0;
    }
    bool const was_in_head = !is_header_done();
    std::size_t const consumed = put(boost::asio::buffer(input.data(), input.size()), error);
    if (was_in_head) {
        head_bytes_ += is_header_done() ? 0 : consumed;
        if (!error.failed() && !is_header_done() && head_bytes_ > limits_.head) {
            error = refuse(refusal::too_many_fields);
        }
    }
    if (error == http::error::bad_version && has_other_version(input)) {
        error = refuse(refusal::unknown_version);
    } else if (error == http::error::need_more || (!error.failed() && !is_done())) {
        error = judge_rest(input.substr(consumed));
    }
    return consumed;
}

// Judges what cannot be parsed yet: the beginning of a line.
error_code request_parser::judge_rest(std::string_view rest) const {
    std::size_t const line_feed = rest.find('\n');
    bool const lone = line_feed == 0 ||
        (line_feed != std::string_view::npos && rest[line_feed - 1] != '\r');
    // Beast limits the head, and knows no limit for what follows it.
    bool const too_long = is_header_done() && rest.size() > most_trailer_bytes;
    return lone || too_long ? refuse(refusal::bad_request) : error_code{};
}

int request_parser::status_for(error_code const& error) noexcept {
    if (error == http::error::header_limit) {
        return 431;
    }
    if (error == http::error::body_limit) {
        return 413;
    }
    bool const ours = std::string_view{error.category().name()} == "tendril.http";
    return ours ? error.value() : 400;
}

void request_parser::on_request_impl(
    http::verb known, text method, text target, int version, error_code& error) {
    if (known == http::verb::connect) {
        // A tunnel: whoever answers 200 has promised one.
        error = refuse(refusal::not_implemented);
        return;
    }
    request_.method_ = view(method);
    request_.target_ = view(target);
    request_.version_ = version == 10 ? 10 : 11;
    if (target.size() > limits_.target) {
        error = refuse(refusal::target_too_long);
    }
}

// A line that begins with a blank continues the field before it.
bool request_parser::is_folded(text name) const noexcept {
    auto const start = static_cast<std::size_t>(name.data() - input_.data());
    std::size_t const next_line = input_.find("\r\n", start) + 2;
    return next_line < input_.size() && (input_[next_line] == ' ' || input_[next_line] == '\t');
}

void request_parser::judge_trailer(text name, text value, error_code& error) {
    trailer_bytes_ += name.size() + value.size();
    error = trailer_bytes_ > most_trailer_bytes ? refuse(refusal::bad_request) : error_code{};
}

void request_parser::on_field_impl(http::field known, text name, text value, error_code& error) {
    if (is_folded(name)) {
        error = refuse(refusal::bad_request);
        return;
    }
    if (is_header_done()) {
        judge_trailer(name, value, error);
        return;
    }
    // Beast limits what it keeps, and it keeps no field that is complete.
    auto const before = head_bytes_ + static_cast<std::size_t>(name.data() - input_.data());
    bool const too_long = before + name.size() + value.size() > limits_.head;
    if (too_long || request_.fields_.size() == limits_.fields) {
        error = refuse(refusal::too_many_fields);
        return;
    }
    if (known == http::field::host) {
        ++hosts_;
        if (!valid_host(view(value))) {
            error = refuse(refusal::bad_request);
        }
    } else if (known == http::field::content_length) {
        // RFC 9112 allows several that are equal; who sends them means no good.
        if (++lengths_ > 1 || value.find(',') != text::npos) {
            error = refuse(refusal::bad_request);
        }
    } else if (known == http::field::transfer_encoding && !iequals(value, "chunked")) {
        error = refuse(refusal::not_implemented);
    } else if (known == http::field::connection) {
        closes_ = closes_ || says_close(value);
    } else if (known == http::field::expect) {
        expects_continue_ = iequals(value, "100-continue");
    }
    request_.fields_.add(view(name), view(value));
}

void request_parser::on_header_impl(error_code& error) {
    bool const old = request_.version_ == 10;
    std::size_t const codings = request_.fields_.count("Transfer-Encoding");
    bool const bad_host = hosts_ > 1 || (hosts_ == 0 && !old);
    if (bad_host || codings > 1 || (old && codings > 0)) {
        error = refuse(refusal::bad_request);
        return;
    }
    expects_continue_ = expects_continue_ && !old;
    request_.keep_alive_ = keep_alive() && !closes_;
}

void request_parser::on_body_init_impl(
    boost::optional<std::uint64_t> const& length, error_code& error) {
    // A promise is not a body: memory follows what has arrived.
    constexpr std::uint64_t most_in_advance = 64 * 1024;
    request_.body_.reserve(static_cast<std::size_t>(std::min(length.value_or(0), most_in_advance)));
    error = {};
}

std::size_t request_parser::append_body(text part) {
    request_.body_.append(part.data(), part.size());
    return part.size();
}

std::size_t request_parser::on_body_impl(text part, error_code& error) {
    error = {};
    return append_body(part);
}

void request_parser::on_chunk_header_impl(std::uint64_t, text extensions, error_code& error) {
    extension_bytes_ += extensions.size();
    bool const bad = extension_bytes_ > most_extension_bytes ||
        std::any_of(extensions.begin(), extensions.end(), is_control);
    error = bad ? refuse(refusal::bad_request) : error_code{};
}

std::size_t request_parser::on_chunk_body_impl(std::uint64_t, text part, error_code& error) {
    error = {};
    return append_body(part);
}

void request_parser::on_finish_impl(error_code& error) { error = {}; }

}  // namespace tendril::detail
