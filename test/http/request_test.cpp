// SPDX-License-Identifier: BSL-1.0
//
// A request while its body arrives: read as a whole, by pieces, or not at all.
#include <harness/forking.hpp>
#include <harness/http_client.hpp>
#include <harness/hubs.hpp>
#include <tendril/http/http_error.hpp>
#include <tendril/http/http_server.hpp>
#include <tendril/http/request.hpp>
#include <tendril/hub/waiter.hpp>
#include <tendril/io/buffered_reader.hpp>
#include <tendril/sync/event.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/read.hpp>

#include <string>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::http_answer;
using test::http_client;
using test::settle;

class request_server : public http_server {
public:
    explicit request_server(handler on_request, http_server_options options = {})
        : http_server{"127.0.0.1:0", std::move(on_request), std::move(options)} {
        start();
    }
};

std::string const expecting = "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n"
                              "Expect: 100-continue\r\n\r\n";

}  // namespace

TENDRIL_TEST(http_request, a_request_of_ones_own_is_empty) {
    http_request request;
    EXPECT_EQ(request.method(), "");
    EXPECT_EQ(request.path(), "/");
    EXPECT_EQ(request.authority(), "");
    EXPECT_EQ(request.content_length(), std::nullopt);
    EXPECT_EQ(request.trailers().size(), 0U);
}

TENDRIL_HUB_TEST(http_request, a_handler_runs_before_the_body_has_come) {
    event called;
    std::string seen;
    request_server web{[&](http_request& request, http_response&) {
        called.set();
        EXPECT_EQ(request.content_length(), 5U);
        seen = request.body();
    }};
    http_client client{web};
    client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\n");
    called.wait();
    client.send("hello");
    EXPECT_EQ(client.read().status, 200);
    EXPECT_EQ(seen, "hello");
}

