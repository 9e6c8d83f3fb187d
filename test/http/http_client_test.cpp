// SPDX-License-Identifier: BSL-1.0
#include <harness/network.hpp>
#include <harness/scripted_server.hpp>
#include <tendril/http/http_client.hpp>
#include <tendril/hub/waiter.hpp>

#include <string>
#include <thread>
#include <utility>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::scripted_peer;
using test::scripted_server;

}  // namespace

TENDRIL_HUB_TEST(http_client, gets_a_page) {
    std::string asked;
    scripted_server const server{[&](scripted_peer& peer) {
        asked = peer.hear_head();
        peer.say("HTTP/1.1 200 Fine\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello");
    }};
    tendril::http_client client;
    auto const answer = client.get(server.url("/page?x=1#y"), {{"X-A", "b"}, {"Accept", "*/*"}});
    EXPECT_EQ(answer.status(), 200);
    EXPECT_EQ(answer.reason(), "Fine");
    EXPECT_EQ(answer.header("content-type"), "text/plain");
    EXPECT_EQ(answer.body(), "hello");
    EXPECT_EQ(answer.url(), server.url("/page?x=1"));
    EXPECT_EQ(
        asked,
        "GET /page?x=1 HTTP/1.1\r\nHost: " + to_string(server.endpoint()) +
            "\r\nUser-Agent: tendril\r\nX-A: b\r\nAccept: */*\r\n\r\n");
}

TENDRIL_HUB_TEST(http_client, sends_a_body_with_its_length) {
    std::string asked;
    scripted_server const server{[&](scripted_peer& peer) {
        asked = peer.hear_until("\r\n\r\ntext");
        peer.answer("");
        asked += "|" + peer.hear_head();
        peer.answer("");
        asked += "|" + peer.hear_head();
        peer.answer("");
    }};
    tendril::http_client client{{.user_agent = ""}};
    client.post(server.url(), "text", {{"Content-Type", "text/plain"}});
    client.put(server.url(), "");
    client.request({.method = "DELETE", .url = server.url()});
    std::string const host = "Host: " + to_string(server.endpoint()) + "\r\n";
    EXPECT_EQ(
        asked,
        "POST / HTTP/1.1\r\n" + host +
            "Content-Type: text/plain\r\nContent-Length: 4\r\n\r\ntext|PUT / HTTP/1.1\r\n" + host +
            "Content-Length: 0\r\n\r\n|DELETE / HTTP/1.1\r\n" + host + "\r\n");
    EXPECT_EQ(client.statistics().connected, 1U);
}

TENDRIL_HUB_TEST(http_client, uses_a_connection_again) {
    scripted_server const server{
        scripted_server::always("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")};
    tendril::http_client client;
    for (int request = 0; request < 3; ++request) {
        EXPECT_EQ(client.get(server.url()).body(), "ok");
        EXPECT_EQ(client.statistics().idle, 1U);
    }
    EXPECT_EQ(server.connections(), 1U);
    EXPECT_EQ(client.statistics().connected, 1U);
    EXPECT_EQ(client.statistics().reused, 2U);
    EXPECT_EQ(client.statistics().busy, 0U);
    client.close_idle();
    EXPECT_EQ(client.statistics().idle, 0U);
    EXPECT_EQ(client.get(server.url()).body(), "ok");
    EXPECT_EQ(server.connections(), 2U);
}

TENDRIL_HUB_TEST(http_client, does_not_keep_what_the_server_closes) {
    for (std::string const head :
         {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n",
          "HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 2\r\n\r\n",
          "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"}) {
        scripted_server const server{[&](scripted_peer& peer) {
            peer.hear_head();
            peer.say(head + "ok");
        }};
        tendril::http_client client;
        EXPECT_EQ(client.get(server.url()).body(), "ok") << head;
        EXPECT_EQ(client.statistics().idle, 0U) << head;
        EXPECT_EQ(client.statistics().busy, 0U) << head;
    }
}

TENDRIL_HUB_TEST(http_client, keeps_an_old_one_that_says_so) {
    scripted_server const server{scripted_server::always(
        "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nok")};
    tendril::http_client client;
    EXPECT_EQ(client.get(server.url()).body(), "ok");
    EXPECT_EQ(client.get(server.url()).body(), "ok");
    EXPECT_EQ(server.connections(), 1U);
}

