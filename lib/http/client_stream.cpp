// SPDX-License-Identifier: BSL-1.0
#include <tendril/http/client_stream.hpp>

#include "client_exchange.hpp"

#include <tendril/http/client_error.hpp>
#include <tendril/support/assert.hpp>

#include <boost/asio/error.hpp>

#include <utility>

namespace tendril {

http_client_stream::http_client_stream() noexcept = default;
http_client_stream::http_client_stream(http_client_stream&& other) noexcept = default;
http_client_stream& http_client_stream::operator=(http_client_stream&& other) noexcept = default;
http_client_stream::~http_client_stream() = default;

http_client_stream::http_client_stream(std::unique_ptr<detail::client_exchange> exchange) noexcept
    : exchange_{std::move(exchange)} {}

detail::client_exchange& http_client_stream::asked() const {
    TENDRIL_REQUIRE(
        exchange_ != nullptr,
        "this stream has no request: it was moved from, or never came from `http_client::open`");
    return *exchange_;
}

void http_client_stream::write(std::string_view piece) { asked().write(piece); }

void http_client_stream::finish(http_client_fields trailers) { asked().finish(trailers); }

http_client_head const& http_client_stream::response() { return asked().response(); }

std::size_t http_client_stream::read_part(boost::asio::mutable_buffer into) {
    std::size_t const size = asked().read(into);
    if (size == 0 && into.size() > 0) {
        throw system_error{boost::asio::error::eof, "read_some"};
    }
    return size;
}

std::size_t http_client_stream::read_part(boost::asio::mutable_buffer into, error_code& error) {
    error = {};
    std::size_t size = 0;
    try {
        size = asked().read(into);
        if (size == 0 && into.size() > 0) {
            error = boost::asio::error::eof;
        }
    } catch (http_client_error const& failed) {
        error = failed.code();
    }
    return size;
}

std::string http_client_stream::read_all(std::size_t limit) { return asked().read_all(limit); }

http_fields const& http_client_stream::trailers() const { return asked().trailers(); }

void http_client_stream::close() {
    if (exchange_ != nullptr) {
        exchange_->close();
    }
}

http_client_stream::executor_type http_client_stream::get_executor() const {
    return asked().get_executor();
}

}  // namespace tendril