TENDRIL_HUB_TEST(http_request, a_body_is_read_by_pieces_as_it_comes) {
    std::vector<std::string> pieces;
    request_server web{[&](http_request& request, http_response&) {
        char data[100];
        error_code error;
        while (std::size_t const size = request.read_some(boost::asio::buffer(data), error)) {
            pieces.emplace_back(data, size);
        }
        EXPECT_EQ(error, boost::asio::error::eof);
        EXPECT_EQ(request.read_some(boost::asio::buffer(data), error), 0U);
        EXPECT_EQ(error, boost::asio::error::eof);
    }};
    http_client client{web};
    client.send("POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.send("5\r\nhello\r\n");
    settle();
    client.send("6\r\n there\r\n0\r\nX-Sum: 11\r\n\r\n");
    EXPECT_EQ(client.read().status, 200);
    EXPECT_EQ(pieces, (std::vector<std::string>{"hello", " there"}));
    EXPECT_EQ(client.get().status, 200);
}

// Both would read into the same text.
TENDRIL_HUB_TEST(http_request, two_may_not_read_one_body) {
    std::string const sent(100'000, 'b');
    request_server web{[&](http_request& request, http_response& response) {
        auto first = spawn([&] { return request.body(); });
        yield();
        EXPECT_EQ(test::code_of([&] { request.body(); }), errc::busy);
        response.body(first.get());
    }};
    http_client client{web};
    client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 100000\r\n\r\n");
    settle();
    job_under_way const time_stands_still{this_hub()};
    client.send(sent);
    EXPECT_EQ(client.read().body, sent);
}

TENDRIL_HUB_TEST(http_request, who_is_refused_a_part_leaves_the_whole_to_its_reader) {
    request_server web{[](http_request& request, http_response& response) {
        auto reader = spawn([&] {
            try {
                timeout const limit{1s};
                request.body();
            } catch (timed_out const&) {}
            return request.body();
        });
        yield();
        char data[8];
        error_code error;
        request.read_some(boost::asio::buffer(data), error);
        EXPECT_EQ(error, errc::busy);
        response.body(reader.get());
    }};
    http_client client{web};
    client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\n");
    sleep_for(2s);
    client.send("hello");
    EXPECT_EQ(client.read().body, "hello");
}

TENDRIL_TEST(http_request, a_child_of_a_fork_has_other_ids) {
    if (!test::can_go_on_in_a_child) {
        GTEST_SKIP() << "ThreadSanitizer does not follow a process with threads into its child";
    }
    auto const id_of_another = [] { return http_request{}.id(); };
    std::string const ours = id_of_another();
    EXPECT_NE(id_of_another(), ours);
    EXPECT_TRUE(test::holds_in_a_child([&] {
        std::string const theirs = id_of_another();
        return theirs.size() == ours.size() && theirs.substr(0, 16) != ours.substr(0, 16);
    }));
    EXPECT_EQ(id_of_another().substr(0, 16), ours.substr(0, 16));
}

TENDRIL_HUB_TEST(http_request, a_client_waits_for_a_handler_that_does_not_read) {
    job_under_way const time_stands_still{this_hub()};
    event read_on;
    std::size_t received = 0;
    request_server web{
        [&](http_request& request, http_response&) {
            read_on.wait();
            std::vector<char> data(64 * 1024);
            error_code error;
            while (std::size_t const size = request.read_some(boost::asio::buffer(data), error)) {
                received += size;
            }
        },
        {.body_limit = 64 * 1024 * 1024}};
    http_client client{web};
    std::string const body(32 * 1024 * 1024, 'b');
    bool sent = false;
    auto const writer = spawn([&] {
        client.send("PUT / HTTP/1.1\r\nHost: test\r\nContent-Length: 33554432\r\n\r\n" + body);
        sent = true;
    });
    settle();
    EXPECT_FALSE(sent);
    read_on.set();
    EXPECT_EQ(client.read().status, 200);
    EXPECT_EQ(received, body.size());
    writer.join();
}

TENDRIL_HUB_TEST(http_request, algorithms_for_streams_read_a_body) {
    std::string line;
    std::string rest;
    request_server web{[&](http_request& request, http_response&) {
        std::string text(8, ' ');
        boost::asio::read(request, boost::asio::buffer(text));
        line = text;
        error_code error;
        boost::asio::read(request, boost::asio::dynamic_buffer(rest), error);
        EXPECT_EQ(error, boost::asio::error::eof);
    }};
    http_client client{web};
    client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 12\r\n\r\none two thre");
    EXPECT_EQ(client.read().status, 200);
    EXPECT_EQ(line + "|" + rest, "one two |thre");
}

TENDRIL_HUB_TEST(http_request, body_and_read_some_exclude_each_other) {
    test::transcript misuses;
    request_server web{[&](http_request& request, http_response&) {
        char data[2];
        if (request.path() == "/pieces") {
            request.read_some(boost::asio::buffer(data));
            misuses.push_back(test::misuse_of([&] { request.body(); }));
        } else {
            request.body();
            request.body();
            misuses.push_back(
                test::misuse_of([&] { request.read_some(boost::asio::buffer(data)); }));
        }
    }};
    http_client client{web};
    client.send("POST /pieces HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello");
    EXPECT_EQ(client.read().status, 200);
    client.send("POST /whole HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello");
    EXPECT_EQ(client.read().status, 200);
    ASSERT_EQ(misuses.size(), 2U);
    EXPECT_NE(misuses[0], "");
    EXPECT_NE(misuses[1], "");
}

TENDRIL_HUB_TEST(http_request, trailers_are_kept_apart_from_the_header) {
    request_server web{[&](http_request& request, http_response&) {
        EXPECT_EQ(request.trailers().size(), 0U);
        EXPECT_EQ(request.body(), "hello");
        EXPECT_EQ(request.trailers().get("x-sum"), "5");
        EXPECT_EQ(request.header("X-Sum"), "");
        EXPECT_EQ(request.content_length(), std::nullopt);
    }};
    http_client client{web};
    client.send("POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"
                "5\r\nhello\r\n0\r\nX-Sum: 5\r\n\r\n");
    EXPECT_EQ(client.read().status, 200);
}

TENDRIL_HUB_TEST(http_request, the_first_read_tells_a_client_that_asks_to_go_on) {
    request_server web{[](http_request& request, http_response& response) {
        response.body(request.path() == "/reads" ? request.body() : "not wanted");
    }};
    http_client client{web};
    client.send("POST /reads HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n"
                "Expect: 100-Continue\r\n\r\n");
    EXPECT_EQ(client.read(true).status, 100);
    client.send("hello");
    EXPECT_EQ(client.read().body, "hello");
    client.send(expecting);
    http_answer const refused = client.read();
    EXPECT_EQ(refused.body, "not wanted");
    // Whether the body comes now or not, nobody knows.
    EXPECT_TRUE(refused.closes());
    EXPECT_EQ(client.drain(), boost::asio::error::eof);
}

TENDRIL_HUB_TEST(http_request, who_asks_and_does_not_wait_is_not_told) {
    request_server web{
        [](http_request& request, http_response& response) { response.body(request.body()); }};
    http_client client{web};
    client.send(expecting + "hello");
    EXPECT_EQ(client.read().body, "hello");
    EXPECT_EQ(client.get().status, 200);
}

TENDRIL_HUB_TEST(http_request, what_nobody_has_read_is_thrown_away_up_to_a_limit) {
    request_server web{[](http_request&, http_response&) {}};
    http_client client{web};
    client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello");
    EXPECT_FALSE(client.read().closes());
    client.send("POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"
                "5\r\nhello\r\n0\r\n\r\n");
    EXPECT_FALSE(client.read().closes());
    client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 100000\r\n\r\n");
    EXPECT_TRUE(client.read().closes());
    EXPECT_EQ(client.drain(), boost::asio::error::eof);
}

TENDRIL_HUB_TEST(http_request, what_nobody_reads_is_waited_for_two_seconds) {
    request_server web{[](http_request&, http_response&) {}};
    http_client client{web};
    client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 50000\r\n\r\n");
    EXPECT_EQ(client.read().status, 200);
    auto const writer = spawn([&] {
        error_code gone;
        while (!gone.failed()) {
            client.stream.write(boost::asio::buffer("bbbbbbbbbb", 10), gone);
            sleep_for(10ms);
        }
    });
    EXPECT_NE(client.drain(), error_code{});
    EXPECT_LE(clock.elapsed(), 4s);
    writer.cancel();
    writer.join();
}

TENDRIL_HUB_TEST(http_request, a_limit_may_depend_on_the_request) {
    request_server web{
        [](http_request& request, http_response&) {
            char data[4096];
            error_code error;
            while (request.read_some(boost::asio::buffer(data), error) > 0) {}
        },
        {.body_limit = 10, .body_limit_for = [](http_request const& request) {
             return request.path() == "/upload" ? 1000U : 10U;
         }}};
    http_client client{web};
    client.send(
        "PUT /upload HTTP/1.1\r\nHost: test\r\nContent-Length: 1000\r\n\r\n" +
        std::string(1000, 'b'));
    EXPECT_EQ(client.read().status, 200);
    client.send("PUT /other HTTP/1.1\r\nHost: test\r\nContent-Length: 11\r\n\r\n");
    EXPECT_EQ(client.read().status, 413);
}

TENDRIL_HUB_TEST(http_request, a_whole_body_is_never_larger_than_the_server_keeps) {
    request_server web{
        [](http_request& request, http_response&) { request.body(); },
        {.body_limit = 10, .body_limit_for = [](http_request const&) { return 1000U; }}};
    http_client client{web};
    client.send("PUT / HTTP/1.1\r\nHost: test\r\nContent-Length: 11\r\n\r\nhello there");
    EXPECT_EQ(client.read().status, 413);
}

TENDRIL_HUB_TEST(http_request, the_authority_is_that_of_the_target_or_of_the_field) {
    test::transcript seen;
    request_server web{
        [&](http_request& request, http_response& response) {
            seen.push_back(std::string{request.authority()} + " " + std::string{request.path()});
            response.status(403);
        },
        {.allow_connect = true}};
    http_client client{web};
    client.send("GET http://other:81/a?b HTTP/1.1\r\nHost: test\r\n\r\n");
    client.read();
    client.send("GET /c HTTP/1.1\r\nHost: test\r\n\r\n");
    client.read();
    client.send("GET / HTTP/1.2\r\nHost: later\r\n\r\n");
    client.read();
    client.send("CONNECT far:443 HTTP/1.1\r\nHost: far:443\r\n\r\n");
    client.read();
    EXPECT_EQ(seen, (test::transcript{"other:81 /a", "test /c", "later /", "far:443 far:443"}));
}
