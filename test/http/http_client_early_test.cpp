// SPDX-License-Identifier: BSL-1.0
//
// Servers that answer while the request is still on its way.
#include <harness/network.hpp>
#include <harness/scripted_server.hpp>
#include <harness/tasks.hpp>
#include <tendril/http/http_client.hpp>
#include <tendril/hub/waiter.hpp>
#include <tendril/sync/event.hpp>

#include <optional>
#include <string>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::scripted_peer;
using test::scripted_server;

// The kernel may need some time of its own to move so much.
using time_stands_still = job_under_way;

// More than the kernel keeps for a server that does not read.
std::string const large_body(20'000'000, 'x');

std::size_t connections_of(tendril::http_client const& client) {
    return client.statistics().busy + client.statistics().idle;
}

std::string const refusal = "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno";

}  // namespace

TENDRIL_HUB_TEST(http_client, a_refusal_that_comes_before_the_body_has_left_is_heard) {
    time_stands_still const meanwhile{this_hub()};
    for (bool const ends : {false, true}) {
        event asked;
        scripted_server const server{[&](scripted_peer& peer) {
            peer.hear_head();
            peer.say(refusal);
            if (!ends) {
                asked.wait();
            }
        }};
        tendril::http_client client;
        auto const answer = client.post(server.url(), large_body);
        EXPECT_EQ(answer.status(), 413);
        EXPECT_EQ(answer.body(), "no");
        EXPECT_EQ(connections_of(client), 0U);
        EXPECT_EQ(clock.elapsed(), 0s);
        asked.set();
    }
}

TENDRIL_HUB_TEST(http_client, a_redirect_that_comes_before_the_body_has_left_is_followed) {
    time_stands_still const meanwhile{this_hub()};
    std::string then;
    scripted_server const server{[&](scripted_peer& peer) {
        std::string const head = peer.hear_head();
        if (head.substr(0, 4) == "POST") {
            peer.say("HTTP/1.1 303 There\r\nLocation: /there\r\nContent-Length: 9\r\n\r\n");
            peer.hear_end();
        } else {
            then = head.substr(0, 10);
            peer.answer("there");
        }
    }};
    tendril::http_client client;
    EXPECT_EQ(client.post(server.url(), large_body).body(), "there");
    EXPECT_EQ(then, "GET /there");
    EXPECT_EQ(clock.elapsed(), 0s);
}

TENDRIL_HUB_TEST(http_client, a_server_that_writes_much_before_it_reads_is_no_deadlock) {
    time_stands_still const meanwhile{this_hub()};
    std::size_t heard = 0;
    scripted_server const server{[&](scripted_peer& peer) {
        peer.hear_head();
        peer.answer(large_body);
        heard = peer.hear(large_body.size()).size();
        peer.hear_head();
        peer.answer("again");
    }};
    tendril::http_client client;
    EXPECT_TRUE(client.post(server.url(), large_body).body() == large_body);
    EXPECT_EQ(client.statistics().idle, 1U);
    EXPECT_EQ(client.get(server.url()).body(), "again");
    EXPECT_EQ(heard, large_body.size());
    EXPECT_EQ(server.connections(), 1U);
}

