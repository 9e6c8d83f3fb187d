// SPDX-License-Identifier: BSL-1.0
//
// What ends a request, a response or a connection, in ways that look alike and are not.
#include <harness/http_client.hpp>
#include <harness/hubs.hpp>
#include <tendril/http/http_server.hpp>

#include <boost/asio/error.hpp>

#include <chrono>
#include <string>
#include <string_view>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::http_answer;
using test::http_client;
using test::settle;

}  // namespace

// The limit of a target is none of the fields behind it, wherever what arrives was cut.
TENDRIL_HUB_TEST(http_server_ends, a_long_line_before_many_fields_is_read_however_it_comes) {
    http_server web{"127.0.0.1:0", [](http_request& request, http_response& response) {
                        response.body(std::to_string(request.target().size()));
                    }};
    web.start();
    std::string const head = "GET /" + std::string(2999, 'a') + " HTTP/1.1\r\nHost: test\r\n" +
        "Cookie: " + std::string(30'000, 'c') + "\r\n\r\n";
    for (std::size_t const cut : {0U, 10U, 2500U, 9000U, 20'000U}) {
        http_client client{web};
        client.send(head.substr(0, cut));
        settle();
        client.send(head.substr(cut));
        http_answer const answer = client.read();
        EXPECT_EQ(answer.status, 200) << cut;
        EXPECT_EQ(answer.body, "3000") << cut;
    }
}

TENDRIL_HUB_TEST(http_server_ends, a_handler_may_end_the_connection_behind_a_head_that_has_left) {
    http_server web{"127.0.0.1:0", [](http_request&, http_response& response) {
                        response.content_length(1).write(boost::asio::buffer("a", 1));
                        response.close();
                    }};
    web.start();
    http_client client{web};
    EXPECT_EQ(client.get().body, "a");
    EXPECT_EQ(client.drain(), boost::asio::error::eof);
    EXPECT_EQ(clock.elapsed() / 1s, 0);  // and not because it was idle
}

TENDRIL_HUB_TEST(http_server_ends, who_sends_nothing_but_empty_lines_is_known_to_the_log) {
    std::string client_in_log;
    http_server web{
        "127.0.0.1:0",
        [](http_request&, http_response&) {},
        {.on_exchange = [&](http_exchange const& done) { client_in_log = done.request.client(); }}};
    web.start();
    http_client client{web};
    client.send("\r\n\r\n\r\n");
    EXPECT_EQ(client.read().status, 400);
    EXPECT_EQ(client_in_log, "127.0.0.1");
}

// An end of input is how a stream of another protocol usually ends. What fails then is news.
TENDRIL_HUB_TEST(http_server_ends, an_error_behind_the_end_of_an_upgraded_stream_is_reported) {
    test::reported_errors const errors;
    http_server web{"127.0.0.1:0", [](http_request&, http_response& response) {
                        any_stream& stream = response.upgrade("talk");
                        char data[16];
                        error_code error;
                        while (stream.read_some(boost::asio::buffer(data), error) > 0) {}
                        throw system_error{boost::asio::error::connection_refused, "a data base"};
                    }};
    web.start();
    http_client client{web};
    client.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: talk\r\n\r\n");
    EXPECT_EQ(client.read().status, 101);
    client.stream.shutdown_send();
    client.drain();
    settle();
    ASSERT_EQ(errors.texts.size(), 1U);
    EXPECT_NE(errors.texts[0].find("a data base"), std::string::npos);
}
