// SPDX-License-Identifier: BSL-1.0
//
// Clients and what they stand on: the hub, the process.
#include <harness/forking.hpp>
#include <harness/network.hpp>
#include <harness/scripted_server.hpp>
#include <tendril/http/http_client.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/task/spawn.hpp>
#include <tendril/testing/leak_check.hpp>

#include <memory>
#include <optional>
#include <string>

namespace {

using namespace tendril;
using test::scripted_server;

std::string const page = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

}  // namespace

TENDRIL_TEST(http_client, may_be_destroyed_after_its_hub) {
    std::optional<tendril::http_client> client;
    run([&] {
        scripted_server const server{scripted_server::always(page)};
        client.emplace();
        EXPECT_EQ(client->get(server.url()).body(), "ok");
        EXPECT_EQ(client->statistics().idle, 1U);
    });
    client.reset();
}

// All of the answer is there, and the connection would be kept if there were a hub.
TENDRIL_TEST(http_client, a_stream_may_be_destroyed_after_its_hub) {
    for (bool const client_first : {false, true}) {
        std::optional<tendril::http_client> client;
        http_client_stream stream;
        run([&] {
            scripted_server const server{scripted_server::always(page)};
            client.emplace();
            stream = client->open({.url = server.url()});
            EXPECT_EQ(stream.response().status(), 200);
        });
        if (client_first) {
            client.reset();
        }
        stream = {};
    }
}

TENDRIL_TEST(http_client, one_whose_hub_has_gone_is_misused) {
    std::optional<tendril::http_client> client;
    run([&] {
        scripted_server const server{scripted_server::always(page)};
        client.emplace();
        client->get(server.url());
    });
    run([&] {
        scripted_server const server{scripted_server::always(page)};
        EXPECT_THROW(client->get(server.url()), misuse);
        EXPECT_THROW(client->close_idle(), misuse);
        EXPECT_EQ(client->statistics().idle, 1U);
    });
    client.reset();
}

TENDRIL_TEST(http_client, what_it_keeps_is_no_reason_for_its_hub_to_go_on) {
    run([] {
        tendril::http_client client;
        {
            scripted_server const server{scripted_server::always(page)};
            client.get(server.url());
        }
        this_hub().join();
        EXPECT_EQ(client.statistics().idle, 1U);
    });
}

// Who asks, who sends for it, and the server: all of them are ended.
TENDRIL_TEST(http_client, a_large_request_ends_with_its_hub) {
    tendril::testing::leak_check const before;
    for (std::string const first_words : {"", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhe"}) {
        run([&] {
            auto const server = std::make_shared<scripted_server>([=](test::scripted_peer& peer) {
                peer.hear_head();
                peer.say(first_words);
                event{}.wait();
            });
            auto const client = std::make_shared<tendril::http_client>();
            spawn([=] { client->post(server->url(), std::string(20'000'000, 'x')); });
            test::settle();
            EXPECT_EQ(client->statistics().busy, 1U);
        });
    }
    EXPECT_EQ(before.leaks(), "");
}

// Two processes that speak on one connection take each other's answers.
TENDRIL_TEST(http_client, a_forked_child_uses_none_of_its_parents_connections) {
    if (!test::can_go_on_in_a_child) {
        GTEST_SKIP() << "ThreadSanitizer does not follow a process with threads into its child";
    }
    run([] {
        scripted_server const server{scripted_server::always(page)};
        tendril::http_client client;
        client.get(server.url());
        EXPECT_TRUE(test::holds_in_a_child([&] {
            this_hub().reset_after_fork();
            scripted_server const own{scripted_server::always(page)};
            client.get(own.url());
            client.get(own.url());
            return client.statistics().idle == 1 && client.statistics().connected == 2;
        }));
        EXPECT_EQ(client.get(server.url()).body(), "ok");
        EXPECT_EQ(server.connections(), 1U);
    });
}
