// SPDX-License-Identifier: BSL-1.0
#include <harness/http_client.hpp>
#include <harness/hubs.hpp>
#include <tendril/http/access_log.hpp>
#include <tendril/http/http_server.hpp>
#include <tendril/http/request.hpp>

#include <boost/asio/buffer.hpp>

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::http_client;

// 30 November 2026, twelve o'clock, and 34 milliseconds.
constexpr std::chrono::system_clock::time_point noon{std::chrono::milliseconds{1796040000034}};

// Notes what was done, as lines.
struct noted {
    using maker = std::string (*)(http_exchange const&);

    std::function<void(http_exchange const&)> with(maker make) {
        return [this, make](http_exchange const& done) {
            http_exchange at_noon = done;
            at_noon.at = noon;
            lines.push_back(make(at_noon));
        };
    }

    std::vector<std::string> lines;
};

void sleepy(http_request&, http_response& response) {
    sleep_for(5ms);
    response.body("hello");
}

}  // namespace

TENDRIL_HUB_TEST(access_log, a_common_line_has_the_usual_parts) {
    noted log;
    http_server web{"127.0.0.1:0", sleepy, {.on_exchange = log.with(&common_log_line)}};
    web.start();
    http_client client{web};
    client.get("/a?b");
    ASSERT_EQ(log.lines.size(), 1U);
    EXPECT_EQ(
        log.lines[0], "127.0.0.1 - - [30/Nov/2026:12:00:00 +0000] \"GET /a?b HTTP/1.1\" 200 5");
}

TENDRIL_HUB_TEST(access_log, a_combined_line_has_referer_and_agent_and_nobody_writes_his_own) {
    noted log;
    http_server web{"127.0.0.1:0", sleepy, {.on_exchange = log.with(&combined_log_line)}};
    web.start();
    http_client client{web};
    client.send("GET / HTTP/1.1\r\nHost: test\r\nUser-Agent: a \"b\" \\ \xc3\xa4\r\n\r\n");
    client.read();
    ASSERT_EQ(log.lines.size(), 1U);
    EXPECT_TRUE(log.lines[0].ends_with("200 5 \"-\" \"a \\x22b\\x22 \\x5c \\xc3\\xa4\""))
        << log.lines[0];
}

TENDRIL_HUB_TEST(access_log, a_line_of_json_has_all_by_name) {
    noted log;
    http_server web{"127.0.0.1:0", sleepy, {.on_exchange = log.with(&json_log_line)}};
    web.start();
    http_client client{web};
    client.send("GET /\"x HTTP/1.1\r\nHost: test\r\nReferer: http://r/\r\n\r\n");
    client.read();
    ASSERT_EQ(log.lines.size(), 1U);
    std::string const& line = log.lines[0];
    EXPECT_EQ(line.substr(0, 50), "{\"time\":\"2026-11-30T12:00:00.034Z\",\"client\":\"127.0");
    EXPECT_NE(line.find("\"target\":\"/\\u0022x\",\"host\":\"test\",\"status\":200"), line.npos);
    EXPECT_NE(line.find("\"bytes\":5,\"microseconds\":5000,\"referer\":\"http://r/\""), line.npos);
}

TENDRIL_HUB_TEST(access_log, what_is_refused_or_cut_off_is_noted_too) {
    noted log;
    test::reported_errors const errors;
    http_server web{
        "127.0.0.1:0",
        [](http_request&, http_response& response) {
            response.write(boost::asio::buffer("a", 1));
            throw std::runtime_error{"half way"};
        },
        {.on_exchange = log.with(&common_log_line)}};
    web.start();
    http_client client{web};
    client.send("GET / HTTP/1.1\r\n\r\n");
    client.read();
    http_client other{web};
    other.send("GET /cut HTTP/1.1\r\nHost: test\r\n\r\n");
    other.drain();
    ASSERT_EQ(log.lines.size(), 2U);
    EXPECT_TRUE(log.lines[0].ends_with("\"GET / HTTP/1.1\" 400 12")) << log.lines[0];
    EXPECT_TRUE(log.lines[1].ends_with("\"GET /cut HTTP/1.1\" 200 1")) << log.lines[1];
}

TENDRIL_HUB_TEST(access_log, of_what_is_refused_is_noted_what_was_understood) {
    noted log;
    http_server web{"127.0.0.1:0", sleepy, {.on_exchange = log.with(&common_log_line)}};
    web.start();
    for (char const* request :
         {"TRACE /a HTTP/1.1\r\nHost: test\r\n\r\n", "GET /a#b HTTP/1.0\r\n\r\n",
          "WHAT /a HTTP/1.1\r\nHost: test\r\n\r\n", "GET /a b HTTP/1.1\r\nHost: test\r\n\r\n"}) {
        http_client client{web};
        client.send(request);
        client.read();
    }
    ASSERT_EQ(log.lines.size(), 4U);
    EXPECT_TRUE(log.lines[0].ends_with("\"TRACE /a HTTP/1.1\" 405 19")) << log.lines[0];
    EXPECT_TRUE(log.lines[1].ends_with("\"GET /a#b HTTP/1.0\" 400 12")) << log.lines[1];
    EXPECT_TRUE(log.lines[2].ends_with("\"WHAT /a HTTP/1.1\" 501 16")) << log.lines[2];
    EXPECT_TRUE(log.lines[3].ends_with("\"-\" 400 12")) << log.lines[3];
}

TENDRIL_HUB_TEST(access_log, a_log_that_fails_is_reported_and_nobody_else_suffers) {
    test::reported_errors const errors;
    http_server web{"127.0.0.1:0", sleepy, {.on_exchange = [](http_exchange const&) {
                        throw std::runtime_error{"disk full"};
                    }}};
    web.start();
    http_client client{web};
    EXPECT_EQ(client.get().body, "hello");
    EXPECT_EQ(client.get().body, "hello");
    EXPECT_EQ(errors.texts.size(), 2U);
}
