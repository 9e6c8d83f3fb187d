// SPDX-License-Identifier: BSL-1.0
#include <harness/forking.hpp>
#include <harness/network.hpp>
#include <harness/protocols.hpp>
#include <harness/secured.hpp>
#include <tendril/protocol/protocol_server.hpp>
#include <tendril/tls/start_tls.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::code_of;
using test::deeds;
using test::good_client;
using test::good_server;
using test::memory_stream;
using test::put;
using test::settle;
using test::transcript;

// Two protocols that talk with each other.
struct two_protocols {
    explicit two_protocols(deeds client_does, deeds server_does = {})
        : two_protocols{std::move(client_does), std::move(server_does), memory_stream::pair()} {}
    two_protocols(
        deeds client_does, deeds server_does, std::pair<memory_stream, memory_stream> ends)
        : client{run(std::move(ends.first), client_saw, std::move(client_does))},
          server{run(std::move(ends.second), server_saw, std::move(server_does))} {}
    ~two_protocols() {
        interruption_shield const until_over;
        for (transport& each : {std::ref(client), std::ref(server)}) {
            each.abort();
            each.wait_closed();
        }
    }

    static transport run(memory_stream stream, transcript& saw, deeds does) {
        return start_protocol(
            any_stream{std::move(stream)},
            std::make_shared<test::noting_protocol>(saw, std::move(does)));
    }

    transcript client_saw;
    transcript server_saw;
    transport client;
    transport server;
};

// Begins TLS when the peer asks for it, and takes what follows the request for the handshake.
deeds server_deeds(transport& server) {
    return {.data = [&](std::string_view bytes) {
        if (bytes.starts_with("STARTTLS\n")) {
            server.write("go\n");
            start_tls_server(server, good_server(), {.received = std::string{bytes.substr(9)}});
        }
    }};
}

// A server that does so, and a peer in the clear.
struct server_and_peer {
    server_and_peer() = default;
    ~server_and_peer() {
        interruption_shield const until_over;
        server.abort();
        server.wait_closed();
    }

    std::pair<memory_stream, memory_stream> ends = memory_stream::pair();
    memory_stream& peer = ends.first;
    transcript saw;
    transport server = two_protocols::run(std::move(ends.second), saw, server_deeds(server));
};

}  // namespace

TENDRIL_HUB_TEST(start_tls, secures_a_connection_of_two_protocols) {
    two_protocols it{
        {.data =
             [&](std::string_view bytes) {
                 if (bytes == "go\n") {
                     start_tls_client(it.client, good_client(), "good.test");
                     it.client.write("secret");
                 }
             }},
        server_deeds(it.server)};
    it.client.write("STARTTLS\n");
    settle();
    it.server.write("answer");
    settle();
    EXPECT_EQ(it.server_saw, (transcript{"made", "data STARTTLS\n", "data secret"}));
    EXPECT_EQ(it.client_saw, (transcript{"made", "data go\n", "data answer"}));
    ASSERT_NE(it.server.target<tls_stream>(), nullptr);
    EXPECT_EQ(it.server.target<tls_stream>()->server_name(), "good.test");
    EXPECT_EQ(it.client.target<tls_stream>()->peer_certificate()->subject, "CN = test");
    it.client.close();
    it.server.wait_closed();
    EXPECT_EQ(it.server_saw.back(), "lost");
    EXPECT_EQ(it.client_saw.back(), "lost");
}

TENDRIL_HUB_TEST(start_tls, can_be_called_by_others_while_the_protocol_is_told_nothing) {
    two_protocols it{{}, {}};
    it.client.write("before");
    settle();
    auto accepting = spawn([&] { start_tls_server(it.server, good_server()); });
    settle();  // or what the client says first is data of the protocol
    start_tls_client(it.client, good_client(), "good.test");
    it.client.write("after");
    settle();
    EXPECT_EQ(it.client_saw, transcript{"made"});
    EXPECT_EQ(it.server_saw, (transcript{"made", "data before", "data after"}));
}

// CVE-2011-0411 and its kind.

TENDRIL_HUB_TEST(start_tls, what_follows_the_request_is_not_taken_for_secured) {
    for (bool const in_one_piece : {true, false}) {
        server_and_peer it;
        put(it.peer, in_one_piece ? "STARTTLS\nEVIL\n" : "STARTTLS\n");
        if (!in_one_piece) {
            settle();
            put(it.peer, "EVIL\n");
        }
        tls_stream client;
        error_code error;
        std::string greeting(3, '\0');
        it.peer.read_some(boost::asio::buffer(greeting));
        EXPECT_EQ(greeting, "go\n");
        client = tls_stream::client(std::move(it.peer), good_client(), "good.test");
        client.handshake(error);
        EXPECT_TRUE(error.failed());
        it.server.wait_closed();
        ASSERT_EQ(it.saw.size(), 3U);
        EXPECT_TRUE(it.saw[1].starts_with("data STARTTLS"));
        EXPECT_TRUE(it.saw[2].starts_with("lost: ")) << it.saw[2];
    }
}

