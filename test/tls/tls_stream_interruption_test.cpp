// SPDX-License-Identifier: BSL-1.0
//
// Whoever is in a call is interrupted at each place where it may park: before each operation of the
// stream below, while that waits, and by a limit.
#include <harness/secured.hpp>
#include <harness/tripwire.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/tls/tls_stream.hpp>

#include <cstdio>
#include <functional>
#include <optional>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using namespace std::string_view_literals;
using boost::asio::buffer;
using test::hear;
using test::long_text;
using test::memory_stream;
using test::say;
using test::settle;
using test::tripwire;
using test::tripwire_stream;
using test::truncated_said;

// Ways to interrupt.
enum class manner {
    cancelled_before,
    cancelled_meanwhile,
    cancelled_twice,
    killed,
    exit,
    timed_out
};
constexpr manner all_manners[] = {
    manner::cancelled_before,
    manner::cancelled_meanwhile,
    manner::cancelled_twice,
    manner::killed,
    manner::exit,
    manner::timed_out};

// An end with a wire in it, and its peer.
struct wired_ends {
    explicit wired_ends(bool victim_is_client, test::memory_stream_options options = {})
        : wired_ends{victim_is_client, memory_stream::pair(options)} {}
    wired_ends(bool victim_is_client, std::pair<memory_stream, memory_stream> ends)
        : victim{one_end(tripwire_stream{std::move(ends.first), wire}, victim_is_client)},
          peer{one_end(std::move(ends.second), !victim_is_client)} {}

    template <typename Stream>
    static tls_stream one_end(Stream&& stream, bool is_client) {
        return is_client
            ? tls_stream::client(std::forward<Stream>(stream), test::good_client(), "good.test")
            : tls_stream::server(std::forward<Stream>(stream), test::good_server());
    }

    void shake() {
        auto other = spawn([this] { peer.handshake(); });
        victim.handshake();
        other.join();
    }

    tripwire wire;
    tls_stream victim;
    tls_stream peer;
};

// Runs a call of the victim and interrupts it before its operation number `at`, or at once after.
// Returns how it ended.
std::string interrupted_call(
    wired_ends& ends, int at, manner how, std::function<void()> const& call) {
    std::string outcome = "waits";
    task<void> running;
    auto const cancel = [&] { running.cancel(); };
    ends.wire.set(at, [&] {
        switch (how) {
        case manner::cancelled_before:
            cancel();
            break;
        case manner::cancelled_meanwhile:
            this_hub().call_soon(cancel);
            break;
        case manner::cancelled_twice:
            this_hub().call_soon(cancel);
            cancel();
            break;
        case manner::killed:
            running.kill(std::string{"killed"});
            break;
        case manner::exit:
            running.kill();
            break;
        case manner::timed_out:
            sleep_for(1h);
            break;
        }
    });
    event has_handle;
    running = spawn([&] {
        has_handle.wait();
        outcome = test::outcome_of([&] {
            if (how == manner::timed_out) {
                with_timeout(1s, call);
            } else {
                call();
                yield();
            }
        });
    });
    has_handle.set();
    running.join();
    // What was asked of the hub refers to this frame.
    settle();
    ends.wire.set(-1, nullptr);
    return outcome;
}

// Tries a call at each of its operations, in each manner. `try_it` makes ends, calls, and looks at
// what is left; it returns whether the wire was touched.
void at_each_operation(char const* what, std::function<bool(int at, manner how)> const& try_it) {
    int cells = 0;
    for (manner const how : all_manners) {
        for (int at = 0; try_it(at, how); ++at) {
            ++cells;
            ASSERT_LT(at, 2000) << what;
        }
    }
    std::printf("%d cells: %s\n", cells, what);
    EXPECT_GT(cells, 3) << what;
}

bool was_interrupted(std::string const& outcome) {
    return outcome == "cancelled" || outcome == "killed" || outcome == "exit" ||
        outcome == "timed out";
}

}  // namespace

