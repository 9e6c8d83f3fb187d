// SPDX-License-Identifier: BSL-1.0
#include "append_text.hpp"
#include "grammar.hpp"
#include "response_head.hpp"

#include <tendril/http/response.hpp>
#include <tendril/http/status.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/support/assert.hpp>

#include <algorithm>

namespace tendril {
namespace {

bool is_one_line(std::string_view text) noexcept {
    return std::none_of(text.begin(), text.end(), detail::is_control_byte);
}

bool frames_message(std::string_view name) noexcept {
    return same_http_name(name, "Content-Length") || same_http_name(name, "Transfer-Encoding") ||
        same_http_name(name, "Connection") || same_http_name(name, "Keep-Alive") ||
        same_http_name(name, "Upgrade") || same_http_name(name, "Trailer");
}

void require_settable(std::string_view name, std::string_view value) {
    TENDRIL_REQUIRE(
        is_http_token(name),
        "a header name is a token: letters, digits and a few marks, no spaces");
    TENDRIL_REQUIRE(
        is_one_line(value),
        "a header value has no CR, LF, NUL or other control bytes: they would end the line and "
        "begin another one");
    TENDRIL_REQUIRE(
        !frames_message(name),
        "the server frames messages by itself: set the body, or call close(), and leave "
        "Content-Length, Transfer-Encoding and Connection to it");
}

}  // namespace

void http_response::require_fresh() const {
    TENDRIL_REQUIRE(
        !begun_,
        "the head of this response has left: set status, header and body before it is "
        "written to");
}

http_response& http_response::status(int code) {
    TENDRIL_REQUIRE(
        code >= 200 && code <= 599,
        "a response has a final status, from 200 to 599: inform() sends interim ones");
    require_fresh();
    status_ = code;
    reason_.clear();
    return *this;
}

http_response& http_response::status(int code, std::string reason) {
    TENDRIL_REQUIRE(
        is_one_line(reason), "the words of a status have no CR, LF, NUL or other control bytes");
    status(code);
    reason_ = std::move(reason);
    return *this;
}

std::string_view http_response::reason() const noexcept {
    return reason_.empty() ? http_reason(status_) : std::string_view{reason_};
}

http_response& http_response::header(std::string_view name, std::string_view value) {
    require_settable(name, value);
    require_fresh();
    fields_.add(name, value);
    return *this;
}

http_response& http_response::body(std::string text) {
    require_fresh();
    body_ = std::move(text);
    return *this;
}

http_response& http_response::content_length(std::uint64_t size) {
    require_fresh();
    TENDRIL_REQUIRE(
        trailers_.size() == 0, "content_length() after trailer(): trailers stand behind chunks");
    length_ = size;
    return *this;
}

http_response& http_response::trailer(std::string_view name, std::string_view value) {
    require_settable(name, value);
    TENDRIL_REQUIRE(
        !length_ && body_.empty(),
        "trailers stand behind chunks: write piece by piece, without a content_length()");
    trailers_.add(name, value);
    return *this;
}

detail::response_sink& http_response::sink() const {
    TENDRIL_REQUIRE(sink_ != nullptr, "only a server's response can be written piece by piece");
    return *sink_;
}

std::size_t http_response::write_parts(
    detail::stream_model::const_buffers from, error_code& error) {
    TENDRIL_REQUIRE(
        body_.empty(), "write() after body(): a response is made in one piece or piece by piece");
    return sink().write(from, error);
}

void http_response::begin() {
    error_code error;
    write_parts({}, error);
    detail::throw_if(error, "beginning a response");
}

void http_response::inform(int status, http_fields const& fields) {
    TENDRIL_REQUIRE(
        status >= 102 && status <= 199,
        "an interim response has a status from 102 to 199: the server sends 100 by itself, and "
        "upgrade() sends 101");
    require_fresh();
    for (std::size_t index = 0; index < fields.size(); ++index) {
        require_settable(fields[index].name, fields[index].value);
    }
    sink().inform(status, fields);
}

any_stream& http_response::upgrade(std::string_view protocol) {
    require_fresh();
    return sink().take_stream(101, protocol);
}

any_stream& http_response::tunnel() {
    require_fresh();
    return sink().take_stream(200, {});
}

void http_response::clear() {
    require_fresh();
    detail::response_sink* const sink = sink_;
    reset();
    sink_ = sink;
}

void http_response::reset(std::size_t kept) noexcept {
    fields_.clear(kept);
    trailers_.clear(kept);
    detail::clear_text(body_, kept);
    detail::clear_text(reason_, kept);
    sink_ = nullptr;
    length_.reset();
    status_ = 200;
    closes_ = false;
    begun_ = false;
}

http_response::executor_type http_response::get_executor() const {
    return this_hub().context().get_executor();
}

}  // namespace tendril
