// SPDX-License-Identifier: BSL-1.0
//
// A web server at work with clients that know the rules. Beside it: http_server_refusals_test.cpp,
// what breaks the rules; http_server_limits_test.cpp, what is large or slow;
// http_server_hostile_test.cpp, what makes no sense; http_server_drain_test.cpp, the end.
#include <harness/http_client.hpp>
#include <tendril/http/http_server.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/time/timeout.hpp>

#include <boost/asio/error.hpp>

#include <chrono>
#include <regex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::http_answer;
using test::http_client;
using test::settle;
using test::transcript;
namespace asio_error = boost::asio::error;

// Says what it has received.
void mirror(http_request& request, http_response& response) {
    response.header("X-Path", request.path());
    response.body(
        std::string{request.method()} + " " + std::string{request.target()} + " " + request.body());
}

// A server that has started, with a handler.
class mirror_server : public http_server {
public:
    explicit mirror_server(handler on_request = mirror, http_server_options options = {})
        : http_server{"127.0.0.1:0", std::move(on_request), options} {
        start();
    }
};

// What a handler did to one request: the answer and what was reported.
struct outcome {
    http_answer answer;
    transcript reported;
    bool ended;
};
outcome outcome_of(http_server::handler handler) {
    test::reported_errors errors;
    mirror_server web{std::move(handler)};
    http_client client{web};
    http_answer const answer = client.get("/page?secret");
    bool const ended = answer.status == 0 || answer.closes();
    return {answer, errors.texts, ended};
}

}  // namespace

TENDRIL_HUB_TEST(http_server, answers_a_request) {
    mirror_server web;
    http_client client{web};
    http_answer const answer = client.get("/page?x=1");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "GET /page?x=1 ");
    EXPECT_EQ(answer.field("X-Path"), "/page");
    EXPECT_EQ(answer.head.substr(0, 17), "HTTP/1.1 200 OK\r\n");
}

TENDRIL_HUB_TEST(http_server, a_handler_sees_the_request_as_it_was_sent) {
    std::string seen;
    mirror_server web{[&](http_request& request, http_response&) {
        seen = std::string{request.method()} + "|" + std::string{request.path()} + "|" +
            std::string{request.query()} + "|" + std::to_string(request.version()) + "|" +
            std::string{request.header("x-name")} + "|" + request.body() + "|" +
            (request.keep_alive() ? "stays" : "goes");
    }};
    http_client client{web};
    client.send("PUT /a%20b?c=d?e HTTP/1.1\r\nHost: test\r\nX-Name:  some value \t\r\n"
                "Content-Length: 4\r\n\r\nbody");
    client.read();
    EXPECT_EQ(seen, "PUT|/a%20b|c=d?e|11|some value|body|stays");
}

TENDRIL_HUB_TEST(http_server, the_answer_to_a_head_is_that_to_a_get_without_the_body) {
    mirror_server web{[](http_request&, http_response& response) { response.body("12345"); }};
    http_client client{web};
    client.send("HEAD / HTTP/1.1\r\nHost: test\r\n\r\n");
    EXPECT_EQ(client.read(true).field("Content-Length"), "5");
    EXPECT_EQ(client.get().body, "12345");
}

TENDRIL_HUB_TEST(http_server, receives_a_body_of_a_known_length) {
    mirror_server web;
    http_client client{web};
    client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello");
    EXPECT_EQ(client.read().body, "POST / hello");
}

TENDRIL_HUB_TEST(http_server, receives_a_body_in_chunks) {
    mirror_server web;
    http_client client{web};
    client.send("POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"
                "5\r\nhello\r\n1;x=y\r\n \r\n000A\r\ngreen tree\r\n0\r\n\r\n");
    EXPECT_EQ(client.read().body, "POST / hello green tree");
    EXPECT_EQ(client.get().status, 200);
}

TENDRIL_HUB_TEST(http_server, a_large_body_arrives_and_leaves_unharmed) {
    mirror_server web{
        [](http_request& request, http_response& response) { response.body(request.body()); }};
    std::string const body(1024 * 1024, 'b');
    http_client client{web};
    auto writer = spawn([&] {
        client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1048576\r\n\r\n" + body);
    });
    EXPECT_TRUE(client.read().body == body);
    writer.join();
}

