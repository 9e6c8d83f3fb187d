// SPDX-License-Identifier: BSL-1.0
//
// Handlers that do what they should not, are ended in the middle, or share what is theirs; and
// clients that hope for it.
#include <harness/http_client.hpp>
#include <harness/hubs.hpp>
#include <tendril/http/http_error.hpp>
#include <tendril/http/http_server.hpp>
#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/waiter.hpp>
#include <tendril/net/tcp_listener.hpp>
#include <tendril/net/unix_socket.hpp>
#include <tendril/sync/event.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>

#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using boost::asio::buffer;
using test::http_answer;
using test::http_client;
using test::settle;

static_assert(!std::is_copy_constructible_v<http_request>);
static_assert(!std::is_copy_constructible_v<http_response>);

class misused_server : public http_server {
public:
    explicit misused_server(handler on_request, http_server_options options = {})
        : http_server{"127.0.0.1:0", std::move(on_request), std::move(options)} {
        start();
    }
};

std::string const hello = "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello";

}  // namespace

TENDRIL_HUB_TEST(http_server_misuse, who_has_gone_before_it_was_accepted_is_trusted_by_nobody) {
    std::vector<std::string> seen;
    http_server web{
        "127.0.0.1:0",
        [&](http_request& request, http_response&) {
            seen.push_back(request.client() + " " + request.id().substr(0, 4));
        },
        {.trusted_proxies = {"127.0.0.1"}}};
    tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
    {
        tcp_stream client = test::connect_at_once(listener.local_endpoint());
        test::say(
            client,
            "POST / HTTP/1.1\r\nHost: test\r\nX-Forwarded-For: 10.0.0.1\r\n"
            "X-Request-Id: evil\r\nContent-Length: 0\r\n\r\n");
        test::reset(client);
    }
    web.start(std::move(listener));
    settle();
    EXPECT_EQ(web.statistics().server.accepted, 1U);
    EXPECT_EQ(web.statistics().server.connections, 0U);
    for (std::string const& each : seen) {
        EXPECT_EQ(each.find("10.0.0.1"), std::string::npos) << each;
        EXPECT_EQ(each.find("evil"), std::string::npos) << each;
    }
}

TENDRIL_HUB_TEST(http_server_misuse, whom_nobody_knows_nobody_can_trust) {
    EXPECT_NE(
        test::misuse_of([] {
            http_server{
                "127.0.0.1:0",
                [](http_request&, http_response&) {},
                {.server = {.tell_connection = false}, .trusted_proxies = {"127.0.0.1"}}};
        }),
        "");
}

TENDRIL_HUB_TEST(http_server_misuse, a_client_of_a_unix_socket_that_names_nobody_is_itself) {
    http_server web{
        "127.0.0.1:0",
        [](http_request& request, http_response& response) { response.body(request.client()); },
        {.trusted_proxies = {"127.0.0.1"}}};
    auto ends = unix_stream::pair();
    web.serve(std::move(ends.first));
    test::say(ends.second, "GET / HTTP/1.0\r\n\r\n");
    EXPECT_TRUE(test::hear_all(ends.second).ends_with("\r\n\r\nunix"));
    ends = unix_stream::pair();
    web.serve(std::move(ends.first));
    test::say(ends.second, "GET / HTTP/1.0\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n");
    EXPECT_TRUE(test::hear_all(ends.second).ends_with("\r\n\r\n10.0.0.1"));
}

TENDRIL_HUB_TEST(http_server_misuse, what_has_left_is_not_forgotten) {
    std::string text;
    misused_server web{[&](http_request& request, http_response& response) {
        if (request.path() == "/fresh") {
            response.status(404).body("no").close().clear();
            response.write(buffer("yes", 3));
            return;
        }
        response.content_length(5).begin();
        text = test::misuse_of([&] { response.clear(); });
        response.write(buffer("hello", 5));
    }};
    http_client client{web};
    EXPECT_EQ(client.get("/").body, "hello");
    EXPECT_NE(text, "");
    client.send("GET /fresh HTTP/1.1\r\nHost: test\r\n\r\n");
    EXPECT_EQ(client.read(true).status, 200);
}