// "Accepted" is no wish to hear no more.
TENDRIL_HUB_TEST(http_client, a_success_that_comes_early_does_not_cut_the_body_off) {
    std::size_t heard = 0;
    scripted_server const server{[&](scripted_peer& peer) {
        peer.hear_head();
        peer.say("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
        sleep_for(10s);
        time_stands_still const meanwhile{this_hub()};
        heard = peer.hear(large_body.size()).size();
        peer.hear_end();
    }};
    tendril::http_client client;
    EXPECT_EQ(client.post(server.url(), large_body).status(), 202);
    time_stands_still const meanwhile{this_hub()};
    while (heard == 0) {
        test::settle();
    }
    EXPECT_EQ(heard, large_body.size());
    EXPECT_EQ(client.statistics().idle, 1U);
}

TENDRIL_HUB_TEST(http_client, a_success_whose_server_reads_no_more_is_one) {
    for (std::string const word : {"Connection: close\r\n", ""}) {
        event done;
        scripted_server const server{[&](scripted_peer& peer) {
            peer.hear_head();
            peer.answer("ok", word);
            done.wait();
        }};
        tendril::http_client client{{.limits = {.send = 7s}}};
        std::optional<time_stands_still> meanwhile;
        if (!word.empty()) {
            meanwhile.emplace(this_hub());
        }
        auto const before = clock.elapsed();
        EXPECT_EQ(client.put(server.url(), large_body).body(), "ok");
        EXPECT_EQ(clock.elapsed() - before, word.empty() ? 7s : 0s);
        EXPECT_EQ(connections_of(client), 0U);
        done.set();
    }
}

// It leaves for longer than an answer may take. The server does not pause any more when the kernel
// could have taken the rest.
TENDRIL_HUB_TEST(http_client, an_answer_has_its_time_from_the_end_of_the_request_on) {
    constexpr std::size_t part = 2'000'000;
    for (bool const answers : {true, false}) {
        scripted_server const server{[&](scripted_peer& peer) {
            peer.hear_head();
            for (int count = 0; count < 5; ++count) {
                sleep_for(4s);
                time_stands_still const meanwhile{this_hub()};
                peer.hear(part);
            }
            {
                time_stands_still const meanwhile{this_hub()};
                peer.hear(large_body.size());
            }
            sleep_for(answers ? 3s : 1h);
            peer.answer("ok");
        }};
        tendril::http_client client{{.limits = {.send = 5s, .response = 5s}}};
        auto const before = clock.elapsed();
        std::string end;
        try {
            end = client.post(server.url(), large_body + std::string(5 * part, 'y')).body();
        } catch (http_client_error const& error) {
            end = to_string(error.phase());
            EXPECT_EQ(error.code(), errc::timed_out);
        }
        EXPECT_EQ(end, answers ? "ok" : "response");
        EXPECT_EQ(clock.elapsed() - before, answers ? 23s : 25s);
    }
}

TENDRIL_HUB_TEST(http_client, an_answer_goes_on_while_the_body_leaves) {
    scripted_server const server{[&](scripted_peer& peer) {
        peer.hear_head();
        peer.say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwo");
        for (int part = 0; part < 5; ++part) {
            sleep_for(4s);
            time_stands_still const meanwhile{this_hub()};
            peer.hear(large_body.size() / 5);
        }
        peer.say("rd");
        peer.hear_end();
    }};
    tendril::http_client client{{.limits = {.send = 5s, .body = 5s}}};
    EXPECT_EQ(client.post(server.url(), large_body).body(), "word");
    EXPECT_EQ(client.statistics().idle, 1U);
}

TENDRIL_HUB_TEST(http_client, a_stale_connection_costs_no_large_body) {
    time_stands_still const meanwhile{this_hub()};
    std::size_t heard = 0;
    scripted_server const server{[&](scripted_peer& peer) {
        peer.hear_head();
        if (peer.number == 1) {
            peer.answer("ok");
            peer.hear(100);
            return;
        }
        heard = peer.hear(large_body.size()).size();
        peer.answer("whole");
    }};
    tendril::http_client client;
    client.get(server.url());
    EXPECT_EQ(client.put(server.url(), large_body).body(), "whole");
    EXPECT_EQ(heard, large_body.size());
    EXPECT_EQ(client.statistics().retried, 1U);
}

// All of the first attempt has left, so it looked as if all of the request had.
TENDRIL_HUB_TEST(http_client, a_second_attempt_that_is_cut_off_costs_its_connection) {
    time_stands_still const meanwhile{this_hub()};
    event done;
    scripted_server const server{[&](scripted_peer& peer) {
        peer.hear_head();
        if (peer.number == 1) {
            peer.answer("ok");
            peer.hear_head();
            peer.hear(large_body.size());
            return;
        }
        peer.say(refusal);
        done.wait();
    }};
    tendril::http_client client;
    client.get(server.url());
    EXPECT_EQ(client.put(server.url(), large_body).status(), 413);
    EXPECT_EQ(client.statistics().retried, 1U);
    EXPECT_EQ(connections_of(client), 0U);
    done.set();
}

// Each of them comes in a time of its own, while the request waits for room.
TENDRIL_HUB_TEST(http_client, interim_answers_are_counted_for_as_long_as_the_request_leaves) {
    event done;
    scripted_server const server{[&](scripted_peer& peer) {
        peer.hear_head();
        for (int count = 0; count < 20; ++count) {
            peer.say("HTTP/1.1 102 Processing\r\n\r\n");
            sleep_for(2s);
        }
        done.wait();
    }};
    tendril::http_client client{{.limits = {.response = 1s}}};
    EXPECT_EQ(
        test::code_of([&] { client.put(server.url(), large_body); }),
        make_error_code(http_client_errc::bad_response));
    EXPECT_EQ(clock.elapsed(), 32s);
    done.set();
}

TENDRIL_HUB_TEST(http_client, an_early_answer_that_is_malformed_is_an_error) {
    time_stands_still const meanwhile{this_hub()};
    event done;
    scripted_server const server{[&](scripted_peer& peer) {
        peer.hear_head();
        peer.say("HTTP/2 what\r\n");
        done.wait();
    }};
    tendril::http_client client;
    EXPECT_EQ(
        test::code_of([&] { client.post(server.url(), large_body); }),
        make_error_code(http_client_errc::bad_response));
    EXPECT_EQ(connections_of(client), 0U);
    EXPECT_EQ(clock.elapsed(), 0s);
    done.set();
}

TENDRIL_HUB_TEST(http_client, what_ends_an_early_answer_ends_the_sending) {
    for (std::string const way : {"cancelled", "timed out", "killed", "closed"}) {
        event done;
        scripted_server const server{[&](scripted_peer& peer) {
            peer.hear_head();
            peer.say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwo");
            done.wait();
        }};
        tendril::http_client client;
        std::string end = "waits";
        error_code code;
        auto request = spawn([&] {
            end = test::interruption_of([&] {
                timeout const limit{way == "timed out" ? 1s : 1h};
                code = test::code_of([&] { client.post(server.url(), large_body); });
            });
            if (end == "exit") {
                throw greenlet_exit{};
            }
        });
        test::settle();
        EXPECT_EQ(client.statistics().busy, 1U);
        if (way == "cancelled") {
            request.cancel();
        } else if (way == "killed") {
            request.kill();
        } else if (way == "closed") {
            client.close();
        } else {
            sleep_for(2s);
        }
        test::settle();
        EXPECT_TRUE(request.done()) << way;
        EXPECT_EQ(end, way == "killed" ? "exit" : way == "closed" ? "returned" : way);
        EXPECT_EQ(code == errc::closed, way == "closed");
        EXPECT_EQ(connections_of(client), 0U);
        done.set();
    }
}
