// SPDX-License-Identifier: BSL-1.0
//
// Redirects and proxies: where requests go that do not go where they were sent.
#include <harness/network.hpp>
#include <harness/scripted_server.hpp>
#include <tendril/http/http_client.hpp>
#include <tendril/hub/waiter.hpp>

#include <memory>
#include <string>
#include <tuple>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::scripted_peer;
using test::scripted_server;

std::string redirect_to(std::string const& place, int status = 302) {
    return "HTTP/1.1 " + std::to_string(status) + " Elsewhere\r\nLocation: " + place +
        "\r\nContent-Length: 4\r\n\r\nthis";
}

// Answers "/" with a redirect, and everything else with what was asked.
scripted_server::script once_redirected(std::string answer) {
    return [answer = std::move(answer)](scripted_peer& peer) {
        for (std::string head = peer.hear_head(); !head.empty(); head = peer.hear_head()) {
            std::size_t const length = head.find("Content-Length: ");
            std::string const body = length == std::string::npos || head[length + 16] == '0'
                ? ""
                : peer.hear(4);
            bool const first = head.find(" / ") != std::string::npos;
            first ? static_cast<void>(peer.say(answer)) : peer.answer(head + body);
        }
    };
}

bool has(std::string const& text, std::string const& part) {
    return text.find(part) != std::string::npos;
}

error_code refused(http_client_errc code) { return make_error_code(code); }

}  // namespace

TENDRIL_HUB_TEST(http_client, follows_redirects) {
    scripted_server const server{once_redirected(redirect_to("page?x#y"))};
    tendril::http_client client;
    auto const answer = client.get(server.url());
    EXPECT_EQ(answer.status(), 200);
    EXPECT_EQ(answer.body().substr(0, 11), "GET /page?x");
    EXPECT_EQ(answer.url(), server.url("/page?x"));
    EXPECT_EQ(server.connections(), 1U);
}

TENDRIL_HUB_TEST(http_client, the_status_decides_what_is_sent_again) {
    std::vector<std::tuple<int, std::string, std::string>> const cases{
        {301, "POST", "GET"}, {302, "POST", "GET"},    {303, "POST", "GET"},  {307, "POST", "POST"},
        {308, "PUT", "PUT"},  {303, "PUT", "GET"},     {302, "HEAD", "HEAD"}, {301, "GET", "GET"},
        {301, "PUT", "PUT"},  {302, "PATCH", "PATCH"},
    };
    for (auto const& [status, method, then] : cases) {
        std::string second;
        scripted_server const server{[&, wanted = status](scripted_peer& peer) {
            peer.hear_head();
            peer.hear(4);
            peer.say(
                "HTTP/1.1 " + std::to_string(wanted) +
                " Elsewhere\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n");
            second = peer.hear_head();
            second += has(second, "Content-Length: 4") ? peer.hear(4) : "";
            peer.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        }};
        tendril::http_client client;
        client.request(
            {.method = method,
             .url = server.url(),
             .fields = {{"Content-Type", "text/plain"}, {"X-Own", "1"}},
             .body = "body"});
        bool const whole = method == then && method != "GET" && method != "HEAD";
        EXPECT_EQ(second.substr(0, then.size() + 4), then + " /b ") << status;
        EXPECT_TRUE(has(second, "X-Own: 1")) << status;
        if (method != "GET" && method != "HEAD") {
            EXPECT_EQ(has(second, "Content-Type"), whole) << status;
            EXPECT_EQ(has(second, "\r\n\r\nbody"), whole) << status;
        }
    }
}

TENDRIL_HUB_TEST(http_client, secrets_stay_with_their_origin) {
    scripted_server const other{once_redirected("")};
    scripted_server const server{once_redirected(redirect_to(other.url("/other")))};
    scripted_server const same{once_redirected(redirect_to("/same"))};
    tendril::http_client client;
    http_client_fields const fields{{"authorization", "secret"}, {"Cookie", "c"}, {"X-Own", "1"}};
    std::string const elsewhere = client.get(server.url(), fields).body();
    EXPECT_FALSE(has(elsewhere, "secret") || has(elsewhere, "Cookie")) << elsewhere;
    EXPECT_TRUE(has(elsewhere, "X-Own: 1"));
    std::string const here = client.get(same.url(), fields).body();
    EXPECT_TRUE(has(here, "secret") && has(here, "Cookie")) << here;
}