TENDRIL_HUB_TEST(http_server_misuse, who_was_not_told_to_go_on_is_told_that_it_is_over) {
    misused_server web{
        [](http_request& request, http_response&) {
            {
                interruption_shield const shield;
                sleep_for(50ms);
            }
            request.body();
        },
        {.handler_timeout = 20ms}};
    http_client client{web};
    client.send(
        "PUT /a HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 28\r\n\r\n");
    http_answer const answer = client.read();
    EXPECT_EQ(answer.status, 503);
    EXPECT_TRUE(answer.closes());
}

TENDRIL_HUB_TEST(http_server_misuse, one_that_is_ended_in_the_middle_leaves_no_whole_response) {
    misused_server web{[](http_request& request, http_response& response) {
        response.write(buffer("part", 4));
        if (request.path() == "/cancelled") {
            throw cancelled{};
        }
        sleep_for(1h);
    }};
    http_client gone{web};
    gone.send("GET /cancelled HTTP/1.0\r\n\r\n");
    EXPECT_EQ(gone.read(true).status, 200);
    EXPECT_EQ(gone.drain(), boost::asio::error::connection_reset);
    http_client client{web};
    client.send("GET / HTTP/1.0\r\n\r\n");
    EXPECT_EQ(client.read(true).status, 200);
    EXPECT_FALSE(web.stop(10ms));
    EXPECT_EQ(client.drain(), boost::asio::error::connection_reset);
    EXPECT_EQ(web.statistics().cut_off, 2U);
}

TENDRIL_HUB_TEST(http_server_misuse, a_body_is_whole_after_an_interruption_too) {
    std::string seen;
    misused_server web{[&](http_request& request, http_response&) {
        try {
            timeout const limit{50ms};
            request.body();
        } catch (timed_out const&) {}
        seen = request.body();
    }};
    http_client client{web};
    client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nhello");
    sleep_for(100ms);
    client.send("world");
    EXPECT_EQ(client.read().status, 200);
    EXPECT_EQ(seen, "helloworld");
}

TENDRIL_HUB_TEST(http_server_misuse, a_body_that_is_too_large_stays_so) {
    int refused = 0;
    misused_server web{
        [&](http_request& request, http_response&) {
            for (int attempt = 0; attempt < 2; ++attempt) {
                try {
                    request.body();
                } catch (http_error const& error) {
                    refused += error.status() == 413 ? 1 : 0;
                }
            }
        },
        {.body_limit = 1000, .body_limit_for = [](http_request const&) { return 1U << 20; }}};
    http_client client{web};
    client.send(
        "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1500\r\n\r\n" + std::string(1500, 'b'));
    client.read();
    EXPECT_EQ(refused, 2);
}

TENDRIL_HUB_TEST(http_server_misuse, two_may_not_read_one_body) {
    misused_server web{[](http_request& request, http_response& response) {
        char data[64];
        auto first = spawn([&] { return request.read_some(buffer(data)); });
        yield();
        char other[64];
        error_code error;
        request.read_some(buffer(other), error);
        EXPECT_EQ(error, errc::busy);
        response.body(std::to_string(first.get()));
    }};
    http_client client{web};
    client.send(hello.substr(0, hello.size() - 5));
    settle();
    client.send("hello");
    EXPECT_EQ(client.read().body, "5");
}

TENDRIL_HUB_TEST(http_server_misuse, two_may_not_write_one_response) {
    job_under_way const time_stands_still{this_hub()};
    misused_server web{[](http_request&, http_response& response) {
        std::string const large(16 * 1024 * 1024, 'a');
        auto first = spawn([&] { return response.write(buffer(large)); });
        yield();
        error_code error;
        response.write(buffer("b", 1), error);
        EXPECT_EQ(error, errc::busy);
        first.join();
    }};
    http_client client{web};
    client.send("GET / HTTP/1.0\r\n\r\n");
    EXPECT_EQ(client.read(true).status, 200);
    client.drain();
    EXPECT_EQ(client.rest().size(), 16U * 1024 * 1024);
}