TENDRIL_HUB_TEST(start_tls, what_had_come_and_was_not_delivered_is_not_taken_for_secured) {
    auto [near, far] = memory_stream::pair();
    transcript saw;
    transport server = two_protocols::run(std::move(far), saw, {});
    settle();
    server.pause_reading();
    put(near, "EVIL\n");
    settle();
    EXPECT_TRUE(code_of([&] { start_tls_server(server, good_server()); }).failed());
    server.resume_reading();
    server.wait_closed();
    EXPECT_EQ(saw.size(), 2U);
}

TENDRIL_HUB_TEST(start_tls, what_a_server_says_too_early_is_not_taken_for_secured) {
    auto [near, far] = memory_stream::pair();
    transcript saw;
    transport client = two_protocols::run(std::move(near), saw, {.data = [&](std::string_view) {
                                              start_tls_client(client, good_client(), "good.test");
                                          }});
    put(far, "go\n");
    settle();
    put(far, "250 EVIL\n");
    client.wait_closed();
    ASSERT_EQ(saw.size(), 3U);
    EXPECT_TRUE(saw[2].starts_with("lost: ")) << saw[2];
}

TENDRIL_HUB_TEST(start_tls, a_client_may_greet_right_behind_its_request) {
    server_and_peer it;
    put(it.peer, "STARTTLS\n");
    tls_stream client = tls_stream::client(
        any_stream{std::ref(it.peer)}, good_client(), "good.test");
    // The server's word comes first, and is for the one who has asked.
    auto shaking = spawn([&] {
        std::string greeting(3, '\0');
        it.peer.read_some(boost::asio::buffer(greeting));
        client.handshake();
    });
    shaking.join();
    test::say(client, "secret");
    settle();
    EXPECT_EQ(it.saw, (transcript{"made", "data STARTTLS\n", "data secret"}));
    client.close();
    it.server.wait_closed();
}

// When it does not begin.

TENDRIL_HUB_TEST(start_tls, a_peer_that_is_silent_has_a_limited_time) {
    server_and_peer it;
    put(it.peer, "STARTTLS\n");
    it.server.wait_closed();
    EXPECT_EQ(clock.elapsed(), 1min);
    EXPECT_EQ(it.saw.back(), "lost: " + io_error(errc::timed_out).message());
    EXPECT_EQ(test::got_all(it.peer), "go\n");
    two_protocols other{{}, {}};
    EXPECT_EQ(
        code_of([&] { start_tls_client(other.client, good_client(), "good.test", {.limit = 2s}); }),
        errc::timed_out);
    EXPECT_EQ(clock.elapsed(), 1min + 2s);
    EXPECT_TRUE(other.client.is_closing());
}

TENDRIL_HUB_TEST(start_tls, a_certificate_that_is_refused_loses_the_connection) {
    two_protocols it{
        {.data =
             [&](std::string_view) {
                 start_tls_client(it.client, good_client(), "other.test");
                 it.client.write("secret");
             }},
        server_deeds(it.server)};
    it.client.write("STARTTLS\n");
    it.client.wait_closed();
    it.server.wait_closed();
    EXPECT_EQ(it.client_saw.back(), "lost: " + error_code{tls_errc::wrong_host}.message());
    EXPECT_TRUE(it.server_saw.back().starts_with("lost: "));
}

TENDRIL_HUB_TEST(start_tls, whoever_is_interrupted_in_it_loses_the_connection) {
    two_protocols it{{}, {}};
    auto beginning = spawn([&] { start_tls_client(it.client, good_client(), "good.test"); });
    settle();
    it.client.write("secret");
    beginning.cancel();
    beginning.join();
    it.client.wait_closed();
    settle();
    EXPECT_EQ(it.client_saw, (transcript{"made", "lost: cancelled"}));
    for (std::string const& each : it.server_saw) {
        EXPECT_FALSE(test::contains(each, "secret"));
    }
}

TENDRIL_HUB_TEST(start_tls, needs_a_context_for_its_end) {
    two_protocols it{{}, {}};
    EXPECT_THROW(start_tls_server(it.server, good_client()), misuse);
    EXPECT_TRUE(it.server.is_closing());
    EXPECT_THROW(start_tls_client(it.client, good_client(), ""), misuse);
}

TENDRIL_TEST(start_tls, the_child_of_a_fork_says_nothing_through_streams_of_the_parent) {
    if (!test::can_go_on_in_a_child) {
        GTEST_SKIP() << "ThreadSanitizer does not follow a process with threads into its child";
    }
    run([] {
        deeds const secures{.made = [](transport& made) { start_tls_server(made, good_server()); }};
        transcript seen;
        auto server = std::make_optional(serve_protocol(
            "127.0.0.1:0", [&] { return std::make_shared<test::noting_protocol>(seen, secures); }));
        tls_stream client = tls_stream::client(
            tcp_stream::connect(server->local_endpoint()), good_client(), "good.test");
        client.handshake();
        settle();
        EXPECT_TRUE(test::holds_in_a_child([&] {
            std::size_t const before = test::count_of_descriptors();
            server.reset();
            return test::count_of_descriptors() + 2 == before;
        }));
        auto reading = spawn([&] { return test::hear(client); });
        settle();
        EXPECT_FALSE(reading.done());
        // The parent had no more to say.
        server->abort_clients();
        EXPECT_EQ(reading.get(), test::eof_said());
    });
}
