// SPDX-License-Identifier: BSL-1.0
//
// How long each phase may take, and how a request ends that is told to.
#include <harness/network.hpp>
#include <harness/scripted_server.hpp>
#include <harness/tasks.hpp>
#include <tendril/http/http_client.hpp>
#include <tendril/net/resolver.hpp>
#include <tendril/sync/event.hpp>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::scripted_peer;
using test::scripted_server;

// Each limit with a number of its own.
constexpr http_client_limits distinct{
    .slot = 1s, .connect = 2s, .send = 4s, .response = 5s, .body = 6s};

std::string const half_an_answer = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello";

// A name that is looked up without end.
class silent_resolver final : public resolver {
public:
    std::vector<ip_address> addresses_of(
        std::string const&, deadline limit, error_code& error) override {
        static_cast<void>(never_.wait_until(limit));
        error = io_error(errc::timed_out);
        return {};
    }
    std::string name_of(ip_address const&, deadline, error_code& error) override {
        error = io_error(errc::bad_name);
        return {};
    }

private:
    event never_;
};

class names_never_found {
public:
    names_never_found() { set_resolver(std::make_shared<silent_resolver>()); }
    names_never_found(names_never_found const&) = delete;
    names_never_found& operator=(names_never_found const&) = delete;
    ~names_never_found() { set_resolver(nullptr); }
};

void expect_end(
    tendril::testing::virtual_clock& virtual_time, std::chrono::nanoseconds after, http_phase phase,
    std::function<void()> const& call) {
    auto const before = virtual_time.elapsed();
    try {
        call();
        ADD_FAILURE() << "it has an answer";
    } catch (http_client_error const& error) {
        EXPECT_EQ(error.code(), errc::timed_out) << error.what();
        EXPECT_EQ(error.phase(), phase) << error.what();
        EXPECT_NE(std::string{error.what()}.find(to_string(phase)), std::string::npos);
    }
    EXPECT_EQ(virtual_time.elapsed() - before, after);
}

void expect_nothing_held(tendril::http_client const& client) {
    EXPECT_EQ(client.statistics().busy + client.statistics().idle, 0U);
    EXPECT_EQ(client.statistics().waiting, 0U);
}

// What a request waits for, phase after phase, and how it is brought to wait there.
struct waiting_place {
    char const* name;
    scripted_server::script script;
    std::function<void(tendril::http_client&, std::string const& url)> call;
};

void ask(tendril::http_client& client, std::string const& url) { client.get(url); }

std::vector<waiting_place> const waiting_places{
    {"connect", [](scripted_peer&) {},
     [](tendril::http_client& client, std::string const&) { client.get("http://never.test/"); }},
    {"send", [](scripted_peer&) { sleep_for(1h); },
     [](tendril::http_client& client, std::string const& url) {
         client.post(url, std::string(20'000'000, 'x'));
     }},
    {"response", [](scripted_peer& peer) { peer.hear_end(); }, ask},
    {"body",
     [](scripted_peer& peer) {
         peer.hear_head();
         peer.say(half_an_answer);
         peer.hear_end();
     },
     ask},
};

}  // namespace

TENDRIL_HUB_TEST(http_client, each_phase_has_a_limit) {
    names_never_found const names;
    std::vector<std::pair<std::chrono::seconds, http_phase>> const ends{
        {2s, http_phase::connect},
        {4s, http_phase::send},
        {5s, http_phase::response},
        {6s, http_phase::body}};
    for (std::size_t index = 0; index < waiting_places.size(); ++index) {
        waiting_place const& place = waiting_places[index];
        scripted_server const server{place.script};
        tendril::http_client client{{.limits = distinct}};
        auto const [after, phase] = ends[index];
        expect_end(clock, after, phase, [&] { place.call(client, server.url()); });
        expect_nothing_held(client);
    }
}

TENDRIL_HUB_TEST(http_client, a_tunnel_has_the_limit_of_a_connect) {
    scripted_server const proxy{[](scripted_peer& peer) { peer.hear_end(); }};
    tendril::http_client client{{.limits = distinct, .proxy = {.url = proxy.url()}}};
    expect_end(clock, 2s, http_phase::tunnel, [&] { client.get("https://web.test/"); });
    expect_nothing_held(client);
}

TENDRIL_HUB_TEST(http_client, a_head_that_drips_is_given_up) {
    scripted_server const server{[](scripted_peer& peer) {
        peer.hear_head();
        peer.say("HTTP/1.1 200 OK\r\n");
        while (peer.say("A: b\r\n")) {
            sleep_for(1s);
        }
    }};
    tendril::http_client client{{.limits = distinct}};
    expect_end(clock, 5s, http_phase::response, [&] { client.get(server.url()); });
}

TENDRIL_HUB_TEST(http_client, a_body_that_goes_on_is_not_late) {
    scripted_server const server{[](scripted_peer& peer) {
        peer.hear_head();
        peer.say("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n");
        for (int count = 0; count < 20; ++count) {
            sleep_for(5s);
            peer.say("x");
        }
        peer.hear_end();
    }};
    tendril::http_client client{{.limits = distinct}};
    EXPECT_EQ(client.get(server.url()).body().size(), 20U);
    EXPECT_EQ(clock.elapsed(), 100s);
}

