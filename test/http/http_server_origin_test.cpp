// SPDX-License-Identifier: BSL-1.0
//
// Where requests come from, at what kind of address a server listens, and what it tells of itself.
#include <harness/http_client.hpp>
#include <harness/hubs.hpp>
#include <tendril/http/http_server.hpp>
#include <tendril/net/unix_socket.hpp>

#include <boost/asio/buffer.hpp>

#include <filesystem>
#include <string>

namespace {

using namespace tendril;
using test::http_answer;
using test::http_client;

void tell_origin(http_request& request, http_response& response) {
    response.body(
        request.client() + " " + request.origin().host + " " +
        (request.secured() ? "secured" : "plain"));
}

std::string origin_told(http_server const& web, std::string const& fields) {
    http_client client{web};
    client.send("GET / HTTP/1.1\r\nHost: test\r\n" + fields + "\r\n");
    return client.read().body;
}

}  // namespace

TENDRIL_HUB_TEST(http_server_origin, nobody_is_believed_unless_trusted) {
    http_server web{"127.0.0.1:0", tell_origin};
    web.start();
    EXPECT_EQ(origin_told(web, "X-Forwarded-For: 192.0.2.1\r\n"), "127.0.0.1  plain");
    EXPECT_EQ(origin_told(web, "Forwarded: for=192.0.2.1\r\n"), "127.0.0.1  plain");
}

TENDRIL_HUB_TEST(http_server_origin, a_trusted_proxy_names_the_client) {
    http_server web{"127.0.0.1:0", tell_origin, {.trusted_proxies = {"127.0.0.1"}}};
    web.start();
    EXPECT_EQ(
        origin_told(
            web,
            "X-Forwarded-For: 6.6.6.6, 192.0.2.1\r\nX-Forwarded-Proto: https\r\n"
            "X-Forwarded-Host: example.org\r\n"),
        "192.0.2.1 example.org secured");
    EXPECT_EQ(origin_told(web, ""), "127.0.0.1  plain");
    EXPECT_EQ(origin_told(web, "X-Forwarded-For: nobody!\r\n"), "Bad Request\n");
}

TENDRIL_HUB_TEST(http_server_origin, it_may_be_the_field_of_the_standard) {
    http_server web{
        "127.0.0.1:0",
        tell_origin,
        {.trusted_proxies = {"127.0.0.0/8"}, .forwarding = forwarding_fields::forwarded}};
    web.start();
    EXPECT_EQ(
        origin_told(web, "Forwarded: for=\"[2001:db8::1]:5\";proto=https;host=a\r\n"),
        "2001:db8::1 a secured");
}

TENDRIL_HUB_TEST(http_server_origin, requests_have_names) {
    http_server web{
        "127.0.0.1:0",
        [](http_request& request, http_response& response) { response.body(request.id()); },
        {.trusted_proxies = {"127.0.0.1"}}};
    web.start();
    EXPECT_EQ(origin_told(web, "X-Request-Id: abc-1\r\n"), "abc-1");
    std::string const made = origin_told(web, "");
    EXPECT_GE(made.size(), 20U);
    EXPECT_NE(made, origin_told(web, "X-Request-Id: two words\r\n"));
}

TENDRIL_HUB_TEST(http_server_origin, a_server_listens_at_a_path) {
    std::string const path = (std::filesystem::temp_directory_path() /
                              ("tendril-http-" + std::to_string(::getpid())))
                                 .string();
    http_server web{"unix:" + path, tell_origin};
    web.start();
    EXPECT_EQ(web.local_address(), "unix:" + path);
    unix_stream client = unix_stream::connect(path);
    test::say(client, "GET / HTTP/1.0\r\n\r\n");
    std::string const answer = test::hear_all(client);
    EXPECT_TRUE(answer.ends_with("\r\n\r\nunix  plain")) << answer;
    web.stop();
    EXPECT_FALSE(std::filesystem::exists(path));
}

TENDRIL_HUB_TEST(http_server_origin, it_tells_whether_it_lives_and_wants_requests) {
    http_server web{
        "127.0.0.1:0",
        tell_origin,
        {.health_path = "/live", .ready_path = "/ready", .metrics_path = "/metrics"}};
    web.start();
    http_client client{web};
    EXPECT_EQ(client.get("/live").status, 200);
    EXPECT_EQ(client.get("/ready").status, 200);
    web.set_ready(false);
    EXPECT_EQ(client.get("/live").status, 200);
    EXPECT_EQ(client.get("/ready").status, 503);
    EXPECT_EQ(client.get("/other").status, 200);
    http_answer const metrics = client.get("/metrics");
    EXPECT_EQ(metrics.field("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
    EXPECT_NE(
        metrics.body.find("tendril_http_responses_total{class=\"2xx\"} 4\n"), std::string::npos);
    EXPECT_NE(
        metrics.body.find("tendril_http_responses_total{class=\"5xx\"} 1\n"), std::string::npos);
    EXPECT_NE(metrics.body.find("\ntendril_connections 1\n"), std::string::npos);
    client.send("POST /live HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(client.read().body, "127.0.0.1  plain");
}

TENDRIL_HUB_TEST(http_server_origin, options_of_the_whole_server_are_its_own_to_answer) {
    int handled = 0;
    http_server web{"127.0.0.1:0", [&](http_request&, http_response&) { ++handled; }};
    web.start();
    http_client client{web};
    client.send("OPTIONS * HTTP/1.1\r\nHost: test\r\n\r\n");
    EXPECT_EQ(client.read(true).status, 204);
    EXPECT_EQ(client.get().status, 200);
    EXPECT_EQ(handled, 1);
}

TENDRIL_HUB_TEST(http_server_origin, a_server_without_tls_takes_no_context) {
    http_server web{"127.0.0.1:0", tell_origin};
    web.start();
    EXPECT_EQ(web.statistics().failed_handshakes, 0U);
    EXPECT_GE(web.native_handle(), 0);
    web.stop_accepting();
    web.start_accepting();
    http_client client{web};
    EXPECT_EQ(client.get().status, 200);
}