TENDRIL_HUB_TEST(http_client, answers_without_a_body_have_none) {
    scripted_server const server{[&](scripted_peer& peer) {
        EXPECT_EQ(peer.hear_head().substr(0, 5), "HEAD ");
        peer.say("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
        peer.hear_head();
        peer.say("HTTP/1.1 204 No Content\r\n\r\n");
        peer.hear_head();
        peer.say("HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n");
        peer.hear_head();
        peer.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        peer.hear_head();
        peer.answer("end");
    }};
    tendril::http_client client;
    auto const answer = client.head(server.url());
    EXPECT_EQ(answer.body(), "");
    EXPECT_EQ(answer.header("Content-Length"), "1000");
    EXPECT_EQ(client.get(server.url()).status(), 204);
    EXPECT_EQ(client.get(server.url()).status(), 304);
    EXPECT_EQ(client.head(server.url()).status(), 200);
    EXPECT_EQ(client.get(server.url()).body(), "end");
    EXPECT_EQ(server.connections(), 1U);
}

TENDRIL_HUB_TEST(http_client, reads_chunks_and_trailers) {
    scripted_server const server{[&](scripted_peer& peer) {
        while (!peer.hear_head().empty()) {
            peer.say_slowly(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
                "5\r\nhello\r\n6;a=\"b\"\r\n there\r\n00\r\nX-Sum: 1\r\nX-None:\r\n\r\n");
        }
    }};
    tendril::http_client client;
    for (int request = 0; request < 2; ++request) {
        auto const answer = client.get(server.url());
        EXPECT_EQ(answer.body(), "hello there");
        EXPECT_EQ(answer.trailers().size(), 2U);
        EXPECT_EQ(answer.trailers().get("x-sum"), "1");
        EXPECT_EQ(answer.header("X-Sum"), "");
    }
    EXPECT_EQ(server.connections(), 1U);
}

TENDRIL_HUB_TEST(http_client, passes_interim_answers_over) {
    scripted_server const server{[&](scripted_peer& peer) {
        peer.hear_head();
        peer.say("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        peer.hear_head();
        for (int count = 0; count < 100; ++count) {
            peer.say("HTTP/1.1 102 Processing\r\n\r\n");
        }
        peer.hear_end();
    }};
    tendril::http_client client;
    EXPECT_EQ(client.get(server.url()).body(), "ok");
    EXPECT_EQ(
        test::code_of([&] { client.get(server.url()); }),
        make_error_code(http_client_errc::bad_response));
    EXPECT_EQ(client.statistics().busy, 0U);
}

TENDRIL_HUB_TEST(http_client, large_bodies_arrive_whole_and_their_limit_counts) {
    job_under_way const time_stands_still{this_hub()};
    std::string body(3'000'000, '\0');
    for (std::size_t at = 0; at < body.size(); ++at) {
        body[at] = static_cast<char>(at * 7 / 5);
    }
    scripted_server const server{[&](scripted_peer& peer) {
        while (!peer.hear_head().empty()) {
            peer.answer(body);
        }
    }};
    tendril::http_client exact{{.body_limit = body.size()}};
    EXPECT_TRUE(exact.get(server.url()).body() == body);
    EXPECT_EQ(exact.statistics().idle, 1U);
    tendril::http_client less{{.body_limit = body.size() - 1}};
    EXPECT_EQ(
        test::code_of([&] { less.get(server.url()); }),
        make_error_code(http_client_errc::body_too_large));
    EXPECT_EQ(less.statistics().busy + less.statistics().idle, 0U);
}

TENDRIL_HUB_TEST(http_client, an_endless_body_is_given_up_at_its_limit) {
    scripted_server const server{[&](scripted_peer& peer) {
        peer.hear_head();
        peer.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        while (peer.say("a\r\n0123456789\r\n")) {}
    }};
    tendril::http_client client{{.body_limit = 100'000}};
    EXPECT_EQ(
        test::code_of([&] { client.get(server.url()); }),
        make_error_code(http_client_errc::body_too_large));
}

TENDRIL_HUB_TEST(http_client, what_cannot_be_sent_is_refused_at_the_call) {
    scripted_server const server{scripted_server::always("")};
    tendril::http_client client;
    std::string const url = server.url();
    auto const refused = [&](http_client_request const& asked) {
        EXPECT_THROW(client.request(asked), misuse);
        EXPECT_THROW(client.open(asked), misuse);
    };
    for (std::string const method : {"", "GET ", "G\r\nT", "A/B", "CONNECT"}) {
        refused({.method = method, .url = url});
    }
    for (std::string const name :
         {"", "A B", "A:", "A\r\n", "Host", "content-length", "Transfer-Encoding", "Connection",
          "Keep-Alive", "TE", "Upgrade", "Expect", "Proxy-Connection", "Proxy-Authorization",
          "HTTP2-Settings"}) {
        refused({.url = url, .fields = {{name, "x"}}});
    }
    for (std::string const& value :
         {std::string{"\r"}, std::string{"a\nB: c"}, std::string(1, 0)}) {
        refused({.url = url, .fields = {{"A", value}}});
    }
    refused({.method = "TRACE", .url = url, .body = "x"});
    EXPECT_THROW(client.open({.method = "TRACE", .url = url, .body_length = 1}), misuse);
    EXPECT_THROW(client.request({.url = url, .body_length = 1}), misuse);
    EXPECT_THROW(client.open({.url = url, .body = "x"}), misuse);
    EXPECT_EQ(test::code_of([&] { client.get("http://a\r\nb/"); }), errc::bad_name);
    EXPECT_EQ(test::code_of([&] { client.get("/page"); }), errc::bad_name);
    EXPECT_EQ(server.connections(), 0U);
}

TENDRIL_HUB_TEST(http_client, a_request_may_name_its_own_agent) {
    std::string head;
    scripted_server const server{[&](scripted_peer& peer) {
        head = peer.hear_head();
        peer.answer("");
    }};
    tendril::http_client client;
    client.get(server.url(), {{"user-agent", "mine"}});
    EXPECT_NE(head.find("\r\nuser-agent: mine\r\n"), std::string::npos) << head;
    EXPECT_EQ(head.find("tendril"), std::string::npos) << head;
}

TENDRIL_HUB_TEST(http_client, options_that_make_no_sense_are_refused) {
    EXPECT_THROW(tendril::http_client({.connections_per_host = 0}), misuse);
    EXPECT_THROW(tendril::http_client({.connections = 0}), misuse);
    EXPECT_THROW(tendril::http_client({.user_agent = "a\r\nb"}), misuse);
    EXPECT_THROW(tendril::http_client({.proxy = {.url = "https://a/"}}), misuse);
    for (std::string const& spoilt : {std::string{"a\r\nb"}, std::string(1, 0)}) {
        http_proxy const proxy{.url = "http://a:1", .authorization = spoilt};
        EXPECT_THROW(tendril::http_client({.proxy = proxy}), misuse);
    }
    EXPECT_EQ(
        test::code_of([] { tendril::http_client({.proxy = {.url = "a:3128"}}); }), errc::bad_name);
}

TENDRIL_HUB_TEST(http_client, an_error_names_request_phase_and_reason) {
    tendril::http_client client;
    std::string const url = "http://" + to_string(test::deserted_endpoint()) + "/x";
    try {
        client.get(url);
        ADD_FAILURE() << "nobody listens there";
    } catch (http_client_error const& error) {
        EXPECT_EQ(error.phase(), http_phase::connect);
        EXPECT_EQ(error.code(), boost::system::errc::connection_refused);
        std::string const text = error.what();
        EXPECT_EQ(text.find("GET " + url + " (connect): "), 0U) << text;
        EXPECT_FALSE(test::names_a_source(text)) << text;
    }
    EXPECT_EQ(client.statistics().busy, 0U);
}

TENDRIL_HUB_TEST(http_client, belongs_to_its_thread) {
    tendril::http_client client;
    std::thread other{[&] {
        run([&] {
            EXPECT_THROW(client.get("http://localhost/"), wrong_thread);
            EXPECT_THROW(client.open({.url = "http://localhost/"}), wrong_thread);
            EXPECT_THROW(client.close(), wrong_thread);
        });
    }};
    other.join();
}

TENDRIL_TEST(http_client, writes_basic_authorization) {
    EXPECT_EQ(basic_authorization("Aladdin", "open sesame"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    EXPECT_EQ(basic_authorization("", ""), "Basic Og==");
    EXPECT_EQ(basic_authorization("a", "b"), "Basic YTpi");
    EXPECT_EQ(basic_authorization("\xff\xfe", "\xfd"), "Basic //46/Q==");
    EXPECT_THROW(basic_authorization("a:b", "c"), misuse);
}
