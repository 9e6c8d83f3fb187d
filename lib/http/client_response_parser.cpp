// SPDX-License-Identifier: BSL-1.0
//
// 1. A response has one reading. Where two programs could disagree about its end (two lengths, a
//    length and a coding, a coding that is not ours, a folded or a lone line feed), it is refused.
// 2. Memory is bounded: of a head by its limits, of a chunk's line and of trailers by those below.
// 3. The decoder keeps no bytes: what it has consumed it has delivered or judged.
#include "client_response_parser.hpp"

#include "grammar.hpp"

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include <algorithm>
#include <charconv>
#include <limits>

namespace tendril::detail {
namespace {

namespace beast_http = boost::beast::http;

constexpr std::size_t most_trailers = 64;

[[noreturn]] void refuse_response(char const* why) {
    throw client_refusal{http_client_errc::bad_response, why};
}

bool is_forbidden_in_head(char c) noexcept { return is_control_byte(c) && c != '\r' && c != '\n'; }

std::uint64_t length_of(std::string_view text) {
    std::uint64_t length = 0;
    char const* const end = text.data() + text.size();
    auto const read = std::from_chars(text.data(), end, length);
    constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (read.ec != std::errc{} || read.ptr != end || length > most) {
        refuse_response("its Content-Length is not a number");
    }
    return length;
}

class head_parser final : public beast_http::basic_parser<false> {
public:
    head_parser(client_head& filled, std::size_t most_fields)
        : head_{filled},
          most_fields_{most_fields} {
        // The body is the decoder's.
        skip(true);
        body_limit(boost::none);
        header_limit(std::numeric_limits<std::uint32_t>::max());
    }

    bool has_length = false;
    bool is_chunked = false;

private:
    using text = boost::beast::string_view;
    using error_code = boost::system::error_code;

    static std::string_view view(text part) noexcept { return {part.data(), part.size()}; }

    void on_response_impl(int status, text reason, int version, error_code& error) override {
        error = {};
        head_.status = status;
        head_.version = version;
        head_.reason = view(reason);
    }
    void on_field_impl(beast_http::field known, text name, text value, error_code& error) override {
        error = {};
        if (head_.fields.size() == most_fields_) {
            throw client_refusal{http_client_errc::head_too_large, "it has too many fields"};
        }
        if (known == beast_http::field::content_length) {
            if (has_length) {
                refuse_response("it has two Content-Lengths");
            }
            head_.length = length_of(view(value));
            has_length = true;
        } else if (known == beast_http::field::transfer_encoding) {
            if (is_chunked || !same_http_name(view(value), "chunked")) {
                refuse_response("its Transfer-Encoding is not 'chunked'");
            }
            is_chunked = true;
        }
        head_.fields.add(view(name), view(value));
    }
    void on_header_impl(error_code& error) override { error = {}; }
    void on_request_impl(beast_http::verb, text, text, int, error_code&) override {}
    void on_body_init_impl(boost::optional<std::uint64_t> const&, error_code&) override {}
    std::size_t on_body_impl(text, error_code&) override { return 0; }
    void on_chunk_header_impl(std::uint64_t, text, error_code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, text, error_code&) override { return 0; }
    void on_finish_impl(error_code& error) override { error = {}; }

