// SPDX-License-Identifier: BSL-1.0
//
// A response that is written piece by piece, and what else a connection may become.
#include <harness/http_client.hpp>
#include <harness/hubs.hpp>
#include <tendril/http/http_server.hpp>
#include <tendril/http/response.hpp>
#include <tendril/hub/waiter.hpp>
#include <tendril/sync/event.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/read.hpp>

#include <array>
#include <stdexcept>
#include <string>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using boost::asio::buffer;
using test::http_answer;
using test::http_client;
using test::settle;
using test::transcript;

class response_server : public http_server {
public:
    explicit response_server(handler on_request, http_server_options options = {})
        : http_server{"127.0.0.1:0", std::move(on_request), std::move(options)} {
        start();
    }
};

// All that a server sends to one request until the end of the connection, without the date.
std::string answer_to(http_server const& web, std::string_view request) {
    http_client client{web};
    client.send(request);
    client.stream.shutdown_send();
    client.drain();
    std::string text = client.rest();
    std::size_t const date = text.find("Date: ");
    return date == std::string::npos ? text : text.erase(date, text.find("\r\n", date) + 2 - date);
}

constexpr std::string_view get_page = "GET / HTTP/1.1\r\nHost: test\r\n\r\n";

void write_two_pieces(http_request&, http_response& response) {
    response.header("X-A", "1");
    response.write(buffer("hello", 5));
    response.write(buffer(" there", 6));
}

}  // namespace

TENDRIL_HUB_TEST(response_stream, pieces_leave_in_chunks) {
    response_server web{write_two_pieces};
    EXPECT_EQ(
        answer_to(web, get_page),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: 1\r\n\r\n"
        "5\r\nhello\r\n6\r\n there\r\n0\r\n\r\n");
}

