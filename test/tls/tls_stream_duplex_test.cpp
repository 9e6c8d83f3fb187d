// SPDX-License-Identifier: BSL-1.0
//
// Reading and writing at once, and what the protocol does between the lines.

#include <harness/raw_peer.hpp>
#include <harness/secured.hpp>
#include <tendril/tls/tls_stream.hpp>

#include <array>
#include <chrono>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::hear;
using test::hear_exactly;
using test::long_text;
using test::raw_peer;
using test::say;
using test::secured_ends;
using test::settle;
using test::shaken_ends;

// Both ends write and read so much, each with two greenlets.
void exchange(secured_ends& ends, std::size_t size) {
    std::string const up = long_text(size, 1);
    std::string const down = long_text(size, 2);
    auto up_writer = spawn([&] { return say(ends.client, up); });
    auto down_writer = spawn([&] { return say(ends.server, down); });
    auto up_reader = spawn([&] { return hear_exactly(ends.server, size) == up; });
    EXPECT_TRUE(hear_exactly(ends.client, size) == down);
    EXPECT_TRUE(up_reader.get());
    EXPECT_EQ(up_writer.get(), error_code{});
    EXPECT_EQ(down_writer.get(), error_code{});
}

}  // namespace

TENDRIL_HUB_TEST(tls_duplex, megabytes_pass_both_ways_at_once) {
    auto ends = shaken_ends();
    exchange(ends, 4'000'000);
}