    client_head& head_;
    std::size_t most_fields_;
};

// Says by words of its own whether the connection stays: Beast's answer depends on the body.
bool stays_open(client_head const& head) {
    bool closes = false;
    bool stays = head.version == 11;
    for (std::size_t index = 0; index < head.fields.size(); ++index) {
        auto const field = head.fields[index];
        if (same_http_name(field.name, "Connection")) {
            closes = closes || is_in_http_list(field.value, "close");
            stays = stays || is_in_http_list(field.value, "keep-alive");
        }
    }
    return stays && !closes;
}

bool has_no_body(int status, client_method method) noexcept {
    return method == client_method::head || status / 100 == 1 || status == 204 || status == 304 ||
        (method == client_method::connect && status / 100 == 2);
}

void judge_lines(std::string_view head) {
    if (std::any_of(head.begin(), head.end(), is_forbidden_in_head)) {
        refuse_response("its head has control bytes");
    }
    for (std::size_t at = head.find('\r'); at != std::string_view::npos; at = head.find('\r', at)) {
        at += 2;
        if (head[at - 1] != '\n') {
            refuse_response("its head has a lone CR");
        }
        if (at < head.size() && (head[at] == ' ' || head[at] == '\t')) {
            refuse_response("its head has a folded line");
        }
    }
}

}  // namespace

std::size_t find_head(
    std::string_view input, std::size_t& scanned, client_head_limits const& limits) {
    constexpr std::string_view beginning = "HTTP/1.";
    if (input.substr(0, beginning.size()) != beginning.substr(0, input.size())) {
        refuse_response("it is not HTTP/1");
    }
    std::size_t at = input.find('\n', scanned);
    while (at != std::string_view::npos && at < limits.bytes) {
        if (at == 0 || input[at - 1] != '\r') {
            refuse_response("its head has a lone LF");
        }
        if (at >= 3 && input[at - 2] == '\n') {
            return at + 1;
        }
        at = input.find('\n', at + 1);
    }
    scanned = input.size();
    if (input.size() >= limits.bytes) {
        throw client_refusal{http_client_errc::head_too_large, "its head is too long"};
    }
    return 0;
}

client_head parse_head(
    std::string_view text, client_method method, client_head_limits const& limits) {
    judge_lines(text);
    client_head head;
    head_parser parser{head, limits.fields};
    boost::system::error_code error;
    std::size_t const used = parser.put(boost::asio::buffer(text.data(), text.size()), error);
    if (error.failed() || used != text.size() || head.status < 100) {
        refuse_response("its head is not by the rules");
    }
    if (parser.is_chunked && (parser.has_length || head.version == 10)) {
        refuse_response("it has a Transfer-Encoding and what excludes one");
    }
    if (!has_no_body(head.status, method)) {
        head.framing = parser.is_chunked ? body_framing::chunked
            : parser.has_length          ? body_framing::length
                                         : body_framing::until_close;
    }
    head.keep_alive = stays_open(head) && head.framing != body_framing::until_close;
    return head;
}

void body_decoder::begin(client_head const& head) noexcept {
    rest_ = head.framing == body_framing::length ? head.length : 0;
    switch (head.framing) {
    case body_framing::none:
        state_ = state::done;
        break;
    case body_framing::length:
        state_ = rest_ == 0 ? state::done : state::counted;
        break;
    case body_framing::chunked:
        state_ = state::size;
        break;
    case body_framing::until_close:
        state_ = state::until_close;
        break;
    }
}

std::uint64_t body_decoder::raw() const noexcept {
    bool const endless = state_ == state::until_close;
    return endless ? std::numeric_limits<std::uint64_t>::max() : rest_;
}

void body_decoder::took_raw(std::size_t size) noexcept {
    if (state_ == state::until_close) {
        return;
    }
    rest_ -= size;
    if (rest_ == 0) {
        state_ = state_ == state::counted ? state::done : state::chunk_end;
    }
}

body_decoder::step body_decoder::decode(std::string_view input, std::span<char> room) {
    step made{0, 0};
    while (state_ != state::done) {
        std::string_view const rest = input.substr(made.consumed);
        std::uint64_t const known = raw();
        if (known == 0) {
            std::size_t const taken = take_line(rest);
            if (taken == 0) {
                return made;
            }
            made.consumed += taken;
            continue;
        }
        std::size_t const most = std::min(rest.size(), room.size() - made.produced);
        auto const size = static_cast<std::size_t>(std::min<std::uint64_t>(most, known));
        if (size == 0) {
            return made;
        }
        std::copy_n(rest.data(), size, room.data() + made.produced);
        made.consumed += size;
        made.produced += size;
        took_raw(size);
    }
    return made;
}

std::size_t body_decoder::take_line(std::string_view input) {
    std::size_t const end = input.find('\n');
    std::size_t const carriage = input.find('\r');
    if (end == std::string_view::npos) {
        bool const lone = carriage != std::string_view::npos && carriage + 1 != input.size();
        if (lone || input.size() > most_trailer_bytes) {
            refuse_response("a line of its chunks is too long, or has a lone CR");
        }
        return 0;
    }
    if (end == 0 || carriage != end - 1) {
        refuse_response("a line of its chunks has a lone CR or LF");
    }
    std::string_view const line = input.substr(0, end - 1);
    if (std::any_of(line.begin(), line.end(), is_forbidden_in_head)) {
        refuse_response("a line of its chunks has control bytes");
    }
    if (state_ == state::size) {
        take_size(line);
    } else if (state_ == state::trailers) {
        take_trailer(line);
    } else if (line.empty()) {
        state_ = state::size;
    } else {
        refuse_response("a chunk is longer than it says");
    }
    return end + 1;
}

void body_decoder::take_size(std::string_view line) {
    constexpr std::size_t most_digits = 15;
    char const* const end = line.data() + line.size();
    auto const read = std::from_chars(line.data(), end, rest_, 16);
    auto const digits = static_cast<std::size_t>(read.ptr - line.data());
    std::string_view const extension = line.substr(digits);
    extension_bytes_ += extension.size();
    if (read.ec != std::errc{} || digits > most_digits) {
        refuse_response("the size of a chunk is not a number");
    }
    if (!valid_extensions(extension)) {
        refuse_response("what follows the size of a chunk is no extension");
    }
    if (extension_bytes_ > most_extension_bytes) {
        refuse_response("its chunks have too many extensions");
    }
    state_ = rest_ == 0 ? state::trailers : state::chunk;
}

void body_decoder::take_trailer(std::string_view line) {
    if (line.empty()) {
        state_ = state::done;
        return;
    }
    trailer_bytes_ += line.size();
    std::size_t const colon = std::min(line.find(':'), line.size());
    std::string_view const name = line.substr(0, colon);
    if (colon == line.size() || !is_http_token(name)) {
        refuse_response("one of its trailers is not a field");
    }
    if (trailer_bytes_ > most_trailer_bytes || trailers_.size() == most_trailers) {
        refuse_response("it has too many trailers");
    }
    trailers_.add(name, trimmed(line.substr(colon + 1)));
}

void body_decoder::end_of_input() {
    if (state_ == state::until_close) {
        state_ = state::done;
    }
    if (state_ != state::done) {
        throw client_refusal{
            http_client_errc::truncated, "the connection ended in the middle of its body"};
    }
}

}  // namespace tendril::detail
