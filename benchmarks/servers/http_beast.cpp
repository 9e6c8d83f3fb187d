// SPDX-License-Identifier: BSL-1.0
//
// A baseline: the page of docs/examples/http_server.cpp from a server that is written by hand with
// callbacks on Boost.Beast, as its own examples are: its parser, its serializer, its limits.
//
//     http_beast           prints "listening on 127.0.0.1:PORT"; ends with SIGTERM
#include <harness/asio_server.hpp>

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <chrono>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t body_limit = 1024 * 1024;

// The field `Date`, made once a second.
std::string const& date() {
    static std::time_t second = 0;
    static std::string text;
    std::time_t const present = std::time(nullptr);
    if (present != second) {
        second = present;
        std::tm parts{};
        ::gmtime_r(&present, &parts);
        char made[64];
        text.assign(made, std::strftime(made, sizeof made, "%a, %d %b %Y %H:%M:%S GMT", &parts));
    }
    return text;
}

class session : public std::enable_shared_from_this<session> {
public:
    explicit session(tcp::socket socket) : stream_{std::move(socket)} {}

    void read() {
        parser_.emplace();
        parser_->body_limit(body_limit);
        stream_.expires_after(std::chrono::seconds{15});
        http::async_read(
            stream_, buffer_, *parser_, [self = shared_from_this()](error_code error, std::size_t) {
                if (!error) {
                    self->answer();
                }
            });
    }

private:
    void answer() {
        auto const& request = parser_->get();
        bool const known = request.target() == "/";
        response_ = {known ? http::status::ok : http::status::not_found, request.version()};
        response_.set(http::field::date, date());
        response_.set(http::field::content_type, "text/plain");
        response_.keep_alive(request.keep_alive());
        response_.body() = known ? "hello from tendril\n" : "nothing here\n";
        response_.prepare_payload();
        stream_.expires_after(std::chrono::seconds{30});
        http::async_write(
            stream_, response_, [self = shared_from_this()](error_code error, std::size_t) {
                if (!error && self->response_.keep_alive()) {
                    self->read();
                }
            });
    }

    beast::tcp_stream stream_;
    beast::flat_buffer buffer_;
    std::optional<http::request_parser<http::string_body>> parser_;
    http::response<http::string_body> response_;
};

}  // namespace

int main() { bench::serve_until_signal<session>(); }