TENDRIL_HUB_TEST(tls_duplex, it_does_not_matter_how_a_network_tears_the_bytes) {
    for (std::size_t const piece : {1U, 2U, 5U, 1000U}) {
        auto ends = shaken_ends({.largest_read = piece});
        exchange(ends, 60'000);
        auto torn = shaken_ends({.capacity = piece, .largest_write = piece});
        exchange(torn, 20'000);
    }
}

TENDRIL_HUB_TEST(tls_duplex, a_megabyte_passes_both_ways_in_single_bytes) {
    auto ends = shaken_ends({.largest_read = 1});
    exchange(ends, 1'000'000);
}

TENDRIL_HUB_TEST(tls_duplex, an_older_version_can_do_that_too) {
    auto ends = shaken_ends(
        test::good_client({.highest = tls_version::tls_1_2}), test::good_server(),
        {.largest_read = 100});
    exchange(ends, 500'000);
}

TENDRIL_HUB_TEST(tls_duplex, one_end_reads_on_while_its_writer_waits_for_the_peer) {
    auto ends = shaken_ends({.capacity = 1000});
    auto writer = spawn([&] { return say(ends.client, long_text(50'000)); });
    settle();
    EXPECT_FALSE(writer.done());
    say(ends.server, "past the writer");
    EXPECT_EQ(hear(ends.client), "past the writer");
    EXPECT_EQ(hear_exactly(ends.server, 50'000), long_text(50'000));
    EXPECT_EQ(writer.get(), error_code{});
}

// New keys in the middle: the peer asks for them, and an answer is due.

TENDRIL_HUB_TEST(tls_duplex, new_keys_are_agreed_upon_while_both_write) {
    auto [near, far] = test::memory_stream::pair({.largest_read = 100});
    raw_peer peer{std::move(far)};
    tls_stream client = tls_stream::client(std::move(near), test::good_client(), "good.test");
    auto serving = spawn([&] {
        peer.handshake();
        for (int lap = 0; lap < 20; ++lap) {
            peer.ask_for_new_keys();
            peer.write(long_text(5000));
        }
        return peer.read(100'000) == long_text(100'000);
    });
    auto writer = spawn([&] { return say(client, long_text(100'000)); });
    for (int lap = 0; lap < 20; ++lap) {
        EXPECT_TRUE(hear_exactly(client, 5000) == long_text(5000));
    }
    EXPECT_EQ(writer.get(), error_code{});
    EXPECT_TRUE(serving.get());
    // Those that come while nothing is written are answered together.
    EXPECT_GT(peer.key_updates(), 0);
}

TENDRIL_HUB_TEST(tls_duplex, a_peer_that_asks_for_ever_new_keys_and_reads_nothing_is_given_up) {
    auto [near, far] = test::memory_stream::pair({.capacity = 10'000});
    raw_peer peer{std::move(far)};
    tls_stream client = tls_stream::client(std::move(near), test::good_client(), "good.test");
    auto serving = spawn([&] {
        peer.handshake();
        return test::outcome_of([&] {
            while (true) {
                peer.ask_for_new_keys();
            }
        });
    });
    client.handshake();
    auto writer = spawn([&] { return say(client, long_text(100'000)); });
    EXPECT_EQ(hear(client), test::in_brackets(boost::asio::error::no_buffer_space));
    EXPECT_EQ(writer.get(), boost::asio::error::no_buffer_space);
    EXPECT_FALSE(client.is_open());
    EXPECT_NE(serving.get(), "returned");
}

// A server owes tickets when it has shaken hands.

TENDRIL_HUB_TEST(tls_duplex, tickets_go_with_the_first_answer) {
    auto ends = shaken_ends();
    auto serving = spawn([&] {
        std::string const heard = hear(ends.server);
        EXPECT_FALSE(static_cast<bool>(ends.client.session()));
        say(ends.server, "pong");
        return heard;
    });
    settle();
    say(ends.client, "ping");
    EXPECT_EQ(hear(ends.client), "pong");
    EXPECT_TRUE(static_cast<bool>(ends.client.session()));
    EXPECT_EQ(serving.get(), "ping");
}

TENDRIL_HUB_TEST(tls_duplex, tickets_go_with_the_end_when_there_is_no_answer) {
    auto ends = shaken_ends();
    ends.server.shutdown_send();
    EXPECT_EQ(hear(ends.client), test::eof_said());
    EXPECT_TRUE(static_cast<bool>(ends.client.session()));
}

TENDRIL_HUB_TEST(tls_duplex, a_handshake_needs_little_room) {
    for (std::size_t const capacity : {1U, 7U, 60U, 300U, 700U}) {
        for (tls_version const version : {tls_version::tls_1_2, tls_version::tls_1_3}) {
            auto const client = test::good_client(
                {.identity = test::good_identity(), .highest = version});
            auto const server = test::good_server(
                {.clients = tls_verify::required, .authorities = test::trusted().pem()});
            for (int resumed = 0; resumed < 2; ++resumed) {
                auto ends = shaken_ends(client, server, {.capacity = capacity});
                auto serving = spawn([&] { return say(ends.server, "hello"); });
                EXPECT_EQ(hear_exactly(ends.client, 5), "hello");
                EXPECT_EQ(serving.get(), error_code{});
            }
        }
    }
    EXPECT_EQ(clock.elapsed(), 0s);
}

TENDRIL_HUB_TEST(tls_duplex, a_read_waits_for_no_room_for_tickets) {
    // None of these has room for the tickets, and the client reads nothing before it has written.
    for (std::size_t const capacity : {60U, 100U, 300U, 500U}) {
        auto ends = shaken_ends({.capacity = capacity});
        std::string const question = long_text(20'000);
        auto serving = spawn([&] {
            std::string const heard = test::hear_exactly(ends.server, question.size());
            say(ends.server, "pong");
            return heard;
        });
        say(ends.client, question);
        EXPECT_EQ(hear(ends.client), "pong");
        EXPECT_EQ(serving.get(), question);
    }
}

TENDRIL_HUB_TEST(tls_duplex, a_read_that_cannot_write_any_more_still_gets_what_has_come) {
    auto ends = shaken_ends();
    say(ends.client, "last words");
    ends.client.close();
    EXPECT_EQ(test::hear_all(ends.server), "last words" + test::eof_said());
}

// The other end of the protocol refuses to begin anew.

TENDRIL_HUB_TEST(tls_duplex, a_peer_that_wants_to_begin_anew_is_not_obeyed) {
    auto [near, far] = test::memory_stream::pair();
    raw_peer peer{std::move(far), TLS1_2_VERSION};
    tls_stream client = tls_stream::client(std::move(near), test::good_client(), "good.test");
    auto serving = spawn([&] {
        peer.handshake();
        peer.begin_anew();
        peer.write("after it");
    });
    EXPECT_EQ(hear(client), "after it");
    EXPECT_EQ(say(client, "here"), error_code{});
    serving.join();
    EXPECT_TRUE(serving.succeeded());
}