TENDRIL_HUB_TEST(http_client, redirects_have_a_limit) {
    int asked = 0;
    scripted_server const server{[&](scripted_peer& peer) {
        while (!peer.hear_head().empty()) {
            ++asked;
            peer.say(redirect_to("/"));
        }
    }};
    tendril::http_client client;
    EXPECT_EQ(
        test::code_of([&] { client.get(server.url()); }),
        refused(http_client_errc::too_many_redirects));
    EXPECT_EQ(asked, 11);
    EXPECT_EQ(client.statistics().busy, 0U);
    tendril::http_client other{{.redirects = 0}};
    auto const answer = other.get(server.url());
    EXPECT_EQ(answer.status(), 302);
    EXPECT_EQ(answer.body(), "this");
}

TENDRIL_HUB_TEST(http_client, redirects_that_lead_nowhere_are_no_answers) {
    std::vector<std::pair<std::string, error_code>> const cases{
        {"ftp://a/", io_error(errc::bad_name)},
        {"javascript:alert(1)", io_error(errc::bad_name)},
        {"http://me:word@a/", io_error(errc::bad_name)},
        {"/a b", io_error(errc::bad_name)},
        {"/a\r\nLocation: /b", refused(http_client_errc::bad_response)},
    };
    for (auto const& [place, code] : cases) {
        scripted_server const server{scripted_server::always(redirect_to(place))};
        tendril::http_client client;
        EXPECT_EQ(test::code_of([&] { client.get(server.url()); }), code) << place;
    }
    scripted_server const aimless{
        scripted_server::always("HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n")};
    tendril::http_client client;
    EXPECT_EQ(client.get(aimless.url()).status(), 302);
}

TENDRIL_HUB_TEST(http_client, what_comes_with_a_redirect_is_dropped_if_it_is_little) {
    job_under_way const time_stands_still{this_hub()};
    for (std::size_t const size : {std::size_t{1000}, std::size_t{1'000'000}}) {
        scripted_server const server{[&](scripted_peer& peer) {
            std::string head = peer.hear_head();
            if (has(head, " / ")) {
                peer.say(
                    "HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: " +
                    std::to_string(size) + "\r\n\r\n" + std::string(size, 'x'));
                head = peer.hear_head();
            }
            peer.answer("end");
        }};
        tendril::http_client client;
        EXPECT_EQ(client.get(server.url()).body(), "end");
        EXPECT_EQ(server.connections(), size == 1000 ? 1U : 2U);
    }
}

// A connection is not worth a long wait.
TENDRIL_HUB_TEST(http_client, what_comes_slowly_with_a_redirect_is_not_awaited) {
    for (bool const drips : {false, true}) {
        scripted_server const server{[&](scripted_peer& peer) {
            if (has(peer.hear_head(), " / ")) {
                peer.say("HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 60000\r\n\r\n");
                while (drips && peer.say("x")) {
                    sleep_for(500ms);
                }
                peer.hear_end();
            }
            peer.answer("end");
        }};
        tendril::http_client client;
        auto const before = clock.elapsed();
        EXPECT_EQ(client.get(server.url()).body(), "end");
        EXPECT_LE(clock.elapsed() - before, 1s);
        EXPECT_EQ(server.connections(), 2U);
    }
}

TENDRIL_HUB_TEST(http_client, may_be_destroyed_while_it_follows_a_redirect) {
    scripted_server const server{[&](scripted_peer& peer) {
        peer.hear_head();
        peer.say("HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 4\r\n\r\n");
        peer.hear_end();
    }};
    auto client = std::make_unique<tendril::http_client>();
    auto request = spawn([&] { return test::code_of([&] { client->get(server.url()); }); });
    test::settle();
    client.reset();
    EXPECT_EQ(request.get(), errc::closed);
}

