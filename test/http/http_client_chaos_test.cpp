// SPDX-License-Identifier: BSL-1.0
//
// Answers that are cut anywhere and spoilt anyhow, and servers and clients that do anything.
#include <harness/scripted_server.hpp>
#include <harness/tasks.hpp>
#include <tendril/http/http_client.hpp>
#include <tendril/hub/waiter.hpp>
#include <tendril/support/random.hpp>

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::scripted_peer;
using test::scripted_server;

class client_dice {
public:
    explicit client_dice(std::uint64_t seed) : source_{seed} {}
    std::size_t below(std::size_t limit) { return random_below(source_, limit); }
    bool one_in(std::size_t many) { return below(many) == 0; }
    char byte() { return static_cast<char>(below(256)); }

private:
    seeded_random source_;
};

std::vector<std::string> const good_answers{
    "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nhello\r\nthere",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    "5;a=b\r\nhello\r\n6\r\n there\r\n0\r\nX-Sum: 1\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\nA: b\r\n\r\n",
    "HTTP/1.0 200 OK\r\n\r\nup to the end",
    "HTTP/1.1 200 \r\nConnection: close, x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
};

// What a client makes of an answer: its parts, or the error.
std::string taken_for(tendril::http_client& client, std::string const& url) {
    try {
        auto const answer = client.get(url);
        return std::to_string(answer.status()) + "|" + answer.reason() + "|" + answer.body() + "|" +
            std::string{answer.trailers().get("X-Sum")};
    } catch (http_client_error const& error) {
        return error.code().message();
    }
}

std::string spoilt_answer(std::string text, client_dice& dice) {
    for (std::size_t count = 1 + dice.below(3); count > 0 && !text.empty(); --count) {
        std::size_t const at = dice.below(text.size());
        std::size_t const size = dice.below(8);
        switch (dice.below(5)) {
        case 0:
            text[at] = dice.byte();
            break;
        case 1:
            text.erase(at, size);
            break;
        case 2:
            text.insert(at, text.substr(dice.below(text.size()), size));
            break;
        case 3:
            text.insert(at, 1, "\r\n\0 :;,\t"[dice.below(8)]);
            break;
        default:
            text.resize(at);
        }
    }
    return text;
}

// Sends back the path that it was asked for, in one of many ways, or misbehaves.
void echo_paths(scripted_peer& peer, client_dice& dice) {
    for (std::string head = peer.hear_head(); !head.empty(); head = peer.hear_head()) {
        std::string const path = head.substr(4, head.find(' ', 4) - 4);
        if (dice.one_in(4)) {
            sleep_for(std::chrono::milliseconds{dice.below(20)});
        }
        if (dice.one_in(8)) {
            return;
        }
        std::size_t const half = dice.below(path.size());
        if (dice.one_in(3)) {
            peer.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n/\r\n");
            std::string const rest = path.substr(1);
            peer.say(std::to_string(rest.size()) + "\r\n" + rest + "\r\n0\r\n\r\n");
        } else {
            peer.say(
                "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(path.size()) + "\r\n\r\n");
            peer.say(path.substr(0, half));
            if (dice.one_in(8)) {
                return;
            }
            peer.say(path.substr(half));
        }
        if (dice.one_in(8)) {
            return;
        }
        if (dice.one_in(16)) {
            peer.say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
        }
    }
}

// Time stands still for those: the kernel may need some of its own to move so much.
bool hear_in_no_time(scripted_peer& peer, std::size_t size) {
    job_under_way const meanwhile{this_hub()};
    return peer.hear(size).size() == size;
}
bool say_in_no_time(scripted_peer& peer, std::string_view text) {
    job_under_way const meanwhile{this_hub()};
    return peer.say(text);
}

// Hears a part of a large body, or all of it, and answers before, meanwhile or behind, or not.
void hear_anyhow(scripted_peer& peer, std::size_t size, client_dice& dice) {
    while (!peer.hear_head().empty()) {
        std::size_t const first = dice.one_in(2) ? dice.below(size) : 0;
        if (!hear_in_no_time(peer, first) || dice.one_in(10)) {
            return;
        }
        bool const refuses = dice.one_in(4);
        std::string const answer = std::string{refuses ? "HTTP/1.1 403 No" : "HTTP/1.1 200 Yes"} +
            "\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" + std::string(size, 'y');
        std::size_t const cut = dice.one_in(2) ? dice.below(answer.size()) : 0;
        if (!say_in_no_time(peer, answer.substr(0, cut)) || dice.one_in(10)) {
            return;
        }
        if (dice.one_in(3)) {
            sleep_for(std::chrono::milliseconds{dice.below(20)});
        }
        std::size_t const rest = refuses ? 0 : size - first;
        if (!hear_in_no_time(peer, rest) || !say_in_no_time(peer, answer.substr(cut))) {
            return;
        }
    }
}

struct chaos_counts {
    int answers = 0;
    int errors = 0;
    int interrupted = 0;
};

// Asks for a page of its own, and gives up at any moment or not.
void ask_anyhow(
    tendril::http_client& client, std::string const& base, int number, client_dice& dice,
    chaos_counts& counts) {
    std::string const path = "/p" + std::to_string(number % 1000);
    try {
        timeout const limit{std::chrono::milliseconds{dice.one_in(3) ? dice.below(15) : 1000}};
        if (dice.one_in(2)) {
            EXPECT_EQ(client.get(base + path).body(), path);
        } else {
            auto stream = client.open({.url = base + path});
            EXPECT_EQ(stream.response().status(), 200);
            if (!dice.one_in(3)) {
                EXPECT_EQ(stream.read_all(), path);
            }
        }
        ++counts.answers;
    } catch (timed_out const&) {
        ++counts.interrupted;
    } catch (http_client_error const&) {
        ++counts.errors;
    }
}

}  // namespace

