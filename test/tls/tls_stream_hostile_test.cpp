// SPDX-License-Identifier: BSL-1.0
//
// Peers and networks that break the rules: cut, change and invent bytes, or say nothing.
#include <harness/secured.hpp>
#include <harness/stress.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/tls/tls_stream.hpp>

#include <openssl/err.h>
#include <openssl/sslerr.h>

#include <cstdio>
#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using namespace std::string_view_literals;
using boost::asio::buffer;
using test::good_client;
using test::good_server;
using test::hear;
using test::memory_stream;
using test::say;

// Both contexts of a test: made once, because that takes time.
struct both_contexts {
    tls_context client = good_client({.kept_sessions = 0});
    tls_context server = good_server();
};

// A network of two lines. Each byte that passes is counted, and may be changed; behind so many
// bytes of one direction everything ends.
struct network {
    network() = default;
    std::size_t passed = 0;
    std::size_t cut_at = std::numeric_limits<std::size_t>::max();
    std::size_t changed_at = std::numeric_limits<std::size_t>::max();
    unsigned char change = 0;

    // Carries bytes from one end to the other until either ends.
    void carry(memory_stream& from, memory_stream& to) {
        char data[512];
        error_code error;
        while (!error.failed()) {
            std::size_t size = from.read_some(buffer(data), error);
            if (changed_at >= passed && changed_at < passed + size) {
                char& byte = data[changed_at - passed];
                byte = static_cast<char>(static_cast<unsigned char>(byte) ^ change);
            }
            size = std::min(size, cut_at - passed);
            passed += size;
            if (!error.failed()) {
                to.write(buffer(data, size), error);
            }
            if (passed == cut_at) {
                break;
            }
        }
        from.close();
        to.close();
    }
};

// How a conversation ended at both ends.
struct ending {
    std::string client;
    std::string server;
};

// A question, an answer, and the end, over two networks, one for each direction.
ending converse(both_contexts const& both, network& up, network& down) {
    auto [client_end, near] = memory_stream::pair();
    auto [far, server_end] = memory_stream::pair();
    auto carries_up = spawn([&, &from = near, &to = far] { up.carry(from, to); });
    auto carries_down = spawn([&, &from = far, &to = near] { down.carry(from, to); });
    ending ended;
    tls_stream server = tls_stream::server(std::move(server_end), both.server);
    tls_stream client = tls_stream::client(std::move(client_end), both.client, "good.test");
    // A changed length may announce more than ever comes.
    server.set_read_limit(1min);
    client.set_read_limit(1min);
    auto serving = spawn([&] {
        ended.server = hear(server);
        if (ended.server == "question") {
            say(server, "answer");
            ended.server += test::hear_all(server);
        }
        server.close();
    });
    say(client, "question");
    ended.client = hear(client);
    if (ended.client == "answer") {
        client.shutdown_send();
        ended.client += test::hear_all(client);
    }
    client.close();
    serving.join();
    carries_up.join();
    carries_down.join();
    EXPECT_EQ(ERR_peek_error(), 0U);
    return ended;
}

bool is_whole(ending const& ended) {
    return ended.client == "answer" + test::eof_said() &&
        ended.server == "question" + test::eof_said();
}

// Nobody may believe what was not said.
bool is_sound(ending const& ended) {
    auto const begins = [](std::string const& heard, std::string_view said) {
        return heard.starts_with(said) || heard.starts_with("[");
    };
    return begins(ended.client, "answer") && begins(ended.server, "question");
}

}  // namespace

TENDRIL_HUB_TEST(tls_hostile, a_conversation_that_is_cut_anywhere_is_never_taken_for_whole) {
    both_contexts const both;
    network up;
    network down;
    ASSERT_TRUE(is_whole(converse(both, up, down)));
    int cuts = 0;
    // The length differs by a few bytes from one to the next: signatures do.
    for (std::size_t at = 0; at + 80 < up.passed; at += 1, ++cuts) {
        network cut;
        network other;
        cut.cut_at = at;
        ending const ended = converse(both, cut, other);
        EXPECT_FALSE(is_whole(ended)) << at;
        EXPECT_TRUE(is_sound(ended)) << at << ended.client << ended.server;
        EXPECT_FALSE(ended.server.ends_with(test::eof_said())) << at;
    }
    for (std::size_t at = 0; at + 80 < down.passed; at += 1, ++cuts) {
        network cut;
        network other;
        cut.cut_at = at;
        ending const ended = converse(both, other, cut);
        EXPECT_FALSE(is_whole(ended)) << at;
        EXPECT_TRUE(is_sound(ended)) << at << ended.client << ended.server;
        EXPECT_FALSE(ended.client.ends_with(test::eof_said())) << at;
    }
    std::printf("%d cuts\n", cuts);
}

