// SPDX-License-Identifier: BSL-1.0
//
// Who has a connection, who waits for one, and which are kept.
#include <harness/network.hpp>
#include <harness/scripted_server.hpp>
#include <harness/tasks.hpp>
#include <tendril/http/http_client.hpp>
#include <tendril/sync/event.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::scripted_peer;
using test::scripted_server;
using test::transcript;

// Answers when it is told to.
struct slow_server {
    event told;
    scripted_server server{[this](scripted_peer& peer) {
        while (!peer.hear_head().empty()) {
            told.wait();
            peer.answer("ok");
        }
    }};
};

auto spawn_get(tendril::http_client& client, std::string url) {
    return spawn([&client, url = std::move(url)] {
        return test::interruption_of([&] { client.get(url); });
    });
}

std::size_t held(tendril::http_client const& client) {
    return client.statistics().busy + client.statistics().idle;
}

}  // namespace

TENDRIL_ORDERED_HUB_TEST(http_client, requests_to_one_host_wait_their_turn) {
    transcript seen;
    scripted_server const server{[&](scripted_peer& peer) {
        for (std::string head = peer.hear_head(); !head.empty(); head = peer.hear_head()) {
            seen.push_back(head.substr(5, 1));
            peer.answer("ok");
        }
    }};
    tendril::http_client client{{.connections_per_host = 1}};
    std::vector<task<std::string>> requests;
    for (char const each : {'a', 'b', 'c', 'd'}) {
        requests.push_back(spawn_get(client, server.url(std::string{"/"} + each)));
    }
    for (auto& each : requests) {
        EXPECT_EQ(each.get(), "returned");
    }
    EXPECT_EQ(seen, (transcript{"a", "b", "c", "d"}));
    EXPECT_EQ(server.connections(), 1U);
}

TENDRIL_HUB_TEST(http_client, a_busy_host_keeps_nobody_from_another) {
    slow_server slow;
    scripted_server const quick{
        scripted_server::always("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")};
    tendril::http_client client{{.connections_per_host = 1}};
    auto first = spawn_get(client, slow.server.url());
    auto second = spawn_get(client, slow.server.url());
    test::settle();
    EXPECT_EQ(client.statistics().waiting, 1U);
    EXPECT_EQ(client.get(quick.url()).status(), 200);
    slow.told.set();
    EXPECT_EQ(first.get(), "returned");
    EXPECT_EQ(second.get(), "returned");
}

TENDRIL_HUB_TEST(http_client, all_hosts_together_have_a_limit) {
    slow_server a;
    slow_server b;
    tendril::http_client client{{.connections = 2}};
    std::vector<task<std::string>> requests;
    for (int round = 0; round < 3; ++round) {
        requests.push_back(spawn_get(client, a.server.url()));
        requests.push_back(spawn_get(client, b.server.url()));
    }
    test::settle();
    EXPECT_EQ(client.statistics().busy, 2U);
    EXPECT_EQ(client.statistics().waiting, 4U);
    a.told.set();
    b.told.set();
    for (auto& each : requests) {
        EXPECT_EQ(each.get(), "returned");
    }
    EXPECT_EQ(client.statistics().waiting, 0U);
    EXPECT_LE(client.statistics().idle, 2U);
}

