// SPDX-License-Identifier: BSL-1.0
//
// Peers that fall silent, end or reset behind every byte of a conversation, and one that stands
// still: the limit that was set fires in time, and nothing is left.
#include <harness/chaos_session.hpp>
#include <harness/other_process.hpp>
#include <harness/secured.hpp>
#include <harness/stress.hpp>
#include <tendril/tls/tls_stream.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <string>
#include <utility>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using tendril::testing::leak_check;
using test::chaos_line;
using test::lateness_of;
using test::line_harm;
using test::line_plan;
using test::memory_stream;
using test::party_end;

constexpr auto handshake_limit = 5s;
constexpr auto read_limit = 7s;
constexpr auto close_limit = 1s;

// Both contexts of a test: made once, because that takes time.
struct contexts_with_peers {
    tls_context client = test::good_client({.kept_sessions = 0});
    tls_context server = test::good_server();
};

struct two_ends {
    party_end client = party_end::failed;
    party_end server = party_end::failed;
};

template <typename F>
party_end play_with_limits(tls_stream& stream, F&& part) {
    stream.set_handshake_limit(handshake_limit);
    stream.set_read_limit(read_limit);
    stream.set_write_limit(read_limit);
    stream.set_close_limit(close_limit);
    return test::play_part(stream, part);
}

// What came of a conversation, and how much of it there was.
struct harmed_conversation {
    party_end client = party_end::failed;
    party_end server = party_end::failed;
    std::size_t up = 0;
    std::size_t down = 0;
    std::chrono::nanoseconds took{};
};

// A question, an answer, and the end, while harm is done to the directions.
harmed_conversation converse_with_harm(
    contexts_with_peers const& both, line_plan const& up_plan, line_plan const& down_plan) {
    auto [client_end, near] = memory_stream::pair();
    auto [far, server_end] = memory_stream::pair();
    tls_stream client = tls_stream::client(std::move(client_end), both.client, "good.test");
    tls_stream server = tls_stream::server(std::move(server_end), both.server);
    chaos_line up{up_plan, 1};
    chaos_line down{down_plan, 2};
    test::conversation const said{{{"question", "answer"}}, test::message_form::plain};
    harmed_conversation result;
    auto const start = now();
    with_task_group([&, &near = near, &far = far](task_group& group) {
        group.spawn([&] { test::carry_both_ways(near, far, up, down); });
        group.spawn([&] {
            result.server = play_with_limits(server, [&] { test::answer_all(server, said); });
        });
        result.client = play_with_limits(client, [&] { test::ask_all(client, said); });
    });
    result.took = now() - start;
    result.up = up.passed();
    result.down = down.passed();
    return result;
}

// Is a server that sends back what it hears, to many at once, until it is killed.
bool serve_secured(int descriptor, tls_context const& context) {
    run([&] {
        tcp_listener listener = tcp_listener::adopt(::dup(descriptor));
        with_task_group([&](task_group& group) {
            while (true) {
                group.spawn([&context, plain = listener.accept()]() mutable {
                    tls_stream stream = tls_stream::server(std::move(plain), context);
                    std::array<char, 4096> data;
                    error_code error;
                    std::size_t size = stream.read_some(boost::asio::buffer(data), error);
                    while (!error.failed()) {
                        stream.write(boost::asio::buffer(data.data(), size), error);
                        size = error.failed() ? 0
                                              : stream.read_some(boost::asio::buffer(data), error);
                    }
                });
            }
        });
    });
    return true;
}