TENDRIL_HUB_TEST(http_client, all_of_it_has_a_limit) {
    names_never_found const names;
    for (waiting_place const& place : waiting_places) {
        scripted_server const server{place.script};
        tendril::http_client client{{.limits = {.total = 1500ms}}};
        auto const before = clock.elapsed();
        std::string const text = test::text_of([&] { place.call(client, server.url()); });
        EXPECT_NE(text.find(place.name), std::string::npos) << text;
        EXPECT_NE(text.find("the limit for all of it"), std::string::npos) << text;
        EXPECT_EQ(clock.elapsed() - before, 1500ms) << place.name;
        expect_nothing_held(client);
    }
}

TENDRIL_HUB_TEST(http_client, redirects_and_bodies_count_for_the_limit_of_all) {
    scripted_server const server{[](scripted_peer& peer) {
        while (!peer.hear_head().empty()) {
            sleep_for(1s);
            peer.say("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n");
        }
    }};
    tendril::http_client client{{.limits = {.total = 3500ms}}};
    expect_end(clock, 3500ms, http_phase::response, [&] { client.get(server.url()); });
    scripted_server const dripping{[](scripted_peer& peer) {
        peer.hear_head();
        peer.say("HTTP/1.1 200 OK\r\n\r\n");
        while (peer.say("x")) {
            sleep_for(1s);
        }
    }};
    expect_end(clock, 3500ms, http_phase::body, [&] { client.get(dripping.url()); });
    expect_nothing_held(client);
}

TENDRIL_HUB_TEST(http_client, a_request_may_have_limits_of_its_own) {
    scripted_server const server{[](scripted_peer& peer) { peer.hear_end(); }};
    tendril::http_client client;
    expect_end(clock, 7s, http_phase::response, [&] {
        client.request({.url = server.url(), .limits = http_client_limits{.response = 7s}});
    });
    expect_end(clock, 60s, http_phase::response, [&] { client.get(server.url()); });
}

TENDRIL_HUB_TEST(http_client, what_is_cancelled_while_it_waits_leaves_nothing) {
    names_never_found const names;
    for (waiting_place const& place : waiting_places) {
        for (std::string const way : {"cancelled", "timed out", "killed"}) {
            scripted_server const server{place.script};
            tendril::http_client client{{.connections_per_host = 1}};
            std::string end = "waits";
            auto request = spawn([&] {
                end = test::interruption_of([&] {
                    timeout const limit{way == "timed out" ? 1s : 1h};
                    place.call(client, server.url());
                });
                if (end == "exit") {
                    throw greenlet_exit{};
                }
            });
            test::settle();
            EXPECT_EQ(client.statistics().busy, 1U) << place.name;
            if (way == "cancelled") {
                request.cancel();
            } else if (way == "killed") {
                request.kill();
            } else {
                sleep_for(2s);
            }
            test::settle();
            EXPECT_TRUE(request.done()) << place.name << ' ' << way;
            EXPECT_EQ(end, way == "killed" ? "exit" : way) << place.name;
            expect_nothing_held(client);
        }
    }
}

// Nobody waits for a name or a peer that a closed client has no use for.
TENDRIL_HUB_TEST(http_client, what_waits_while_its_client_is_closed_ends_at_once) {
    names_never_found const names;
    for (waiting_place const& place : waiting_places) {
        scripted_server const server{place.script};
        auto client = std::make_unique<tendril::http_client>();
        auto request = spawn(
            [&] { return test::code_of([&] { place.call(*client, server.url()); }); });
        test::settle();
        EXPECT_EQ(client->statistics().busy, 1U) << place.name;
        client.reset();
        test::settle();
        EXPECT_TRUE(request.done()) << place.name;
        EXPECT_EQ(request.get(), errc::closed) << place.name;
    }
    EXPECT_EQ(clock.elapsed(), 0s);
}

TENDRIL_HUB_TEST(http_client, a_tunnel_ends_with_its_client) {
    scripted_server const proxy{[](scripted_peer& peer) { peer.hear_end(); }};
    tendril::http_client client{{.proxy = {.url = proxy.url()}}};
    auto request = spawn([&] { return test::code_of([&] { client.get("https://web.test/"); }); });
    test::settle();
    client.close();
    EXPECT_EQ(request.get(), errc::closed);
    EXPECT_EQ(clock.elapsed(), 0s);
    expect_nothing_held(client);
}

TENDRIL_HUB_TEST(http_client, what_was_requested_before_is_noticed_in_each_call) {
    scripted_server const server{scripted_server::always(half_an_answer)};
    tendril::http_client client;
    auto stream = client.open(
        {.method = "PUT", .url = server.url(), .body_length = http_unknown_length});
    std::vector<std::function<void()>> const calls{
        [&] { client.get(server.url()); },
        [&] { static_cast<void>(client.open({.url = server.url()})); },
        [&] { stream.write("x"); },
        [&] { stream.write(""); },
        [&] { stream.finish(); },
        [&] { stream.response(); },
        [&] { stream.read_all(); },
        [&] { stream.read_some(boost::asio::mutable_buffer{}); },
    };
    for (auto const& call : calls) {
        task<std::string> request;
        request = spawn([&] {
            request.cancel();
            return test::interruption_of(call);
        });
        EXPECT_EQ(request.get(), "cancelled");
    }
}