TENDRIL_HUB_TEST(tls_interruption, whoever_is_interrupted_in_the_handshake_closes_the_connection) {
    for (bool const is_client : {true, false}) {
        char const* const what = is_client ? "handshake of a client" : "handshake of a server";
        at_each_operation(what, [&](int at, manner how) {
            wired_ends ends{is_client, {.largest_read = 200, .largest_write = 300}};
            auto other = spawn([&] { return hear(ends.peer); });
            std::string const outcome = interrupted_call(
                ends, at, how, [&] { ends.victim.handshake(); });
            if (!was_interrupted(outcome) || ends.victim.is_open()) {
                // It came to its end before the wish was delivered.
                EXPECT_TRUE(ends.victim.is_open()) << outcome;
                ends.victim = tls_stream{};
            } else {
                EXPECT_EQ(hear(ends.victim), test::closed_said());
            }
            EXPECT_EQ(other.get().front(), '[');
            return was_interrupted(outcome);
        });
    }
}

TENDRIL_HUB_TEST(tls_interruption, a_read_that_is_interrupted_loses_nothing) {
    std::string const sent = long_text(3000);
    at_each_operation("read", [&](int at, manner how) {
        wired_ends ends{true, {.largest_read = 250}};
        ends.shake();
        auto writer = spawn([&] { say(ends.peer, sent); });
        std::string received;
        auto const read_to_end = [&] {
            while (received.size() < sent.size()) {
                char data[700];
                std::size_t const size = ends.victim.read_some(buffer(data));
                received.append(data, size);
            }
        };
        std::string const outcome = interrupted_call(ends, at, how, read_to_end);
        read_to_end();
        EXPECT_TRUE(received == sent);
        writer.join();
        return was_interrupted(outcome);
    });
}

TENDRIL_HUB_TEST(tls_interruption, data_that_comes_in_the_same_turn_is_there_for_the_next) {
    wired_ends ends{true};
    ends.shake();
    for (bool const data_first : {true, false}) {
        auto reader = spawn([&] { return hear(ends.victim); });
        settle();
        if (data_first) {
            say(ends.peer, "data");
        }
        reader.cancel();
        if (!data_first) {
            say(ends.peer, "data");
        }
        reader.join();
        EXPECT_EQ(reader.was_cancelled() ? hear(ends.victim) : reader.get(), "data");
    }
}

