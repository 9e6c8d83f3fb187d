// SPDX-License-Identifier: BSL-1.0
#include <harness/blocking_calls.hpp>
#include <tendril/http/http_server.hpp>
#include <tendril/net/unix_socket.hpp>
#include <tendril/sync/event.hpp>

#include <boost/asio/buffer.hpp>

#include <sys/socket.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace tendril::test {
namespace {

using namespace std::chrono_literals;

// Floor http, on one hub.

http_server_options without_limits() {
    return {.idle_timeout = 24h, .head_timeout = 24h, .body_timeout = 24h};
}

// A request whose body has not come. Its handler lends it to whoever wants to read.
struct lent_request {
    explicit lent_request(std::size_t size) {
        send(
            "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: " + std::to_string(size) +
            "\r\n\r\n");
        web.serve(std::move(ends.first));
    }

    void send(std::string_view text) const {
        ::send(ends.second.native_handle(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    }

    event lent;
    event returned;
    http_request* request = nullptr;
    std::pair<unix_stream, unix_stream> ends = unix_stream::pair();
    http_server web{
        "127.0.0.1:0",
        [this](http_request& mine, http_response&) {
            request = &mine;
            lent.set();
            returned.wait();
        },
        without_limits()};
};

template <typename Read>
call_maker reading_a_body(char const* name, std::size_t size, Read read) {
    return [=] {
        auto const held = std::make_shared<lent_request>(size);
        return blocking_call{
            .name = name,
            .take =
                [=](deadline) {
                    held->lent.wait();
                    return read(*held->request);
                },
            .give = [=] { held->send(std::string(size, 'b')); },
            .to_wishes = answer::given_late,
            .alone = true,
        };
    };
}

call_maker stopping_a_web_server() {
    return [] {
        auto const held = std::make_shared<lent_request>(0);
        return blocking_call{
            .name = "http_server::stop",
            .take =
                [=](deadline) {
                    held->lent.wait();
                    held->web.stop(1h);
                    return true;
                },
            .give = [=] { held->returned.set(); },
            .at_rest = [=] { return held->web.statistics().server.connections == 0; },
            .to_wishes = answer::given_late,
        };
    };
}

}  // namespace

void add_calls_of_http(calls& all) {
    all.push_back(reading_a_body(
        "http_request::body", 5, [](http_request& request) { return request.body() == "bbbbb"; }));
    all.push_back(reading_a_body("http_request::read_some", 1000, [](http_request& request) {
        char data[8];
        return request.read_some(boost::asio::buffer(data)) > 0;
    }));
    all.push_back(stopping_a_web_server());
}

}  // namespace tendril::test