TENDRIL_HUB_TEST(http_client, the_oldest_that_is_kept_makes_room_for_another_host) {
    auto const answer = scripted_server::always("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    scripted_server const a{answer};
    scripted_server const b{answer};
    scripted_server const c{answer};
    tendril::http_client client{{.connections = 2}};
    client.get(a.url());
    client.get(b.url());
    client.get(c.url());
    EXPECT_EQ(client.statistics().idle, 2U);
    client.get(b.url());
    EXPECT_EQ(b.connections(), 1U);
    client.get(a.url());
    EXPECT_EQ(a.connections(), 2U);
}

TENDRIL_HUB_TEST(http_client, a_wait_for_a_connection_can_be_ended) {
    slow_server slow;
    tendril::http_client client{{.connections_per_host = 1}};
    auto first = spawn_get(client, slow.server.url());
    test::settle();
    auto cancelled = spawn_get(client, slow.server.url());
    auto last = spawn_get(client, slow.server.url());
    test::settle();
    cancelled.cancel();
    test::settle();
    EXPECT_EQ(client.statistics().waiting, 1U);
    EXPECT_EQ(
        test::interruption_of([&] {
            timeout const limit{1s};
            client.get(slow.server.url());
        }),
        "timed out");
    http_client_limits const hasty{.slot = 2s};
    auto const before = clock.elapsed();
    try {
        client.request({.url = slow.server.url(), .limits = hasty});
        ADD_FAILURE() << "there is no connection";
    } catch (http_client_error const& error) {
        EXPECT_EQ(error.code(), errc::timed_out);
        EXPECT_EQ(error.phase(), http_phase::slot);
    }
    EXPECT_EQ(clock.elapsed() - before, 2s);
    slow.told.set();
    EXPECT_EQ(first.get(), "returned");
    EXPECT_EQ(last.get(), "returned");
    EXPECT_EQ(cancelled.get(), "cancelled");
    EXPECT_EQ(client.statistics().idle, 1U);
    EXPECT_EQ(client.statistics().waiting, 0U);
}

// Three requests for one connection; the second is ended in the turn in which it is given one.
TENDRIL_HUB_TEST(http_client, who_is_ended_in_the_turn_of_a_hand_over_loses_nothing) {
    for (std::string const way : {"cancel", "kill", "timeout"}) {
        for (bool const given_first : {true, false}) {
            scripted_server const server{[](scripted_peer& peer) {
                while (!peer.hear_head().empty()) {
                    peer.answer("ok");
                }
            }};
            tendril::http_client client{{.connections_per_host = 1}};
            auto held = client.open({.url = server.url()});
            std::string end;
            auto second = spawn([&] {
                timeout const limit{way == "timeout" ? 1s : 1h};
                end = test::interruption_of([&] { client.get(server.url()); });
            });
            auto third = spawn_get(client, server.url());
            test::settle();
            EXPECT_EQ(client.statistics().waiting, 2U);
            auto const end_second = [&] {
                if (way == "cancel") {
                    second.cancel();
                } else if (way == "kill") {
                    second.kill();
                }
            };
            if (way == "timeout") {
                sleep_for(1s);
            }
            given_first ? held.close() : end_second();
            given_first ? end_second() : held.close();
            EXPECT_EQ(third.get(), "returned") << way;
            second.join();
            EXPECT_TRUE(way == "timeout" || end != "returned") << way << end;
            EXPECT_EQ(client.statistics().waiting, 0U);
            EXPECT_EQ(client.statistics().busy, 0U);
            EXPECT_EQ(client.statistics().idle, 1U);
        }
    }
}

TENDRIL_HUB_TEST(http_client, what_is_not_used_is_closed_after_a_while) {
    std::size_t ended = 0;
    scripted_server const server{[&](scripted_peer& peer) {
        while (!peer.hear_head().empty()) {
            peer.answer("ok");
        }
        ++ended;
    }};
    tendril::http_client client{{.idle_limit = 10s}};
    client.get(server.url());
    sleep_for(6s);
    client.get(server.url());
    sleep_for(9s);
    EXPECT_EQ(client.statistics().idle, 1U);
    EXPECT_EQ(ended, 0U);
    sleep_for(2s);
    EXPECT_EQ(client.statistics().idle, 0U);
    EXPECT_EQ(ended, 1U);
    EXPECT_EQ(client.get(server.url()).body(), "ok");
    EXPECT_EQ(server.connections(), 2U);
}

TENDRIL_HUB_TEST(http_client, nothing_is_kept_if_that_is_wished) {
    scripted_server const server{
        scripted_server::always("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")};
    tendril::http_client client{{.idle_limit = 0s}};
    client.get(server.url());
    EXPECT_EQ(held(client), 0U);
    client.get(server.url());
    EXPECT_EQ(server.connections(), 2U);
}

TENDRIL_HUB_TEST(http_client, a_kept_one_that_the_server_has_ended_is_not_used) {
    scripted_server const server{[](scripted_peer& peer) {
        peer.hear_head();
        peer.answer("ok");
    }};
    tendril::http_client client;
    client.get(server.url());
    test::settle();
    EXPECT_EQ(client.post(server.url(), "x").body(), "ok");
    EXPECT_EQ(server.connections(), 2U);
    EXPECT_EQ(client.statistics().retried, 0U);
}

// What comes unasked would be taken for the answer to somebody else's request.
TENDRIL_HUB_TEST(http_client, a_kept_one_that_says_more_than_it_was_asked_is_not_used) {
    for (bool const at_once : {true, false}) {
        scripted_server const server{[&](scripted_peer& peer) {
            peer.hear_head();
            std::string const good = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood";
            std::string const bad = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
            if (at_once && peer.number == 1) {
                peer.say(good + bad);
            } else {
                peer.say(good);
                test::settle();
                peer.say(peer.number == 1 ? bad : "");
            }
            peer.hear_end();
        }};
        tendril::http_client client;
        EXPECT_EQ(client.get(server.url()).body(), "good");
        sleep_for(1s);
        EXPECT_EQ(client.get(server.url()).body(), "good");
        EXPECT_EQ(server.connections(), 2U);
    }
}

TENDRIL_HUB_TEST(http_client, a_stale_connection_is_tried_once_more_with_another) {
    scripted_server const server{[](scripted_peer& peer) {
        peer.hear_head();
        peer.answer("ok");
        if (peer.number == 1) {
            // It has closed while the request was on its way.
            peer.hear(1);
            return;
        }
        while (!peer.hear_head().empty()) {
            peer.answer("ok");
        }
    }};
    for (std::string const method : {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"}) {
        tendril::http_client client;
        std::size_t const before = server.connections();
        EXPECT_EQ(client.get(server.url()).body(), "ok");
        EXPECT_EQ(client.request({.method = method, .url = server.url()}).status(), 200);
        EXPECT_EQ(client.statistics().retried, before == 0 ? 1U : 0U);
    }
}

TENDRIL_HUB_TEST(http_client, what_does_harm_twice_is_not_sent_twice) {
    for (std::string const method : {"POST", "PATCH", "MERGE", "get"}) {
        int asked = 0;
        scripted_server const server{[&](scripted_peer& peer) {
            peer.hear_head();
            peer.answer("ok");
            asked += peer.hear_head().empty() ? 0 : 1;
        }};
        tendril::http_client client;
        client.get(server.url());
        EXPECT_EQ(
            test::code_of(
                [&] { client.request({.method = method, .url = server.url(), .body = "x"}); }),
            make_error_code(http_client_errc::no_response));
        EXPECT_EQ(asked, 1) << method;
        EXPECT_EQ(client.statistics().retried, 0U);
        EXPECT_EQ(held(client), 0U);
    }
}

TENDRIL_HUB_TEST(http_client, a_request_is_tried_again_only_once_and_only_before_the_first_byte) {
    scripted_server const silent{[&](scripted_peer& peer) {
        if (peer.number == 1) {
            peer.hear_head();
            peer.answer("ok");
        }
        peer.hear_head();
    }};
    tendril::http_client client;
    client.get(silent.url());
    EXPECT_EQ(
        test::code_of([&] { client.get(silent.url()); }),
        make_error_code(http_client_errc::no_response));
    EXPECT_EQ(silent.connections(), 2U);
    scripted_server const stammering{[&](scripted_peer& peer) {
        peer.hear_head();
        peer.answer("ok");
        peer.hear_head();
        peer.say("H");
    }};
    client.get(stammering.url());
    EXPECT_EQ(
        test::code_of([&] { client.get(stammering.url()); }),
        make_error_code(http_client_errc::truncated));
    EXPECT_EQ(stammering.connections(), 1U);
    // And not at all on a new connection.
    scripted_server const deaf{[](scripted_peer& peer) { peer.hear_head(); }};
    EXPECT_EQ(
        test::code_of([&] { client.get(deaf.url()); }),
        make_error_code(http_client_errc::no_response));
    EXPECT_EQ(deaf.connections(), 1U);
}

TENDRIL_HUB_TEST(http_client, requests_end_when_their_client_does) {
    slow_server slow;
    auto client = std::make_unique<tendril::http_client>(
        http_client_options{.connections_per_host = 1});
    auto stream = std::make_unique<http_client_stream>(client->open({.url = slow.server.url()}));
    auto waits = spawn_get(*client, slow.server.url());
    auto reads = spawn([&] { return test::code_of([&] { stream->response(); }); });
    test::settle();
    client->close();
    EXPECT_NE(waits.get().find("(slot)"), std::string::npos);
    EXPECT_EQ(reads.get(), errc::closed);
    EXPECT_EQ(test::code_of([&] { client->get(slow.server.url()); }), errc::closed);
    EXPECT_EQ(held(*client), 0U);
    client.reset();
    EXPECT_EQ(test::code_of([&] { stream->read_all(); }), errc::closed);
    stream.reset();
    slow.told.set();
}

TENDRIL_HUB_TEST(http_client, a_stream_may_outlive_its_client) {
    scripted_server const server{[](scripted_peer& peer) {
        peer.hear_head();
        peer.say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello");
        peer.hear_end();
    }};
    http_client_stream stream;
    {
        tendril::http_client client;
        stream = client.open({.url = server.url()});
        EXPECT_EQ(stream.response().status(), 200);
    }
    EXPECT_EQ(test::code_of([&] { stream.read_all(); }), errc::closed);
}