TENDRIL_HUB_TEST(tls_interruption, a_write_that_is_interrupted_half_way_breaks_the_stream) {
    std::string const sent = long_text(150'000);
    at_each_operation("write", [&](int at, manner how) {
        wired_ends ends{true, {.capacity = 40'000, .largest_write = 20'000}};
        ends.shake();
        auto heard = spawn([&] { return test::hear_all(ends.peer); });
        std::string const outcome = interrupted_call(
            ends, at, how, [&] { ends.victim.write(buffer(sent)); });
        error_code const after = say(ends.victim, "more");
        ends.victim.close();
        std::string const text = heard.get();
        if (after == errc::broken) {
            EXPECT_TRUE(was_interrupted(outcome)) << outcome;
            std::string const part = text.substr(0, text.size() - truncated_said().size());
            EXPECT_EQ(text, part + truncated_said());
            EXPECT_TRUE(sent.starts_with(part));
        } else {
            EXPECT_EQ(after, error_code{});
            EXPECT_TRUE(text == sent + "more" + test::eof_said());
        }
        return was_interrupted(outcome);
    });
}

TENDRIL_HUB_TEST(tls_interruption, a_write_that_waited_for_the_handshake_can_be_made_again) {
    auto [near, far] = memory_stream::pair();
    tls_stream client = tls_stream::client(std::move(near), test::good_client(), "good.test");
    tls_stream server = tls_stream::server(std::move(far), test::good_server());
    auto shaking = spawn([&] { client.handshake(); });
    settle();
    auto writer = spawn([&] { say(client, "never"); });
    settle();
    writer.cancel();
    writer.join();
    EXPECT_TRUE(writer.was_cancelled());
    server.handshake();
    shaking.join();
    EXPECT_EQ(say(client, "again"), error_code{});
    EXPECT_EQ(hear(server), "again");
}

TENDRIL_HUB_TEST(
    tls_interruption, what_an_interrupted_end_has_not_sent_leaves_when_it_is_tried_again) {
    wired_ends ends{true, {.capacity = 10'000, .largest_write = 5}};
    ends.shake();
    std::string const outcome = interrupted_call(
        ends, 2, manner::cancelled_before, [&] { ends.victim.shutdown_send(); });
    EXPECT_EQ(outcome, "cancelled");
    auto reader = spawn([&] { return hear(ends.victim); });
    auto listener = spawn([&] { return hear(ends.peer); });
    settle();
    EXPECT_FALSE(listener.done());
    ends.victim.shutdown_send();
    EXPECT_EQ(listener.get(), test::eof_said());
    say(ends.peer, "answer");
    EXPECT_EQ(reader.get(), "answer");
}

TENDRIL_HUB_TEST(tls_interruption, a_close_that_is_interrupted_has_closed) {
    at_each_operation("close", [&](int at, manner how) {
        wired_ends ends{true, {.largest_write = 5}};
        ends.shake();
        std::string const outcome = interrupted_call(ends, at, how, [&] { ends.victim.close(); });
        EXPECT_FALSE(ends.victim.is_open());
        std::string const heard = hear(ends.peer);
        EXPECT_TRUE(heard == test::eof_said() || heard == truncated_said()) << heard;
        return was_interrupted(outcome);
    });
}

TENDRIL_HUB_TEST(tls_interruption, an_unwrap_that_is_interrupted_can_be_tried_again) {
    at_each_operation("unwrap", [&](int at, manner how) {
        wired_ends ends{true, {.largest_read = 8, .largest_write = 8}};
        ends.shake();
        ends.victim.set_close_limit(24h);
        ends.peer.set_close_limit(24h);
        auto other = spawn([&] { return ends.peer.unwrap(); });
        any_stream plain;
        std::string const outcome = interrupted_call(
            ends, at, how, [&] { plain = ends.victim.unwrap(); });
        if (!plain.is_open()) {
            EXPECT_TRUE(was_interrupted(outcome)) << outcome;
            plain = ends.victim.unwrap();
        }
        plain.write(buffer("clear"sv));
        any_stream far = std::move(other).get();
        std::array<char, 1> byte;
        EXPECT_EQ(far.read_some(buffer(byte)), 1U);
        EXPECT_EQ(byte[0], 'c');
        return was_interrupted(outcome);
    });
}

TENDRIL_HUB_TEST(tls_interruption, calls_look_for_wishes_even_if_they_need_not_wait) {
    wired_ends ends{true};
    ends.shake();
    say(ends.peer, "kept");
    std::function<void()> const calls[] = {
        [&] { hear(ends.victim); },       [&] { say(ends.victim, "x"); },
        [&] { ends.victim.handshake(); }, [&] { ends.victim.shutdown_send(); },
        [&] { ends.victim.unwrap(); },
    };
    for (auto const& call : calls) {
        test::wish stop{"stop"};
        request(test::self(), stop);
        EXPECT_EQ(test::outcome_of(call), "stop");
    }
    EXPECT_EQ(hear(ends.victim), "kept");
    EXPECT_EQ(say(ends.victim, "also kept"), error_code{});
    EXPECT_EQ(hear(ends.peer), "also kept");
}

TENDRIL_HUB_TEST(tls_interruption, who_waits_for_a_handshake_that_is_interrupted_is_told) {
    auto [near, far] = memory_stream::pair();
    tls_stream client = tls_stream::client(std::move(near), test::good_client(), "good.test");
    auto shaking = spawn([&] { client.handshake(); });
    settle();
    auto reader = spawn([&] { return hear(client); });
    settle();
    shaking.cancel();
    EXPECT_EQ(reader.get(), test::closed_said());
    shaking.join();
    EXPECT_FALSE(client.is_open());
    EXPECT_FALSE(far.is_open() && far.available() > 10'000);
}