// Keeping the connection.

TENDRIL_HUB_TEST(http_server, keeps_the_connection_for_the_next_request) {
    mirror_server web;
    http_client client{web};
    for (int count = 0; count < 3; ++count) {
        http_answer const answer = client.get();
        EXPECT_EQ(answer.status, 200);
        EXPECT_EQ(answer.field("Connection"), "");
    }
    EXPECT_EQ(web.statistics().server.accepted, 1U);
    EXPECT_EQ(web.statistics().answered, 3U);
}

TENDRIL_HUB_TEST(http_server, closes_it_when_the_client_wants_that) {
    for (char const* const value : {"close", "Close", "keep-alive, close", "close, keep-alive"}) {
        mirror_server web;
        http_client client{web};
        client.send(
            "GET / HTTP/1.1\r\nHost: test\r\nConnection: " + std::string{value} + "\r\n\r\n");
        EXPECT_TRUE(client.read().closes()) << value;
        EXPECT_EQ(client.drain(), asio_error::eof) << value;
    }
}

TENDRIL_HUB_TEST(http_server, never_looks_at_what_comes_after_a_close) {
    mirror_server web;
    http_client client{web};
    client.send("GET /1 HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"
                "GET /2 HTTP/1.1\r\nHost: test\r\n\r\n");
    EXPECT_EQ(client.read().field("X-Path"), "/1");
    EXPECT_EQ(client.drain(), asio_error::eof);
    EXPECT_EQ(client.rest(), "");
    EXPECT_EQ(web.statistics().answered, 1U);
}

TENDRIL_HUB_TEST(http_server, closes_it_when_the_handler_wants_that) {
    mirror_server web{[](http_request&, http_response& response) { response.close(); }};
    http_client client{web};
    EXPECT_TRUE(client.get().closes());
    EXPECT_EQ(client.drain(), asio_error::eof);
}

TENDRIL_HUB_TEST(http_server, closes_it_after_a_request_of_the_old_version) {
    mirror_server web;
    http_client client{web};
    client.send("GET / HTTP/1.0\r\n\r\n");
    http_answer const answer = client.read();
    EXPECT_EQ(answer.status, 200);
    EXPECT_TRUE(answer.closes());
    EXPECT_EQ(client.drain(), asio_error::eof);
}

TENDRIL_HUB_TEST(http_server, keeps_it_for_an_old_client_that_asks_and_says_so) {
    mirror_server web;
    http_client client{web};
    client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_EQ(client.read().field("Connection"), "keep-alive");
    EXPECT_EQ(client.get().status, 200);
}

TENDRIL_HUB_TEST(http_server, an_old_client_that_says_both_is_closed) {
    mirror_server web;
    http_client client{web};
    client.send("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n");
    EXPECT_TRUE(client.read().closes());
    EXPECT_EQ(client.drain(), asio_error::eof);
}

TENDRIL_HUB_TEST(http_server, a_client_that_ends_its_side_still_gets_its_answer) {
    mirror_server web;
    http_client client{web};
    client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    client.stream.shutdown_send();
    EXPECT_EQ(client.read().status, 200);
    EXPECT_EQ(client.drain(), asio_error::eof);
}

TENDRIL_HUB_TEST(http_server, answers_pipelined_requests_in_order) {
    mirror_server web{[](http_request& request, http_response& response) {
        // The first ones take longest.
        sleep_for(
            std::chrono::milliseconds{100 - std::stoi(std::string{request.path().substr(1)})});
        response.body(std::string{request.path()});
    }};
    http_client client{web};
    std::string packet;
    for (int number = 0; number < 64; ++number) {
        packet += "GET /" + std::to_string(number) + " HTTP/1.1\r\nHost: test\r\n\r\n";
    }
    client.send(packet);
    for (int number = 0; number < 64; ++number) {
        ASSERT_EQ(client.read().body, "/" + std::to_string(number));
    }
}