TENDRIL_HUB_TEST(http_server_misuse, one_that_returns_before_its_helpers_takes_them_along) {
    test::reported_errors const errors;
    std::vector<task<void>> helpers;
    misused_server web{[&](http_request& request, http_response& response) {
        if (request.path() == "/reads") {
            helpers.push_back(spawn([&] {
                char data[64];
                error_code error;
                request.read_some(buffer(data), error);
                EXPECT_TRUE(error.failed());
            }));
        } else {
            helpers.push_back(spawn([&] {
                std::string const large(16 * 1024 * 1024, 'a');
                error_code error;
                response.write(buffer(large), error);
                EXPECT_TRUE(error.failed());
            }));
        }
        yield();
    }};
    http_client client{web};
    client.send("POST /reads HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\n");
    client.drain();
    http_client other{web};
    other.send("GET /writes HTTP/1.1\r\nHost: test\r\n\r\n");
    other.drain();
    EXPECT_EQ(errors.texts.size(), 2U);
    for (auto const& each : helpers) {
        each.join();
    }
}

TENDRIL_HUB_TEST(http_server_misuse, one_that_is_killed_before_its_helpers_takes_them_along) {
    test::reported_errors const errors;
    task<void> helper;
    misused_server web{[&](http_request& request, http_response&) {
        helper = spawn([&] {
            error_code error;
            char data[64];
            request.read_some(buffer(data), error);
            EXPECT_TRUE(error.failed());
        });
        sleep_for(1h);
    }};
    http_client client{web};
    client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\n");
    settle();
    EXPECT_FALSE(web.stop(10ms));
    helper.join();
    EXPECT_TRUE(errors.texts.empty()) << errors.texts.front();
}

TENDRIL_HUB_TEST(http_server_misuse, a_read_that_is_given_an_error_throws_none) {
    test::reported_errors const errors;
    error_code seen;
    error_code again;
    misused_server web{[&](http_request& request, http_response&) {
        char data[64];
        request.read_some(buffer(data), seen);
        request.read_some(buffer(data), again);
    }};
    {
        http_client client{web};
        client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\n");
        settle();
        test::reset(client.stream);
    }
    settle();
    EXPECT_EQ(seen, boost::asio::error::connection_reset);
    EXPECT_EQ(again, boost::asio::error::connection_reset);
    EXPECT_TRUE(errors.texts.empty()) << errors.texts.front();
}

TENDRIL_HUB_TEST(http_server_misuse, who_writes_on_when_the_handler_has_returned_disturbs_nothing) {
    test::reported_errors const errors;
    std::string const large(16 * 1024 * 1024, 'a');
    task<void> helper;
    error_code late;
    std::string seen;
    misused_server web{[&](http_request&, http_response& response) {
        helper = spawn([&] {
            sleep_for(1s);
            std::string const text = test::misuse_of([&] { response.write(buffer("b", 1), late); });
            seen = text.empty() ? "an error" : "misuse";
        });
        response.body(large);
    }};
    http_client client{web};
    client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    sleep_for(2s);
    {
        job_under_way const time_stands_still{this_hub()};
        EXPECT_EQ(client.read().body.size(), large.size());
    }
    helper.join();
    EXPECT_EQ(seen, "misuse");
}

TENDRIL_HUB_TEST(http_server_misuse, a_stop_on_another_thread_changes_nothing) {
    misused_server web{[](http_request&, http_response& response) { response.body("hi"); }};
    http_client client{web};
    EXPECT_EQ(client.get().body, "hi");
    std::string text;
    std::thread{[&] { text = test::misuse_of([&] { web.stop(); }); }}.join();
    EXPECT_NE(text, "");
    EXPECT_TRUE(web.running());
    http_answer const answer = client.get();
    EXPECT_EQ(answer.body, "hi");
    EXPECT_FALSE(answer.closes());
}

TENDRIL_HUB_TEST(http_server_misuse, a_success_to_connect_is_a_tunnel) {
    test::reported_errors const errors;
    int handled = 0;
    misused_server web{[&](http_request&, http_response&) { ++handled; }, {.allow_connect = true}};
    http_client client{web};
    client.send("CONNECT inner:80 HTTP/1.1\r\nHost: inner:80\r\n\r\n"
                "GET /admin HTTP/1.1\r\nHost: inner\r\n\r\n");
    http_answer const answer = client.read();
    EXPECT_EQ(answer.status, 500);
    EXPECT_TRUE(answer.closes());
    client.drain();
    EXPECT_EQ(handled, 1);
    EXPECT_EQ(errors.texts.size(), 1U);
}