// Harm behind every so many bytes of a direction. `check` looks at what came of it.
template <typename F>
int harm_everywhere(line_harm harm, F&& check) {
    contexts_with_peers const both;
    harmed_conversation const whole = converse_with_harm(both, {}, {});
    EXPECT_EQ(whole.client, party_end::done);
    EXPECT_EQ(whole.server, party_end::done);
    auto const step = static_cast<std::size_t>(test::laps(7, 1));
    int points = 0;
    for (bool const is_up : {true, false}) {
        // The length differs by a few bytes from one to the next: signatures do.
        for (std::size_t at = 0; at + 8 < (is_up ? whole.up : whole.down); at += step, ++points) {
            SCOPED_TRACE(std::string{is_up ? "up" : "down"} + ", byte " + std::to_string(at));
            leak_check const before;
            line_plan const plan{.harm = harm, .at = at};
            harmed_conversation const ended = is_up ? converse_with_harm(both, plan, {})
                                                    : converse_with_harm(both, {}, plan);
            EXPECT_NE(is_up ? ended.server : ended.client, party_end::done);
            check(ended, is_up);
            EXPECT_EQ(before.leaks(), "");
        }
    }
    std::printf(
        "%d bytes behind which a peer %s\n", points,
        test::line_harm_names[static_cast<std::size_t>(harm)]);
    return points;
}

}  // namespace

TENDRIL_HUB_TEST(tls_peers, one_that_falls_silent_behind_any_byte_costs_no_more_than_the_limits) {
    int const points = harm_everywhere(
        line_harm::silent, [](harmed_conversation const& ended, bool is_up) {
            EXPECT_EQ(is_up ? ended.server : ended.client, party_end::timed_out);
            EXPECT_TRUE(
                ended.took == handshake_limit || ended.took == read_limit ||
                ended.took == handshake_limit + close_limit ||
                ended.took == read_limit + close_limit)
                << ended.took.count();
        });
    EXPECT_GT(points, 100);
}

TENDRIL_HUB_TEST(tls_peers, one_that_ends_behind_any_byte_costs_no_time) {
    harm_everywhere(line_harm::half_closed, [](harmed_conversation const& ended, bool) {
        EXPECT_LE(ended.took, close_limit);
    });
}

TENDRIL_HUB_TEST(tls_peers, one_that_resets_behind_any_byte_costs_no_time) {
    harm_everywhere(line_harm::reset, [](harmed_conversation const& ended, bool) {
        EXPECT_LE(ended.took, 0s);
    });
}

// Real time: it is another process that stands still, and the kernel that answers for it.
TENDRIL_TEST(tls_peers, a_process_that_stands_still_costs_no_more_than_the_limit) {
    if (!test::can_go_on_in_a_child) {
        GTEST_SKIP() << "a child of a process with threads cannot go on under ThreadSanitizer";
    }
    contexts_with_peers const both;
    int const listener = test::listening_descriptor();
    test::other_process peer{[&] { return serve_secured(listener, both.server); }};
    tcp_endpoint const address{boost::asio::ip::address_v4::loopback(), test::port_of(listener)};
    auto const connect = [&] {
        return tls_stream::client(tcp_stream::connect_for(address, 1s), both.client, "good.test");
    };
    constexpr std::chrono::milliseconds limit{20};
    std::string const much(16 << 20, 'm');
    run([&] {
        tls_stream reading = connect();
        tls_stream writing = connect();
        tls_stream closing = connect();
        for (tls_stream* const stream : {&reading, &writing, &closing}) {
            EXPECT_EQ(test::say(*stream, "hello"), error_code{});
            EXPECT_EQ(test::hear_exactly(*stream, 5), "hello");
        }
        ASSERT_TRUE(peer.stop());
        error_code const late = make_error_code(errc::timed_out);
        error_code error;
        std::chrono::nanoseconds worst{};
        worst = std::max(worst, lateness_of(limit, [&] {
                             tls_stream shaking = connect();
                             shaking.set_handshake_limit(limit);
                             shaking.handshake(error);
                             return error == late;
                         }));
        worst = std::max(worst, lateness_of(limit, [&] {
                             char byte;
                             reading.read_some_for(boost::asio::buffer(&byte, 1), error, limit);
                             return error == late;
                         }));
        writing.set_write_limit(limit);
        EXPECT_EQ(test::say(writing, much), late);
        closing.set_close_limit(limit);
        closing.close();
        peer.go_on();
        EXPECT_EQ(test::say(reading, "again"), error_code{});
        EXPECT_EQ(test::hear_exactly(reading, 5), "again");
        std::printf("late by %.1f ms\n", std::chrono::duration<double, std::milli>{worst}.count());
        EXPECT_LT(worst, 200ms);
    });
    ::close(listener);
}