TENDRIL_HUB_TEST(http_server, requests_with_bodies_can_be_pipelined) {
    mirror_server web;
    http_client client{web};
    client.send(
        "POST /1 HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\n\r\noneGET /2 HTTP/1.1\r\nHost: "
        "test\r\n\r\nPOST /3 HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"
        "5\r\nthree\r\n0\r\n\r\nGET /4 HTTP/1.1\r\nHost: test\r\n\r\n");
    EXPECT_EQ(client.read().body, "POST /1 one");
    EXPECT_EQ(client.read().body, "GET /2 ");
    EXPECT_EQ(client.read().body, "POST /3 three");
    EXPECT_EQ(client.read().body, "GET /4 ");
}

// The answer.

TENDRIL_HUB_TEST(http_server, an_answer_has_a_length_and_a_date) {
    mirror_server web;
    http_client client{web};
    http_answer const answer = client.get();
    std::regex const date{"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-3][0-9] "
                          "(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) 20[0-9][0-9] "
                          "[0-2][0-9]:[0-5][0-9]:[0-6][0-9] GMT"};
    EXPECT_TRUE(std::regex_match(answer.field("Date"), date)) << answer.field("Date");
    EXPECT_EQ(answer.field("Content-Length"), std::to_string(answer.body.size()));
    EXPECT_EQ(answer.field("Server"), "");
}

TENDRIL_HUB_TEST(http_server, the_date_is_that_of_the_present) {
    mirror_server web;
    http_client client{web};
    std::time_t const before = std::time(nullptr);
    std::tm parts{};
    ASSERT_NE(
        ::strptime(client.get().field("Date").c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts),
        nullptr);
    EXPECT_GE(::timegm(&parts), before);
    EXPECT_LE(::timegm(&parts), std::time(nullptr));
}

TENDRIL_HUB_TEST(http_server, a_date_of_the_handler_stays) {
    mirror_server web{[](http_request&, http_response& response) {
        response.header("Date", "Thu, 01 Jan 1970 00:00:00 GMT");
    }};
    http_client client{web};
    std::string const head = client.get().head;
    EXPECT_NE(head.find("1970"), std::string::npos);
    EXPECT_EQ(head.find("Date"), head.rfind("Date"));
}

TENDRIL_HUB_TEST(http_server, a_status_that_has_no_body_gets_none_and_no_length) {
    for (int const status : {204, 304}) {
        mirror_server web{[status](http_request&, http_response& response) {
            response.status(status).body("never sent");
        }};
        http_client client{web};
        http_answer const answer = client.get();
        EXPECT_EQ(answer.status, status);
        EXPECT_EQ(answer.field("Content-Length"), "");
        EXPECT_EQ(client.get().status, status) << "the connection is out of step";
    }
}

TENDRIL_HUB_TEST(http_server, a_status_comes_with_its_words_and_one_without_them_with_none) {
    mirror_server web{[](http_request& request, http_response& response) {
        response.status(std::stoi(std::string{request.path().substr(1)}));
    }};
    http_client client{web};
    EXPECT_EQ(client.get("/404").head.substr(0, 24), "HTTP/1.1 404 Not Found\r\n");
    EXPECT_EQ(client.get("/299").head.substr(0, 15), "HTTP/1.1 299 \r\n");
}

TENDRIL_HUB_TEST(http_server, nothing_of_an_answer_is_left_in_the_next) {
    mirror_server web{[](http_request& request, http_response& response) {
        if (request.path() == "/first") {
            response.status(404).header("X-First", "yes").body("first");
        }
    }};
    http_client client{web};
    client.get("/first");
    http_answer const next = client.get("/next");
    EXPECT_EQ(next.status, 200);
    EXPECT_EQ(next.field("X-First"), "");
    EXPECT_EQ(next.body, "");
}

TENDRIL_HUB_TEST(http_server, nothing_of_a_request_is_left_in_the_next) {
    mirror_server web{[](http_request& request, http_response& response) {
        response.body(
            request.body() + std::string{request.header("X-Old")} +
            std::to_string(request.fields().size()));
    }};
    http_client client{web};
    client.send("POST / HTTP/1.1\r\nHost: test\r\nX-Old: yes\r\nContent-Length: 3\r\n\r\nold");
    EXPECT_EQ(client.read().body, "oldyes3");
    EXPECT_EQ(client.get().body, "1");
}

// Handlers.

