// SPDX-License-Identifier: BSL-1.0
#include <tendril/http/message.hpp>
#include <tendril/support/assert.hpp>

// Boost's string_view needs it and does not say so.
#include <ostream>

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/status.hpp>

#include <algorithm>

namespace tendril {
namespace {

bool same_name(std::string_view a, std::string_view b) noexcept {
    return boost::beast::iequals({a.data(), a.size()}, {b.data(), b.size()});
}

bool is_token(std::string_view name) noexcept {
    constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
    return !name.empty() && std::all_of(name.begin(), name.end(), [&](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
            marks.find(c) != std::string_view::npos;
    });
}

// Empties a text and lets go of its memory when that is more than `kept`.
void clear_text(std::string& text, std::size_t kept) noexcept {
    text.clear();
    if (text.capacity() > kept) {
        std::string{}.swap(text);
    }
}

bool frames_message(std::string_view name) noexcept {
    return same_name(name, "Content-Length") || same_name(name, "Transfer-Encoding") ||
        same_name(name, "Connection") || same_name(name, "Keep-Alive") ||
        same_name(name, "Upgrade") || same_name(name, "Trailer");
}

}  // namespace

void http_fields::add(std::string_view name, std::string_view value) {
    auto const start = static_cast<std::uint32_t>(text_.size());
    std::size_t const needed = text_.size() + name.size() + value.size();
    if (needed > text_.capacity()) {
        // Name and value may be views of the present text: it goes only when they are copied.
        std::string larger;
        larger.reserve(std::max(needed, 2 * text_.capacity()));
        larger.append(text_).append(name).append(value);
        text_.swap(larger);
    } else {
        text_.append(name).append(value);
    }
    spans_.push_back(
        {start, static_cast<std::uint32_t>(name.size()), static_cast<std::uint32_t>(value.size())});
}

http_fields::field http_fields::operator[](std::size_t index) const noexcept {
    span const& at = spans_[index];
    std::string_view const text = text_;
    return {
        text.substr(at.start, at.name_size), text.substr(at.start + at.name_size, at.value_size)};
}

std::string_view http_fields::get(std::string_view name) const noexcept {
    for (std::size_t index = 0; index < size(); ++index) {
        if (field const at = (*this)[index]; same_name(at.name, name)) {
            return at.value;
        }
    }
    return {};
}

std::size_t http_fields::count(std::string_view name) const noexcept {
    std::size_t found = 0;
    for (std::size_t index = 0; index < size(); ++index) {
        found += same_name((*this)[index].name, name) ? 1U : 0U;
    }
    return found;
}

void http_fields::clear(std::size_t kept) noexcept {
    clear_text(text_, kept);
    spans_.clear();
    if (spans_.capacity() * sizeof(span) > kept) {
        std::vector<span>{}.swap(spans_);
    }
}

std::string_view http_request::path() const noexcept {
    std::string_view whole = target_;
    std::size_t const scheme = whole.find("://");
    // The absolute form, which is meant for proxies, and which every server must understand.
    if (!whole.empty() && whole.front() != '/' && scheme != std::string_view::npos) {
        std::size_t const authority = scheme + 3;
        whole.remove_prefix(std::min(whole.find_first_of("/?", authority), whole.size()));
    }
    std::string_view const path = whole.substr(0, whole.find('?'));
    return path.empty() ? "/" : path;
}

std::string_view http_request::query() const noexcept {
    std::string_view const whole = target_;
    std::size_t const mark = whole.find('?');
    return mark == std::string_view::npos ? std::string_view{} : whole.substr(mark + 1);
}

void http_request::clear(std::size_t kept) noexcept {
    method_.clear();
    clear_text(target_, kept);
    fields_.clear(kept);
    clear_text(body_, kept);
}

http_response& http_response::status(int code) {
    TENDRIL_REQUIRE(
        code >= 200 && code <= 599,
        "a response has a final status, from 200 to 599; interim ones are the server's business");
    status_ = code;
    return *this;
}

http_response& http_response::header(std::string_view name, std::string_view value) {
    TENDRIL_REQUIRE(
        is_token(name), "a header name is a token: letters, digits and a few marks, no spaces");
    TENDRIL_REQUIRE(
        value.find_first_of(std::string_view{"\r\n\0", 3}) == std::string_view::npos,
        "a header value has no CR, LF or NUL: they would end the line and begin another one");
    TENDRIL_REQUIRE(
        !frames_message(name),
        "the server frames messages by itself: set the body, or call close(), and leave "
        "Content-Length, Transfer-Encoding and Connection to it");
    fields_.add(name, value);
    return *this;
}

void http_response::clear(std::size_t kept) noexcept {
    fields_.clear(kept);
    clear_text(body_, kept);
    status_ = 200;
    closes_ = false;
}

std::string_view http_reason(int status) noexcept {
    namespace http = boost::beast::http;
    http::status const known = http::int_to_status(static_cast<unsigned>(status));
    if (known == http::status::unknown) {
        return {};
    }
    auto const reason = http::obsolete_reason(known);
    return {reason.data(), reason.size()};
}

}  // namespace tendril