TENDRIL_HUB_TEST(http_server_misuse, who_asks_with_limits_of_its_own_is_told_of_a_silent_client) {
    misused_server web{[](http_request& request, http_response&) {
        while (true) {
            try {
                timeout const limit{1s};
                request.body();
                return;
            } catch (timed_out const&) {}
        }
    }};
    http_client client{web};
    client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\n");
    EXPECT_EQ(client.read().status, 408);
    EXPECT_LE(clock.elapsed(), 12s);
}

TENDRIL_HUB_TEST(http_server_misuse, connections_are_served_after_a_stop_too) {
    http_server web{
        "127.0.0.1:0", [](http_request&, http_response& response) { response.body("hi"); }};
    auto ends = unix_stream::pair();
    web.serve(std::move(ends.first));
    test::say(ends.second, "GET / HTTP/1.0\r\n\r\n");
    EXPECT_TRUE(test::hear_all(ends.second).ends_with("hi"));
    web.stop();
    ends = unix_stream::pair();
    web.serve(std::move(ends.first));
    test::say(ends.second, "GET / HTTP/1.0\r\n\r\n");
    EXPECT_TRUE(test::hear_all(ends.second).ends_with("hi"));
}

TENDRIL_HUB_TEST(http_server_misuse, a_client_that_sits_there_does_not_use_up_the_grace) {
    event asked;
    misused_server web{[&](http_request&, http_response& response) {
        asked.set();
        sleep_for(500ms);
        response.body("late");
    }};
    http_client client{web};
    client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    asked.wait();
    EXPECT_TRUE(web.stop(1s));
    EXPECT_EQ(client.read().body, "late");
}

TENDRIL_HUB_TEST(http_server_misuse, every_exchange_is_told_once) {
    test::reported_errors const errors;
    std::vector<std::string> told;
    misused_server web{
        [](http_request& request, http_response& response) {
            if (request.path() == "/large") {
                response.body(std::string(64 * 1024 * 1024, 'a'));
            } else if (request.path() == "/killed") {
                sleep_for(1h);
            } else if (request.path() == "/closes") {
                response.close();
                throw http_error{403};
            }
        },
        {.body_limit_for = [](http_request const& request) -> std::uint64_t {
             return request.path() == "/limit" ? throw std::runtime_error{"no limit"} : 1000;
         },
         .on_exchange =
             [&](http_exchange const& done) {
                 told.push_back(
                     std::string{done.request.path()} + " " + std::to_string(done.status));
             }}};
    http_client large{web};
    large.send("GET /large HTTP/1.1\r\nHost: test\r\n\r\n");
    sleep_for(31s);
    http_client limit{web};
    EXPECT_EQ(limit.get("/limit").status, 500);
    http_client closes{web};
    EXPECT_TRUE(closes.get("/closes").closes());
    http_client killed{web};
    killed.send("GET /killed HTTP/1.1\r\nHost: test\r\n\r\n");
    settle();
    web.stop(10ms);
    EXPECT_EQ(
        told, (std::vector<std::string>{"/large 200", "/limit 500", "/closes 403", "/killed 0"}));
    EXPECT_EQ(web.statistics().cut_off, 2U);
}

TENDRIL_HUB_TEST(http_server_misuse, a_bug_is_reported_also_when_the_client_has_gone) {
    test::reported_errors const errors;
    event gone;
    misused_server web{[&](http_request& request, http_response&) {
        gone.wait();
        try {
            request.body();
        } catch (system_error const&) {}
        throw std::logic_error{"a bug"};
    }};
    {
        http_client client{web};
        client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\n");
        settle();
        test::reset(client.stream);
    }
    gone.set();
    settle();
    EXPECT_EQ(errors.texts.size(), 1U);
}

TENDRIL_HUB_TEST(http_server_misuse, trailers_need_chunks) {
    int misuses = 0;
    misused_server web{[&](http_request&, http_response& response) {
        response.body("whole");
        misuses += test::misuse_of([&] { response.trailer("A", "b"); }).empty() ? 0 : 1;
        response.body("").trailer("A", "b");
        misuses += test::misuse_of([&] { response.content_length(3); }).empty() ? 0 : 1;
        response.write(buffer("abc", 3));
    }};
    http_client client{web};
    client.get();
    EXPECT_EQ(misuses, 2);
}