TENDRIL_HUB_TEST(response_stream, an_old_client_gets_them_until_the_end_of_the_connection) {
    response_server web{write_two_pieces};
    EXPECT_EQ(
        answer_to(web, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
        "HTTP/1.1 200 OK\r\nConnection: close\r\nX-A: 1\r\n\r\nhello there");
}

TENDRIL_HUB_TEST(response_stream, with_a_length_they_leave_as_they_are) {
    response_server web{[](http_request& request, http_response& response) {
        response.content_length(11);
        write_two_pieces(request, response);
    }};
    EXPECT_EQ(
        answer_to(web, get_page),
        "HTTP/1.1 200 OK\r\nContent-Length: 11\r\nX-A: 1\r\n\r\nhello there");
}

TENDRIL_HUB_TEST(response_stream, the_answer_to_a_head_is_the_head) {
    response_server web{write_two_pieces};
    EXPECT_EQ(
        answer_to(web, "HEAD / HTTP/1.1\r\nHost: test\r\n\r\n"),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: 1\r\n\r\n");
}

TENDRIL_HUB_TEST(response_stream, a_piece_leaves_at_once) {
    event read_it;
    response_server web{[&](http_request&, http_response& response) {
        response.write(buffer("first", 5));
        read_it.wait();
        response.write(buffer("second", 6));
    }};
    http_client client{web};
    client.send(get_page);
    EXPECT_EQ(client.read(true).status, 200);
    read_it.set();
    settle();
    client.stream.shutdown_send();
    client.drain();
    EXPECT_EQ(client.rest(), "5\r\nfirst\r\n6\r\nsecond\r\n0\r\n\r\n");
}

TENDRIL_HUB_TEST(response_stream, an_empty_piece_ends_nothing) {
    response_server web{[](http_request&, http_response& response) {
        response.write(buffer("", 0));
        response.write(buffer("a", 1));
        response.write(buffer("", 0));
        response.write(buffer("b", 1));
    }};
    EXPECT_NE(answer_to(web, get_page).find("1\r\na\r\n1\r\nb\r\n0\r\n\r\n"), std::string::npos);
}

TENDRIL_HUB_TEST(response_stream, many_buffers_are_one_piece) {
    std::array<boost::asio::const_buffer, 40> parts;
    parts.fill(buffer("ab", 2));
    response_server web{[&](http_request&, http_response& response) { response.write(parts); }};
    std::string text;
    for (std::size_t count = 0; count < parts.size(); ++count) {
        text += "ab";
    }
    EXPECT_NE(answer_to(web, get_page).find("50\r\n" + text + "\r\n0\r\n\r\n"), std::string::npos);
}

TENDRIL_HUB_TEST(response_stream, trailers_stand_behind_the_last_chunk) {
    response_server web{[](http_request&, http_response& response) {
        response.write(buffer("a", 1));
        response.trailer("X-Sum", "97");
        EXPECT_NE(test::misuse_of([&] { response.trailer("X-Sum", "9\r\n7"); }), "");
        EXPECT_NE(test::misuse_of([&] { response.trailer("Content-Length", "1"); }), "");
    }};
    EXPECT_NE(answer_to(web, get_page).find("0\r\nX-Sum: 97\r\n\r\n"), std::string::npos);
}

TENDRIL_HUB_TEST(response_stream, the_head_is_fixed_when_it_has_left) {
    int misuses = 0;
    response_server web{[&](http_request&, http_response& response) {
        EXPECT_FALSE(response.begun());
        response.begin();
        EXPECT_TRUE(response.begun());
        response.begin();
        misuses += test::misuse_of([&] { response.status(404); }).empty() ? 0 : 1;
        misuses += test::misuse_of([&] { response.header("A", "b"); }).empty() ? 0 : 1;
        misuses += test::misuse_of([&] { response.body("text"); }).empty() ? 0 : 1;
        misuses += test::misuse_of([&] { response.content_length(1); }).empty() ? 0 : 1;
        misuses += test::misuse_of([&] { response.inform(103); }).empty() ? 0 : 1;
        misuses += test::misuse_of([&] { response.upgrade("x"); }).empty() ? 0 : 1;
    }};
    http_client client{web};
    EXPECT_EQ(
        answer_to(web, get_page), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    EXPECT_EQ(misuses, 6);
}

TENDRIL_HUB_TEST(response_stream, nothing_is_written_behind_a_body_or_without_one) {
    int misuses = 0;
    response_server web{[&](http_request&, http_response& response) {
        response.body("whole");
        misuses += test::misuse_of([&] { response.write(buffer("a", 1)); }).empty() ? 0 : 1;
        response.body("").status(204);
        misuses += test::misuse_of([&] { response.write(buffer("a", 1)); }).empty() ? 0 : 1;
    }};
    EXPECT_EQ(answer_to(web, get_page), "HTTP/1.1 204 No Content\r\n\r\n");
    EXPECT_EQ(misuses, 2);
}

TENDRIL_HUB_TEST(response_stream, more_than_was_announced_is_not_written) {
    test::reported_errors const errors;
    response_server web{[](http_request&, http_response& response) {
        response.content_length(3);
        response.write(buffer("abc", 3));
        response.write(buffer("d", 1));
    }};
    EXPECT_NE(answer_to(web, get_page).find("\r\n\r\nabc"), std::string::npos);
    EXPECT_EQ(errors.texts.size(), 1U);
}

TENDRIL_HUB_TEST(response_stream, less_than_was_announced_cuts_the_connection) {
    test::reported_errors const errors;
    response_server web{[](http_request& request, http_response& response) {
        response.content_length(3);
        if (request.path() == "/one") {
            response.write(buffer("a", 1));
        }
    }};
    http_client client{web};
    client.send("GET /one HTTP/1.1\r\nHost: test\r\n\r\n");
    EXPECT_EQ(client.read(true).status, 200);
    client.drain();
    EXPECT_EQ(client.rest(), "a");
    http_client other{web};
    EXPECT_EQ(other.get("/none").status, 500);
    EXPECT_EQ(errors.texts.size(), 2U);
}

TENDRIL_HUB_TEST(response_stream, an_error_after_the_head_cuts_the_connection) {
    test::reported_errors const errors;
    response_server web{[](http_request&, http_response& response) {
        response.write(buffer("a", 1));
        throw std::runtime_error{"half way"};
    }};
    http_client client{web};
    client.send(get_page);
    EXPECT_EQ(client.read(true).status, 200);
    client.drain();
    EXPECT_EQ(client.rest(), "1\r\na\r\n");
    EXPECT_EQ(errors.texts.size(), 1U);
}

TENDRIL_HUB_TEST(response_stream, a_client_that_has_gone_is_no_error_of_the_handler) {
    test::reported_errors const errors;
    event gone;
    response_server web{[&](http_request&, http_response& response) {
        gone.wait();
        std::string const piece(64 * 1024, 'a');
        while (true) {
            response.write(buffer(piece));
        }
    }};
    {
        http_client client{web};
        client.send(get_page);
        settle();
    }
    gone.set();
    settle();
    EXPECT_EQ(web.statistics().server.connections, 0U);
    EXPECT_TRUE(errors.texts.empty());
}

TENDRIL_HUB_TEST(response_stream, a_client_that_reads_slowly_is_served_and_one_that_stops_is_not) {
    test::reported_errors const errors;
    response_server web{[&](http_request&, http_response& response) {
        std::string const piece(1024 * 1024, 'a');
        for (int count = 0; count < 64; ++count) {
            response.write(buffer(piece));
        }
    }};
    http_client client{web};
    client.send(get_page);
    std::string data(4 * 1024 * 1024, ' ');
    for (int count = 0; count < 10; ++count) {
        sleep_for(20s);
        job_under_way const time_stands_still{this_hub()};
        boost::asio::read(client.stream, buffer(data));
        settle();
    }
    EXPECT_EQ(web.statistics().server.connections, 1U);
    sleep_for(31s);
    EXPECT_EQ(web.statistics().server.connections, 0U);
    EXPECT_GE(clock.elapsed(), 231s);
}

TENDRIL_HUB_TEST(response_stream, interim_responses_come_before_the_final_one) {
    response_server web{[](http_request&, http_response& response) {
        http_fields hints;
        hints.add("Link", "</style.css>; rel=preload");
        response.inform(103, hints);
        EXPECT_NE(test::misuse_of([&] { response.inform(101); }), "");
        response.body("page");
    }};
    http_client client{web};
    client.send(get_page);
    http_answer const hints = client.read(true);
    EXPECT_EQ(hints.status, 103);
    EXPECT_EQ(hints.field("Link"), "</style.css>; rel=preload");
    EXPECT_EQ(client.read().body, "page");
    EXPECT_EQ(answer_to(web, "GET / HTTP/1.0\r\n\r\n").substr(0, 15), "HTTP/1.1 200 OK");
}

TENDRIL_HUB_TEST(response_stream, a_connection_may_become_one_of_another_protocol) {
    response_server web{[](http_request&, http_response& response) {
        response.header("X-With", "thanks");
        any_stream& stream = response.upgrade("echo");
        char data[100];
        error_code error;
        while (std::size_t const size = stream.read_some(buffer(data), error)) {
            stream.write(buffer(data, size));
        }
    }};
    EXPECT_EQ(
        answer_to(
            web,
            "GET / HTTP/1.1\r\nHost: test\r\nConnection: keep-alive, Upgrade\r\n"
            "Upgrade: other, ECHO\r\n\r\nbytes behind it"),
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n"
        "X-With: thanks\r\n\r\nbytes behind it");
    EXPECT_EQ(web.statistics().answered, 1U);
}

TENDRIL_HUB_TEST(response_stream, an_upgraded_connection_is_a_whole_stream) {
    transcript seen;
    response_server web{[&](http_request& request, http_response& response) {
        any_stream& stream = response.upgrade("echo");
        seen.push_back(stream.is_open() ? "open" : "closed");
        seen.push_back(
            &stream.get_executor().context() == &this_hub().context() ? "here" : "elsewhere");
        error_code error;
        std::size_t const size = stream.write_some(buffer("bytes", 5), error);
        seen.push_back(std::to_string(size) + " bytes");
        if (request.path() == "/half") {
            stream.shutdown_send(error);
            char data[8];
            stream.read_some(buffer(data), error);
            seen.push_back(error == boost::asio::error::eof ? "end" : error.message());
        } else if (request.path() == "/abort") {
            stream.abort();
        } else {
            stream.close();
        }
        seen.push_back(stream.is_open() ? "open" : "closed");
    }};
    std::string const asked =
        " HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";
    EXPECT_TRUE(answer_to(web, "GET /half" + asked).ends_with("\r\n\r\nbytes"));
    EXPECT_TRUE(answer_to(web, "GET /close" + asked).ends_with("\r\n\r\nbytes"));
    answer_to(web, "GET /abort" + asked);
    EXPECT_EQ(
        seen,
        (transcript{
            "open", "here", "5 bytes", "end", "open",  //
            "open", "here", "5 bytes", "closed",       //
            "open", "here", "5 bytes", "closed"}));
}

TENDRIL_HUB_TEST(response_stream, nobody_is_left_in_a_connection_that_has_ended) {
    test::reported_errors const errors;
    for (bool const fails : {false, true}) {
        task<error_code> helper;
        response_server web{[&](http_request&, http_response& response) {
            any_stream& stream = response.upgrade("echo");
            helper = spawn([&] {
                char data[8];
                error_code error;
                stream.read_some(buffer(data), error);
                return error;
            });
            yield();
            if (fails) {
                throw std::runtime_error{"half way"};
            }
        }};
        answer_to(
            web, "GET / HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
        EXPECT_TRUE(helper.get().failed());
    }
    ASSERT_EQ(errors.texts.size(), 3U);
    EXPECT_NE(errors.texts[0].find("join it first"), std::string::npos) << errors.texts[0];
    EXPECT_NE(errors.texts[1].find("half way"), std::string::npos) << errors.texts[1];
    EXPECT_NE(errors.texts[2].find("join it first"), std::string::npos) << errors.texts[2];
}

TENDRIL_HUB_TEST(response_stream, nobody_writes_on_in_a_connection_that_has_ended) {
    test::reported_errors const errors;
    std::string const large(16 * 1024 * 1024, 'a');
    task<error_code> helper;
    response_server web{[&](http_request&, http_response& response) {
        any_stream& stream = response.upgrade("echo");
        helper = spawn([&large, &stream] {
            error_code error;
            stream.write(buffer(large), error);
            return error;
        });
        yield();
    }};
    answer_to(web, "GET / HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
    EXPECT_TRUE(helper.get().failed());
    EXPECT_EQ(errors.texts.size(), 1U);
}

TENDRIL_HUB_TEST(response_stream, who_leaves_an_upgraded_connection_is_no_error) {
    test::reported_errors const errors;
    response_server web{[](http_request& request, http_response& response) {
        any_stream& stream = response.upgrade("echo");
        char data[100];
        stream.read_some(buffer(data));
        if (request.path() == "/fails") {
            throw std::runtime_error{"of its own"};
        }
    }};
    std::string const asked =
        " HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";
    answer_to(web, "GET /" + asked);
    EXPECT_TRUE(errors.texts.empty());
    answer_to(web, "GET /fails" + asked + "bytes");
    EXPECT_EQ(errors.texts.size(), 1U);
}

TENDRIL_HUB_TEST(response_stream, an_error_after_the_head_counts_once) {
    test::reported_errors const errors;
    response_server web{[](http_request&, http_response& response) {
        response.begin();
        throw std::runtime_error{"half way"};
    }};
    answer_to(web, "HEAD / HTTP/1.1\r\nHost: test\r\n\r\n");
    answer_to(web, "GET / HTTP/1.0\r\n\r\n");
    EXPECT_EQ(web.statistics().cut_off, 2U);
    EXPECT_EQ(web.statistics().answered, 0U);
}

TENDRIL_HUB_TEST(response_stream, nobody_is_upgraded_unasked) {
    int misuses = 0;
    response_server web{[&](http_request&, http_response& response) {
        misuses += test::misuse_of([&] { response.upgrade("echo"); }).empty() ? 0 : 1;
        misuses += test::misuse_of([&] { response.tunnel(); }).empty() ? 0 : 1;
    }};
    http_client client{web};
    client.send("GET / HTTP/1.1\r\nHost: test\r\nUpgrade: echo\r\n\r\n");
    client.read();
    client.send("GET / HTTP/1.1\r\nHost: test\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
    client.read();
    client.send("POST / HTTP/1.1\r\nHost: test\r\nConnection: upgrade\r\nUpgrade: echo\r\n"
                "Content-Length: 1\r\n\r\na");
    client.read();
    client.send("GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n");
    client.read();
    EXPECT_EQ(misuses, 8);
}

TENDRIL_HUB_TEST(response_stream, a_tunnel_is_a_stream) {
    response_server web{
        [](http_request& request, http_response& response) {
            EXPECT_EQ(request.authority(), "far:443");
            any_stream& stream = response.tunnel();
            char data[100];
            std::size_t const size = stream.read_some(buffer(data));
            stream.write(buffer(data, size));
        },
        {.allow_connect = true}};
    EXPECT_EQ(
        answer_to(web, "CONNECT far:443 HTTP/1.1\r\nHost: far:443\r\n\r\nhello"),
        "HTTP/1.1 200 OK\r\n\r\nhello");
}

TENDRIL_HUB_TEST(response_stream, a_handler_has_a_limit_when_it_is_given_one) {
    test::reported_errors const errors;
    response_server web{
        [](http_request& request, http_response& response) {
            if (request.path() == "/begun") {
                response.begin();
            }
            sleep_for(1h);
        },
        {.handler_timeout = 5s}};
    http_client client{web};
    EXPECT_EQ(client.get().status, 503);
    client.send("GET /begun HTTP/1.1\r\nHost: test\r\n\r\n");
    EXPECT_EQ(client.read(true).status, 200);
    client.drain();
    EXPECT_EQ(client.rest(), "");
}

TENDRIL_HUB_TEST(response_stream, a_connection_ends_after_so_many_requests_or_so_long) {
    response_server web{
        [](http_request&, http_response&) {},
        {.requests_per_connection = 3, .connection_age = 10s}};
    http_client client{web};
    EXPECT_FALSE(client.get().closes());
    EXPECT_FALSE(client.get().closes());
    EXPECT_TRUE(client.get().closes());
    http_client other{web};
    EXPECT_FALSE(other.get().closes());
    sleep_for(10s);
    EXPECT_TRUE(other.get().closes());
}

TENDRIL_HUB_TEST(response_stream, one_writes_at_a_time_and_a_write_that_is_cut_ends_it) {
    std::string const block(1 << 26, 'x');
    error_code second;
    event tried;
    response_server web{[&](http_request&, http_response& response) {
        auto first = spawn([&] { response.write(buffer(block)); });
        settle();
        second = test::code_of([&] { response.write(buffer("x", 1)); });
        tried.set();
        first.cancel();
        first.join();
    }};
    http_client client{web};
    client.send(get_page);
    tried.wait();
    EXPECT_EQ(second, errc::busy);
    client.drain();
    EXPECT_EQ(web.statistics().cut_off, 1U);
    EXPECT_EQ(web.statistics().answered, 0U);
}