TENDRIL_HUB_TEST(tls_hostile, a_byte_that_is_changed_is_noticed_wherever_it_is) {
    both_contexts const both;
    network whole_up;
    network whole_down;
    converse(both, whole_up, whole_down);
    int changes = 0;
    for (std::size_t at = 0; at + 80 < whole_up.passed; at += 3, ++changes) {
        network up;
        network down;
        up.changed_at = at;
        up.change = 0x41;
        EXPECT_TRUE(is_sound(converse(both, up, down))) << at;
    }
    for (std::size_t at = 0; at + 80 < whole_down.passed; at += 3, ++changes) {
        network up;
        network down;
        down.changed_at = at;
        down.change = 0x41;
        EXPECT_TRUE(is_sound(converse(both, up, down))) << at;
    }
    std::printf("%d changes\n", changes);
}

TENDRIL_HUB_TEST(tls_hostile, what_is_no_tls_is_refused) {
    tls_context const server = good_server();
    std::string const texts[] = {
        "GET / HTTP/1.0\r\n\r\n", std::string(1000, '\0'),
        test::long_text(5000),    "\x16\x03\x01\xff\xff" + test::long_text(70'000),
        "\x80\x2e\x01",           std::string{"\x15\x03\x01\x00\x02\x02\x28", 7}};
    for (std::string const& text : texts) {
        auto [near, far] = memory_stream::pair({.capacity = 200'000});
        near.write(buffer(text));
        near.shutdown_send();
        tls_stream stream = tls_stream::server(std::move(far), server);
        error_code error;
        stream.handshake(error);
        EXPECT_TRUE(error.failed());
        EXPECT_FALSE(stream.is_open());
        EXPECT_EQ(ERR_peek_error(), 0U);
    }
}

// The first message of a client, with an extension that names a host, whatever stands in it.
std::string greeting_with(std::string const& named) {
    auto const two_bytes = [](std::size_t size) {
        return std::string{static_cast<char>(size >> 8), static_cast<char>(size & 0xff)};
    };
    std::string const extension = two_bytes(0) + two_bytes(named.size()) + named;
    std::string const hello = "\x03\x03" + std::string(32, 'r') + std::string(1, '\0') +
        two_bytes(2) + "\xc0\x2f" + std::string{"\x01\x00", 2} + two_bytes(extension.size()) +
        extension;
    std::string const message = std::string{"\x01\x00", 2} + two_bytes(hello.size()) + hello;
    return "\x16\x03\x01" + two_bytes(message.size()) + message;
}

TENDRIL_HUB_TEST(tls_hostile, a_name_that_is_written_wrong_is_none) {
    std::vector<std::string> seen;
    tls_context const server = good_server({.choose = [&](std::string const& host) {
        seen.push_back(host);
        return tls_context{};
    }});
    std::string const names[] = {
        {"\x00\x0c\x00\x00\x09good.test", 14},  // as it should be
        {"\x00\x0c\x01\x00\x09good.test", 14},  // not the name of a host
        {"\x00\x0c\x00\x00\xff"
         "good.test",
         14},  // longer than what follows
        {"\x00\x01\x00", 3},
        {}};
    for (std::string const& name : names) {
        auto [near, far] = memory_stream::pair();
        near.write(buffer(greeting_with(name)));
        near.shutdown_send();
        tls_stream stream = tls_stream::server(std::move(far), server);
        error_code error;
        stream.handshake(error);
        EXPECT_TRUE(error.failed());
    }
    EXPECT_EQ(seen, (std::vector<std::string>{"good.test", "", "", "", ""}));
}

TENDRIL_HUB_TEST(tls_hostile, what_is_invented_in_the_middle_ends_both_directions) {
    auto [near, far] = memory_stream::pair();
    auto [middle, server_end] = memory_stream::pair();
    test::secured_ends ends{
        tls_stream::client(std::move(near), good_client(), "good.test"),
        tls_stream::server(std::move(server_end), good_server())};
    tls_stream& client = ends.client;
    tls_stream& server = ends.server;
    network lines[2];
    auto up = spawn([&, &from = far, &to = middle] { lines[0].carry(from, to); });
    auto down = spawn([&, &from = middle, &to = far] { lines[1].carry(from, to); });
    test::shake(ends);
    say(client, "good");
    EXPECT_EQ(hear(server), "good");
    auto reader = spawn([&] { return hear(client); });
    test::settle();
    far.write(buffer(std::string{"\x17\x03\x03\x00\x20", 5} + std::string(32, 'x')));
    std::string const why = reader.get();
    EXPECT_EQ(why.front(), '[');
    EXPECT_FALSE(client.is_open());
    error_code const written = say(client, "x");
    EXPECT_EQ(test::in_brackets(written), why);
    EXPECT_THROW(client.write(buffer("x"sv)), system_error);
    up.join();
    down.join();
    EXPECT_TRUE(test::contains(hear(server), "alert")) << "the peer is told";
}

TENDRIL_HUB_TEST(tls_hostile, one_who_is_silent_in_the_handshake_keeps_nobody_from_being_served) {
    tls_context const server = good_server();
    std::vector<memory_stream> silent_ends;
    std::vector<task<void>> handlers;
    for (int count = 0; count < 20; ++count) {
        auto [near, far] = memory_stream::pair();
        silent_ends.push_back(std::move(near));
        handlers.push_back(spawn([&server, end = std::move(far)]() mutable {
            tls_stream stream = tls_stream::server(std::move(end), server);
            stream.set_handshake_limit(10s);
            error_code error;
            stream.handshake(error);
            EXPECT_EQ(error, errc::timed_out);
        }));
    }
    auto ends = test::shaken_ends(good_client(), server);
    EXPECT_EQ(say(ends.client, "served"), error_code{});
    EXPECT_EQ(hear(ends.server), "served");
    EXPECT_LT(clock.elapsed(), 10s);
    for (task<void>& each : handlers) {
        each.join();
    }
    EXPECT_EQ(clock.elapsed(), 10s);
}

// The queue of errors.

TENDRIL_HUB_TEST(tls_hostile, errors_of_others_on_the_thread_do_not_reach_a_good_session) {
    auto ends = test::shaken_ends();
    for (int lap = 0; lap < 100; ++lap) {
        ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
        auto reader = spawn([&] { return hear(ends.server); });
        test::settle();
        ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
        EXPECT_EQ(say(ends.client, "x"), error_code{});
        EXPECT_EQ(reader.get(), "x");
    }
    EXPECT_EQ(ERR_peek_error(), 0U);
}

TENDRIL_HUB_TEST(tls_hostile, bad_handshakes_cost_no_good_session) {
    both_contexts const both;
    tls_context const stranger = tls_context::client({.authorities = test::self_signed().chain});
    int const sessions = test::laps(1000, 100'000);
    int lost = 0;
    int refused = 0;
    int begun = 0;
    std::vector<task<void>> workers;
    for (int worker = 0; worker < 10; ++worker) {
        workers.push_back(spawn([&] {
            while (begun < sessions) {
                bool const is_good = ++begun % 2 == 0;
                test::secured_ends ends = test::unshaken_ends(
                    is_good ? both.client : stranger, both.server, {.largest_read = 400});
                auto serving = spawn([&] {
                    if (hear(ends.server) == "ping") {
                        say(ends.server, "pong");
                    }
                });
                say(ends.client, "ping");
                bool const answered = hear(ends.client) == "pong";
                lost += is_good && !answered ? 1 : 0;
                refused += !is_good && !answered ? 1 : 0;
                serving.join();
            }
        }));
    }
    for (task<void>& each : workers) {
        each.join();
    }
    std::printf("%d sessions, %d of them refused, %d lost\n", begun, refused, lost);
    EXPECT_EQ(lost, 0);
    EXPECT_GE(refused, sessions / 2);
    EXPECT_EQ(ERR_peek_error(), 0U);
}