TENDRIL_HUB_TEST(http_client, an_answer_is_the_same_wherever_it_is_cut) {
    for (std::string const& answer : good_answers) {
        std::size_t cut = 0;
        scripted_server const server{[&](scripted_peer& peer) {
            peer.hear_head();
            peer.say(answer.substr(0, cut));
            test::settle();
            peer.say(answer.substr(cut));
        }};
        tendril::http_client client;
        std::string const whole = taken_for(client, server.url());
        EXPECT_EQ(whole.substr(0, 2), "20") << whole;
        for (cut = 1; cut < answer.size(); ++cut) {
            client.close_idle();
            EXPECT_EQ(taken_for(client, server.url()), whole) << cut;
        }
    }
}

TENDRIL_HUB_TEST(http_client, spoilt_answers_end_in_an_answer_or_an_error) {
    client_dice dice{1};
    std::string spoilt;
    scripted_server const server{[&](scripted_peer& peer) {
        peer.hear_head();
        std::string const answer = spoilt;
        for (std::size_t at = 0; at < answer.size();) {
            std::size_t const size = 1 + dice.below(answer.size());
            peer.say(answer.substr(at, size));
            at += size;
        }
    }};
    tendril::http_client client{{.limits = {.total = 1h}}};
    int answers = 0;
    for (int round = 0; round < 2000; ++round) {
        spoilt = spoilt_answer(good_answers[dice.below(good_answers.size())], dice);
        client.close_idle();
        std::string const taken = taken_for(client, server.url());
        answers += taken.size() > 3 && taken[3] == '|' ? 1 : 0;
        EXPECT_EQ(client.statistics().busy, 0U) << spoilt;
    }
    EXPECT_LT(clock.elapsed(), 1h);
    EXPECT_GT(answers, 100);
    EXPECT_LT(answers, 1900);
}

TENDRIL_HUB_TEST(http_client, nobody_gets_the_answer_of_another_whatever_happens) {
    client_dice dice{2};
    scripted_server const one{[&](scripted_peer& peer) { echo_paths(peer, dice); }};
    scripted_server const two{[&](scripted_peer& peer) { echo_paths(peer, dice); }};
    tendril::http_client client{{.connections_per_host = 5, .connections = 7, .idle_limit = 30ms}};
    chaos_counts counts;
    int number = 0;
    std::vector<task<void>> clients;
    for (int each = 0; each < 20; ++each) {
        clients.push_back(spawn([&] {
            for (int request = 0; request < 100; ++request) {
                ask_anyhow(client, (dice.one_in(2) ? one : two).url(""), ++number, dice, counts);
                if (dice.one_in(5)) {
                    sleep_for(std::chrono::milliseconds{dice.below(50)});
                }
                EXPECT_LE(client.statistics().busy + client.statistics().idle, 7U);
            }
        }));
    }
    for (task<void> const& each : clients) {
        each.join();
    }
    EXPECT_EQ(counts.answers + counts.errors + counts.interrupted, 2000);
    EXPECT_GT(counts.answers, 500);
    EXPECT_GT(counts.errors, 100);
    EXPECT_GT(counts.interrupted, 50);
    EXPECT_EQ(client.statistics().busy, 0U);
    EXPECT_EQ(client.statistics().waiting, 0U);
    EXPECT_GT(client.statistics().reused, 100U);
}

TENDRIL_HUB_TEST(http_client, large_bodies_come_to_an_end_whatever_happens) {
    client_dice dice{3};
    constexpr std::size_t size = 5'000'000;
    std::string const body(size, 'x');
    scripted_server const server{[&](scripted_peer& peer) { hear_anyhow(peer, size, dice); }};
    tendril::http_client client{{.connections_per_host = 3, .limits = {.total = 10s}}};
    chaos_counts counts;
    auto const ask = [&] {
        try {
            timeout const limit{std::chrono::milliseconds{dice.one_in(4) ? dice.below(15) : 9000}};
            auto const answer = dice.one_in(2) ? client.put(server.url(), body)
                                               : client.post(server.url(), body);
            EXPECT_TRUE(answer.status() == 200 || answer.status() == 403);
            EXPECT_EQ(answer.body().size(), size);
            ++counts.answers;
        } catch (timed_out const&) {
            ++counts.interrupted;
        } catch (http_client_error const& error) {
            EXPECT_NE(error.code(), errc::timed_out) << error.what();
            ++counts.errors;
        }
    };
    std::vector<task<void>> clients;
    for (int each = 0; each < 6; ++each) {
        clients.push_back(spawn([&] {
            for (int request = 0; request < 6; ++request) {
                ask();
            }
        }));
    }
    for (task<void> const& each : clients) {
        each.join();
    }
    EXPECT_GT(counts.answers, 5);
    EXPECT_EQ(counts.answers + counts.errors + counts.interrupted, 36);
    EXPECT_EQ(client.statistics().busy, 0U);
    EXPECT_EQ(client.statistics().waiting, 0U);
}
