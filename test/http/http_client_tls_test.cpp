// SPDX-License-Identifier: BSL-1.0
//
// The client over TLS.
#include <harness/scripted_server.hpp>
#include <harness/secured.hpp>
#include <tendril/http/http_client.hpp>
#include <tendril/hub/waiter.hpp>
#include <tendril/sync/event.hpp>

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::scripted_peer;
using test::scripted_server;

scripted_server::wrapper in_tls(tls_context context) {
    return [context = std::move(context)](tcp_stream&& plain) {
        return any_stream{tls_stream::server(std::move(plain), context)};
    };
}
tls_context for_this_machine(std::vector<std::string> protocols = {"http/1.1"}) {
    return test::good_server(
        {.identity = test::trusted().issue({.names = {"localhost", "127.0.0.1"}}),
         .protocols = std::move(protocols)});
}
http_client_options trusting() { return {.tls = test::good_client({.protocols = {"http/1.1"}})}; }
std::string secure_url(scripted_server const& server, std::string const& host = "localhost") {
    return "https://" + host + ":" + std::to_string(server.port()) + "/";
}
std::string const good_answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

http_phase phase_of(tendril::http_client& client, std::string const& url, error_code const& code) {
    try {
        client.get(url);
        ADD_FAILURE() << "it has an answer";
    } catch (http_client_error const& error) {
        EXPECT_EQ(error.code(), code) << error.what();
        EXPECT_EQ(client.statistics().busy + client.statistics().idle, 0U);
        return error.phase();
    }
    return http_phase::slot;
}

}  // namespace

TENDRIL_HUB_TEST(http_client, speaks_https_and_keeps_the_connection) {
    std::string spoken;
    scripted_server const server{
        [&](scripted_peer& peer) {
            while (!peer.hear_head().empty()) {
                spoken = peer.stream.target<tls_stream>()->alpn();
                peer.say(good_answer);
            }
        },
        in_tls(for_this_machine())};
    tendril::http_client client{trusting()};
    EXPECT_EQ(client.get(secure_url(server)).body(), "ok");
    EXPECT_EQ(client.get(secure_url(server)).body(), "ok");
    EXPECT_EQ(client.get(secure_url(server, "127.0.0.1")).body(), "ok");
    EXPECT_EQ(spoken, "http/1.1");
    EXPECT_EQ(server.connections(), 2U);
}

TENDRIL_HUB_TEST(http_client, verifies_who_answers) {
    scripted_server const stranger{
        scripted_server::always(good_answer), in_tls(test::good_server())};
    tendril::http_client client{trusting()};
    EXPECT_EQ(phase_of(client, secure_url(stranger), tls_errc::wrong_host), http_phase::handshake);
    tendril::http_client usual;
    EXPECT_EQ(
        phase_of(usual, secure_url(stranger), tls_errc::unknown_authority), http_phase::handshake);
    EXPECT_NE(
        test::text_of([&] { client.get(secure_url(stranger)); }).find("localhost"),
        std::string::npos);
}

TENDRIL_HUB_TEST(http_client, a_handshake_has_a_limit_and_can_be_ended) {
    scripted_server const silent{[](scripted_peer& peer) { peer.hear_end(); }};
    http_client_options options = trusting();
    options.limits.handshake = 3s;
    tendril::http_client client{options};
    EXPECT_EQ(
        phase_of(client, secure_url(silent), io_error(errc::timed_out)), http_phase::handshake);
    EXPECT_EQ(clock.elapsed(), 3s);
    auto request = spawn(
        [&] { return test::interruption_of([&] { client.get(secure_url(silent)); }); });
    test::settle();
    EXPECT_EQ(client.statistics().busy, 1U);
    request.cancel();
    EXPECT_EQ(request.get(), "cancelled");
    EXPECT_EQ(client.statistics().busy, 0U);
    EXPECT_EQ(clock.elapsed(), 3s);
}

TENDRIL_HUB_TEST(http_client, does_not_speak_what_it_was_not_asked) {
    scripted_server const server{
        scripted_server::always(good_answer), in_tls(for_this_machine({"h2"}))};
    tendril::http_client client{{.tls = test::good_client({.protocols = {"h2", "http/1.1"}})}};
    EXPECT_EQ(
        phase_of(client, secure_url(server), http_client_errc::wrong_protocol),
        http_phase::handshake);
}

// Anybody in between can end a connection; only the peer can say that this is the end.
TENDRIL_HUB_TEST(http_client, an_end_that_the_server_has_not_said_cuts_a_body_off) {
    for (bool const in_order : {true, false}) {
        scripted_server const server{
            [&](scripted_peer& peer) {
                peer.hear_head();
                peer.say("HTTP/1.1 200 OK\r\n\r\nall of it");
                in_order ? peer.stream.close() : peer.stream.abort();
            },
            in_tls(for_this_machine())};
        tendril::http_client client{trusting()};
        if (in_order) {
            EXPECT_EQ(client.get(secure_url(server)).body(), "all of it");
        } else {
            EXPECT_TRUE(test::code_of([&] { client.get(secure_url(server)); }).failed());
        }
        EXPECT_EQ(client.statistics().busy + client.statistics().idle, 0U);
    }
}

TENDRIL_HUB_TEST(http_client, a_truncation_is_named_so) {
    tls_context const context = for_this_machine();
    scripted_server const server{[&](scripted_peer& peer) {
        tcp_stream& below = *peer.stream.target<tcp_stream>();
        scripted_peer inside{tls_stream::server(any_stream{std::ref(below)}, context), 1};
        inside.hear_head();
        inside.say("HTTP/1.1 200 OK\r\n\r\nall of it");
        below.shutdown_send();
        inside.hear_end();
    }};
    tendril::http_client client{trusting()};
    EXPECT_EQ(
        test::code_of([&] { client.get(secure_url(server)); }),
        make_error_code(http_client_errc::truncated));
}