TENDRIL_HUB_TEST(http_server, a_handler_that_waits_holds_up_its_own_connection_only) {
    mirror_server web{[](http_request& request, http_response& response) {
        if (request.path() == "/slow") {
            sleep_for(1h);
        }
        response.body("done");
    }};
    http_client slow{web};
    http_client quick{web};
    slow.send("GET /slow HTTP/1.1\r\nHost: test\r\n\r\n");
    settle();
    EXPECT_EQ(quick.get("/quick").body, "done");
    EXPECT_LT(clock.elapsed(), 1s);
    EXPECT_EQ(slow.read().body, "done");
    EXPECT_GE(clock.elapsed(), 1h);
}

TENDRIL_HUB_TEST(http_server, a_handler_that_throws_is_a_500_and_is_reported_with_its_path) {
    outcome const seen = outcome_of([](http_request&, http_response& response) {
        response.status(201).header("X-Half", "done").body("half");
        throw std::runtime_error{"broken handler"};
    });
    EXPECT_EQ(seen.answer.status, 500);
    EXPECT_EQ(seen.answer.field("X-Half"), "");
    EXPECT_EQ(seen.answer.body.find("half"), std::string::npos);
    ASSERT_EQ(seen.reported.size(), 1U);
    EXPECT_NE(seen.reported[0].find("GET /page"), std::string::npos) << seen.reported[0];
    EXPECT_NE(seen.reported[0].find("broken handler"), std::string::npos) << seen.reported[0];
    EXPECT_EQ(seen.reported[0].find("secret"), std::string::npos) << seen.reported[0];
}

TENDRIL_HUB_TEST(http_server, a_handler_whose_own_limit_ran_out_is_a_500) {
    outcome const seen = outcome_of([](http_request&, http_response&) {
        timeout const limit{1s};
        sleep_for(1h);
    });
    EXPECT_EQ(seen.answer.status, 500);
    EXPECT_EQ(seen.reported.size(), 1U);
}

TENDRIL_HUB_TEST(http_server, whatever_a_handler_throws_is_a_500) {
    outcome const seen = outcome_of([](http_request&, http_response&) { throw 42; });
    EXPECT_EQ(seen.answer.status, 500);
    EXPECT_EQ(seen.reported.size(), 1U);
}

TENDRIL_HUB_TEST(http_server, an_error_of_io_in_a_handler_is_its_own_and_a_500) {
    outcome const seen = outcome_of(
        [](http_request&, http_response&) { throw system_error{asio_error::connection_reset}; });
    EXPECT_EQ(seen.answer.status, 500);
    EXPECT_EQ(seen.reported.size(), 1U);
}

TENDRIL_HUB_TEST(http_server, a_header_that_is_refused_in_a_handler_is_a_500) {
    outcome const seen = outcome_of([](http_request&, http_response& response) {
        response.header("X-Name", "value\r\nX-Injected: yes");
    });
    EXPECT_EQ(seen.answer.status, 500);
    EXPECT_EQ(seen.answer.head.find("X-Injected"), std::string::npos);
}

TENDRIL_HUB_TEST(http_server, an_error_ends_its_own_connection_only) {
    test::reported_errors const errors;
    mirror_server web{[](http_request& request, http_response&) {
        if (request.path() == "/broken") {
            throw std::runtime_error{"broken handler"};
        }
    }};
    http_client one{web};
    http_client other{web};
    EXPECT_EQ(one.get("/broken").status, 500);
    EXPECT_EQ(other.get("/").status, 200);
    EXPECT_EQ(http_client{web}.get("/").status, 200);
}

TENDRIL_HUB_TEST(http_server, a_request_of_http_between_two_servers_in_one_process) {
    mirror_server behind{[](http_request&, http_response& response) { response.body("behind"); }};
    mirror_server front{[&](http_request&, http_response& response) {
        http_client client{behind};
        response.body(client.get().body + " and in front");
    }};
    EXPECT_EQ(http_client{front}.get().body, "behind and in front");
}

TENDRIL_HUB_TEST(http_server, counts_what_it_answered_and_what_it_refused) {
    mirror_server web;
    http_client client{web};
    client.get();
    client.send("nonsense\r\n\r\n");
    EXPECT_EQ(client.read().status, 400);
    EXPECT_EQ(web.statistics().answered, 1U);
    EXPECT_EQ(web.statistics().refused, 1U);
}