TENDRIL_HUB_TEST(http_client, streams_follow_no_redirects) {
    scripted_server const server{scripted_server::always(redirect_to("/b"))};
    tendril::http_client client;
    auto stream = client.open({.url = server.url()});
    EXPECT_EQ(stream.response().status(), 302);
    EXPECT_EQ(stream.response().header("Location"), "/b");
}

TENDRIL_HUB_TEST(http_client, a_proxy_is_told_the_whole_url) {
    std::string asked;
    scripted_server const proxy{[&](scripted_peer& peer) {
        for (std::string head = peer.hear_head(); !head.empty(); head = peer.hear_head()) {
            asked = head;
            peer.answer("by proxy");
        }
    }};
    scripted_server const direct{
        scripted_server::always("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\ndirect")};
    // DOC: proxy
    http_client_options options;
    options.proxy = {
        .url = "http://proxy.example.org:3128",
        .authorization = basic_authorization("me", "word"),
        .direct = {"localhost", "example.net"},  // and all that ends in ".example.net"
    };
    // DOC-END: proxy
    options.proxy.url = proxy.url();
    options.proxy.direct = {"0.0.1", "127.0.0.1"};
    tendril::http_client client{options};
    EXPECT_EQ(client.get("http://web.test/a?b").body(), "by proxy");
    EXPECT_EQ(
        asked,
        "GET http://web.test/a?b HTTP/1.1\r\nHost: web.test\r\nUser-Agent: tendril\r\n"
        "Proxy-Authorization: Basic bWU6d29yZA==\r\n\r\n");
    EXPECT_EQ(client.get("http://web.test/").body(), "by proxy");
    EXPECT_EQ(proxy.connections(), 1U);
    EXPECT_EQ(client.get(direct.url()).body(), "direct");
}

TENDRIL_HUB_TEST(http_client, hosts_below_a_domain_are_reached_without_the_proxy_too) {
    scripted_server const proxy{
        scripted_server::always("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nby proxy")};
    std::string const deserted = std::to_string(test::deserted_endpoint().port());
    tendril::http_client client{{.proxy = {.url = proxy.url(), .direct = {"localhost"}}}};
    EXPECT_EQ(
        test::code_of([&] { client.get("http://a.localhost:" + deserted + "/"); }),
        boost::system::errc::connection_refused);
    EXPECT_EQ(client.get("http://alocalhost/").body(), "by proxy");
}

TENDRIL_HUB_TEST(http_client, a_proxy_may_refuse_a_tunnel) {
    struct refusal {
        std::string answer;
        http_client_errc code;
    };
    std::vector<refusal> const cases{
        {"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n", http_client_errc::proxy_refused},
        {"HTTP/1.1 200 OK\r\n\r\nmore than that", http_client_errc::proxy_refused},
        {"HTTP/1.1 200 OK\n", http_client_errc::bad_response},
        {"", http_client_errc::no_response},
        {"HTTP/1.1 2", http_client_errc::truncated},
    };
    for (refusal const& each : cases) {
        std::string asked;
        scripted_server const proxy{[&](scripted_peer& peer) {
            asked = peer.hear_head();
            peer.say(each.answer);
        }};
        tendril::http_client client{{.proxy = {.url = proxy.url()}}};
        try {
            client.get("https://web.test/");
            ADD_FAILURE() << each.answer;
        } catch (http_client_error const& error) {
            EXPECT_EQ(error.code(), refused(each.code)) << error.what();
            EXPECT_EQ(error.phase(), http_phase::tunnel);
        }
        EXPECT_EQ(
            asked,
            "CONNECT web.test:443 HTTP/1.1\r\nHost: web.test:443\r\nUser-Agent: tendril\r\n\r\n");
        EXPECT_EQ(client.statistics().busy, 0U);
    }
}