TENDRIL_HUB_TEST(http_client, a_kept_one_that_was_ended_over_tls_is_not_used) {
    scripted_server const server{
        [&](scripted_peer& peer) {
            peer.hear_head();
            peer.say(good_answer);
            peer.stream.close();
        },
        in_tls(for_this_machine())};
    tendril::http_client client{trusting()};
    client.get(secure_url(server));
    test::settle();
    EXPECT_EQ(client.post(secure_url(server), "x").body(), "ok");
    EXPECT_EQ(client.statistics().retried, 0U);
}

TENDRIL_HUB_TEST(http_client, does_not_go_from_https_to_http) {
    scripted_server const plain{scripted_server::always(good_answer)};
    scripted_server const server{
        scripted_server::always(
            "HTTP/1.1 302 Found\r\nLocation: " + plain.url() + "\r\nContent-Length: 0\r\n\r\n"),
        in_tls(for_this_machine())};
    tendril::http_client client{trusting()};
    EXPECT_EQ(
        test::code_of([&] { client.get(secure_url(server)); }),
        make_error_code(http_client_errc::insecure_redirect));
    EXPECT_EQ(plain.connections(), 0U);
    http_client_options options = trusting();
    options.insecure_redirects = true;
    tendril::http_client careless{options};
    EXPECT_EQ(careless.get(secure_url(server)).body(), "ok");
}

TENDRIL_HUB_TEST(http_client, goes_to_https_through_a_tunnel) {
    std::string asked;
    std::size_t heads = 0;
    tls_context const context = for_this_machine();
    // The proxy is the server as well.
    scripted_server const proxy{[&](scripted_peer& peer) {
        asked = peer.hear_head();
        peer.say("HTTP/1.1 200 Go on\r\n\r\n");
        tls_stream secured = tls_stream::server(std::move(peer.stream), context);
        scripted_peer inside{std::move(secured), 1};
        for (std::string head = inside.hear_head(); !head.empty(); head = inside.hear_head()) {
            ++heads;
            EXPECT_EQ(head.find("Proxy"), std::string::npos);
            inside.say(good_answer);
        }
    }};
    http_client_options options = trusting();
    options.proxy = {
        .url = proxy.url(), .authorization = basic_authorization("me", "word"), .direct = {}};
    tendril::http_client client{options};
    EXPECT_EQ(client.get("https://localhost/").body(), "ok");
    EXPECT_EQ(client.get("https://localhost/").body(), "ok");
    EXPECT_EQ(
        asked,
        "CONNECT localhost:443 HTTP/1.1\r\nHost: localhost:443\r\nUser-Agent: tendril\r\n"
        "Proxy-Authorization: Basic bWU6d29yZA==\r\n\r\n");
    EXPECT_EQ(heads, 2U);
    EXPECT_EQ(proxy.connections(), 1U);
}

TENDRIL_HUB_TEST(http_client, large_bodies_go_both_ways_over_tls) {
    job_under_way const time_stands_still{this_hub()};
    std::string const body = test::long_text(3'000'000);
    scripted_server const server{
        [&](scripted_peer& peer) {
            peer.hear_head();
            peer.answer(peer.hear(body.size()));
            peer.hear_end();
        },
        in_tls(for_this_machine())};
    tendril::http_client client{trusting()};
    EXPECT_TRUE(client.put(secure_url(server), body).body() == body);
    EXPECT_EQ(client.statistics().idle, 1U);
}

TENDRIL_HUB_TEST(http_client, large_bodies_cross_over_tls) {
    job_under_way const time_stands_still{this_hub()};
    std::string const body = test::long_text(3'000'000);
    std::size_t heard = 0;
    scripted_server const server{
        [&](scripted_peer& peer) {
            peer.hear_head();
            peer.answer(body);
            heard = peer.hear(body.size()).size();
            peer.hear_end();
        },
        in_tls(for_this_machine())};
    tendril::http_client client{trusting()};
    EXPECT_TRUE(client.put(secure_url(server), body).body() == body);
    while (heard == 0) {
        test::settle();
    }
    EXPECT_EQ(heard, body.size());
    EXPECT_EQ(client.statistics().idle, 1U);
}

TENDRIL_HUB_TEST(http_client, an_early_refusal_is_heard_over_tls) {
    job_under_way const time_stands_still{this_hub()};
    std::string const body = test::long_text(20'000'000);
    event done;
    scripted_server const server{
        [&](scripted_peer& peer) {
            peer.hear_head();
            peer.say("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno");
            done.wait();
        },
        in_tls(for_this_machine())};
    tendril::http_client client{trusting()};
    auto const answer = client.post(secure_url(server), body);
    EXPECT_EQ(answer.status(), 413);
    EXPECT_EQ(answer.body(), "no");
    EXPECT_EQ(clock.elapsed(), 0s);
    EXPECT_EQ(client.statistics().busy + client.statistics().idle, 0U);
    done.set();
}

TENDRIL_HUB_TEST(http_client, a_handshake_ends_with_its_client) {
    scripted_server const silent{[](scripted_peer& peer) { peer.hear_end(); }};
    tendril::http_client client{trusting()};
    auto request = spawn([&] { return test::code_of([&] { client.get(secure_url(silent)); }); });
    test::settle();
    client.close();
    EXPECT_EQ(request.get(), errc::closed);
    EXPECT_EQ(clock.elapsed(), 0s);
    EXPECT_EQ(client.statistics().busy, 0U);
}
