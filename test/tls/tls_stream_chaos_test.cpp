// SPDX-License-Identifier: BSL-1.0
//
// Sessions through a proxy that tears, delays, changes, loses and breaks off. Here the messages
// carry no hash: whatever is wrong must be refused by the stream itself.
#include <harness/chaos_session.hpp>
#include <harness/secured.hpp>
#include <harness/signal_storm.hpp>
#include <harness/stress.hpp>
#include <tendril/tls/tls_stream.hpp>

#include <openssl/err.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <utility>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::chaos_line;
using test::chaos_tally;
using test::conversation;
using test::memory_stream;
using test::party_end;

// Clients with and without sessions to resume, of the newest version and of the oldest.
struct contexts_of_chaos {
    std::array<tls_context, 4> clients{
        test::good_client(), test::good_client({.kept_sessions = 0}),
        test::good_client({.highest = tls_version::tls_1_2}),
        test::good_client({.highest = tls_version::tls_1_2, .kept_sessions = 0})};
    tls_context server = test::good_server();
};

struct secured_through_memory {
    static std::pair<memory_stream, memory_stream> pair(random_source& numbers) {
        // There is room for the tickets of a server, which it sends before it reads on, while a
        // client that writes does not read.
        return memory_stream::pair({.capacity = 1024 + random_below(numbers, 8192)});
    }
};

struct secured_through_tcp {
    static std::pair<tcp_stream, tcp_stream> pair(random_source&) {
        test::stream_pair ends = test::connected_pair();
        return {std::move(ends.here), std::move(ends.there)};
    }
};

// Whether both have shaken hands: what is harmed from then on must be refused. Before, there are
// bytes without meaning.
struct handshakes {
    int made = 0;
    bool both = false;
};

template <typename F>
party_end play_secured(tls_stream& stream, handshakes& hands, F&& part) {
    stream.set_read_limit(1min);
    return test::play_part(stream, [&] {
        stream.handshake();
        hands.both = ++hands.made == 2;
        part();
    });
}

template <typename Way>
void secured_session(
    contexts_of_chaos const& contexts, random_source& numbers, chaos_tally& tally) {
    constexpr std::size_t of_handshake = 700;
    conversation const said{numbers, test::message_form::plain};
    handshakes hands;
    auto const expected = said.expected() + of_handshake;
    chaos_line up{test::plan_of(numbers, expected), numbers.next(), &hands.both};
    chaos_line down{test::plan_of(numbers, expected), numbers.next(), &hands.both};
    auto [client_end, near] = Way::pair(numbers);
    auto [far, server_end] = Way::pair(numbers);
    tls_context const& context = contexts.clients[random_below(numbers, contexts.clients.size())];
    tls_stream client = tls_stream::client(std::move(client_end), context, "good.test");
    tls_stream server = tls_stream::server(std::move(server_end), contexts.server);
    party_end asked = party_end::failed;
    party_end answered = party_end::failed;
    with_task_group([&, &near = near, &far = far](task_group& group) {
        group.spawn([&] { test::carry_both_ways(near, far, up, down); });
        group.spawn([&] {
            answered = play_secured(server, hands, [&] { test::answer_all(server, said); });
        });
        asked = play_secured(client, hands, [&] { test::ask_all(client, said); });
    });
    EXPECT_EQ(ERR_peek_error(), 0U);
    tally.count(up, down, asked, answered);
}

template <typename Way>
void run_secured_seeds(char const* what, int seeds, int sessions) {
    contexts_of_chaos const contexts;
    chaos_tally tally;
    for (int seed = 1; seed <= seeds; ++seed) {
        test::run_in_hub([&](auto&) {
            test::run_sessions(
                static_cast<std::uint64_t>(seed), sessions, tally,
                [&](random_source& numbers, chaos_tally& into) {
                    secured_session<Way>(contexts, numbers, into);
                });
        });
        ASSERT_FALSE(::testing::Test::HasFailure()) << "seed " << seed;
    }
    tally.print(what);
    EXPECT_GT(tally.done, 0U);
    EXPECT_LT(tally.done, tally.sessions);
}

}  // namespace

TENDRIL_TEST(tls_chaos, whatever_is_wrong_is_refused_by_the_stream_in_memory) {
    run_secured_seeds<secured_through_memory>(
        "of TLS in memory", test::laps(4, 100), test::laps(50, 1000));
}

TENDRIL_TEST(tls_chaos, whatever_is_wrong_is_refused_by_the_stream_over_tcp) {
    run_secured_seeds<secured_through_tcp>(
        "of TLS over TCP", test::laps(2, 100), test::laps(48, 100));
}

TENDRIL_TEST(tls_chaos, the_same_holds_under_a_storm_of_signals) {
    test::signal_storm const storm;
    while (test::signal_storm::count() < test::laps(50, 5000)) {
        run_secured_seeds<secured_through_tcp>("under signals", 1, 48);
        ASSERT_FALSE(::testing::Test::HasFailure());
    }
    std::printf("%d signals\n", test::signal_storm::count());
}
