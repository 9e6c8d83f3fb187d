// SPDX-License-Identifier: BSL-1.0
#include "append_text.hpp"

#include <tendril/greenlet/thread_record.hpp>
#include <tendril/http/http_error.hpp>
#include <tendril/http/request.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/random.hpp>
#include <tendril/support/scope_exit.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstdio>

namespace tendril {
namespace {

// Where the authority of the absolute form begins, which is meant for proxies, and which every
// server must understand; npos for other forms.
std::size_t authority_of(std::string_view target) noexcept {
    std::size_t const scheme = target.find("://");
    bool const absolute = !target.empty() && target.front() != '/' &&
        scheme != std::string_view::npos;
    return absolute ? scheme + 3 : std::string_view::npos;
}

// A number that other threads and processes do not have, children of a fork included, and one that
// counts.
class request_id_maker {
public:
    std::string next() {
        if (std::uint64_t const now = forks_until_now(); forks_ != now) {
            forks_ = now;
            mine_ = random_seed();
        }
        std::array<char, 40> text{};
        std::snprintf(text.data(), text.size(), "%016" PRIx64 "-%08" PRIx64, mine_, made_++);
        return text.data();
    }

private:
    std::uint64_t forks_ = forks_until_now();
    std::uint64_t mine_ = random_seed();
    std::uint64_t made_ = 0;
};

// Not a part of anybody who might go on in another thread.
[[gnu::noinline]] std::string new_request_id() {
    static thread_local request_id_maker maker;
    return maker.next();
}

}  // namespace

std::string_view http_request::path() const noexcept {
    std::string_view whole = target_;
    if (std::size_t const authority = authority_of(whole); authority != std::string_view::npos) {
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

std::string_view http_request::authority() const noexcept {
    std::string_view const whole = target_;
    if (method_ == "CONNECT") {
        return whole;
    }
    std::size_t const start = authority_of(whole);
    if (start == std::string_view::npos) {
        return header("Host");
    }
    return whole.substr(start, whole.find_first_of("/?", start) - start);
}

request_origin const& http_request::origin() const noexcept {
    static request_origin const nowhere;
    return origin_ != nullptr ? *origin_ : nowhere;
}

std::string http_request::client() const {
    boost::asio::ip::address const& address = origin().address;
    if (!address.is_unspecified()) {
        return address.to_string();
    }
    return is_local_ ? "unix" : "somebody";
}

bool http_request::secured() const noexcept {
    return origin().scheme.empty() ? secured_ : origin().scheme == "https";
}

std::string const& http_request::id() const {
    if (id_.empty()) {
        id_ = new_request_id();
    }
    return id_;
}

std::string const& http_request::body() {
    TENDRIL_REQUIRE(
        reader_ != reader::read_some,
        "body() after a read_some(): what was read by pieces is not kept; use one of the two");
    if (reader_ == reader::nobody && source_ != nullptr) {
        if (source_->is_busy()) {
            throw system_error{
                io_error(errc::busy), "another greenlet reads the body of this request"};
        }
        // A promise is not a body: memory follows what has arrived.
        constexpr std::size_t most_in_advance = 64 * 1024;
        constexpr std::size_t piece = 16 * 1024;
        constexpr std::size_t least_room = piece / 2;
        std::uint64_t const limit = source_->limit_of_whole();
        std::uint64_t const promised = content_length_.value_or(piece);
        body_.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(promised, most_in_advance)));
        error_code error;
        // What an earlier call has brought that was interrupted.
        std::size_t filled = body_.size();
        scope_exit const cut{[&] { body_.resize(filled); }};
        while (true) {
            if (filled > limit) {
                throw http_error{413};
            }
            // Room that is there is used up first: it was cleared when it was made, and a body of
            // tiny chunks must not have it cleared for each of them.
            if (body_.size() - filled < least_room) {
                std::size_t const room = std::max<std::size_t>(body_.capacity() - filled, piece);
                body_.resize(filled + std::min(room, most_in_advance));
            }
            filled += source_->read_some(
                boost::asio::buffer(body_.data() + filled, body_.size() - filled), error);
            if (error.failed()) {
                break;
            }
        }
        if (error != boost::asio::error::eof) {
            throw_if_failed(error);
        }
    }
    reader_ = reader::body;
    return body_;
}

std::size_t http_request::read_part(boost::asio::mutable_buffer into, error_code& error) {
    TENDRIL_REQUIRE(
        reader_ != reader::body,
        "read_some() after body(), which has read all there is; use one of the two");
    if (source_ != nullptr && source_->is_busy()) {
        // Whoever is in `body` may be interrupted, and come back for the rest.
        error = io_error(errc::busy);
        return detail::end_at_once();
    }
    reader_ = reader::read_some;
    if (source_ == nullptr) {
        error = boost::asio::error::eof;
        return detail::end_at_once();
    }
    return source_->read_some(into, error);
}

void http_request::throw_if_failed(error_code const& error) {
    if (error.category() == http_category()) {
        throw http_error{error.value()};
    }
    detail::throw_if(error, "reading the body of a request");
}

http_request::executor_type http_request::get_executor() const {
    return this_hub().context().get_executor();
}

void http_request::clear(std::size_t kept) noexcept {
    method_.clear();
    detail::clear_text(target_, kept);
    fields_.clear(kept);
    trailers_.clear(kept);
    detail::clear_text(body_, kept);
    id_.clear();
    origin_ = nullptr;
    source_ = nullptr;
    content_length_ = 0;
    version_ = 11;
    keep_alive_ = true;
    secured_ = false;
    is_local_ = false;
    reader_ = reader::nobody;
}

}  // namespace tendril
