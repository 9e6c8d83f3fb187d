// SPDX-License-Identifier: BSL-1.0
//
// Sessions through a proxy that tears, delays, changes, loses and breaks off.
#include <harness/chaos_session.hpp>
#include <harness/signal_storm.hpp>
#include <harness/stress.hpp>
#include <tendril/net/tcp_stream.hpp>

#include <cstdint>
#include <cstdio>
#include <utility>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using tendril::testing::memory_stream;
using test::chaos_line;
using test::chaos_tally;
using test::conversation;
using test::party_end;

struct through_memory {
    static std::pair<memory_stream, memory_stream> pair(random_source& numbers) {
        return memory_stream::pair({.capacity = 1 + random_below(numbers, 8192)});
    }
    static void prepare(memory_stream&) {}
};

struct through_tcp {
    static std::pair<tcp_stream, tcp_stream> pair(random_source&) {
        test::stream_pair ends = test::connected_pair();
        return {std::move(ends.here), std::move(ends.there)};
    }
    static void prepare(tcp_stream& stream) {
        stream.set_read_limit(1min);
        stream.set_write_limit(1min);
    }
};

template <typename Way>
void plain_session(random_source& numbers, chaos_tally& tally) {
    conversation const said{numbers, test::message_form::hashed};
    chaos_line up{test::plan_of(numbers, said.expected()), numbers.next()};
    chaos_line down{test::plan_of(numbers, said.expected()), numbers.next()};
    auto [client, near] = Way::pair(numbers);
    auto [far, server] = Way::pair(numbers);
    Way::prepare(client);
    Way::prepare(server);
    party_end asked = party_end::failed;
    party_end answered = party_end::failed;
    with_task_group(
        [&, &client = client, &server = server, &near = near, &far = far](task_group& group) {
            group.spawn([&] { test::carry_both_ways(near, far, up, down); });
            group.spawn([&] {
                answered = test::play_part(server, [&] { test::answer_all(server, said); });
            });
            asked = test::play_part(client, [&] { test::ask_all(client, said); });
        });
    tally.count(up, down, asked, answered);
}

template <typename Way>
void run_seeds(char const* what, int seeds, int sessions) {
    chaos_tally tally;
    for (int seed = 1; seed <= seeds; ++seed) {
        test::run_in_hub([&](auto&) {
            test::run_sessions(
                static_cast<std::uint64_t>(seed), sessions, tally, plain_session<Way>);
        });
        ASSERT_FALSE(::testing::Test::HasFailure()) << "seed " << seed;
    }
    tally.print(what);
    EXPECT_GT(tally.done, 0U);
    EXPECT_LT(tally.done, tally.sessions);
}

}  // namespace

TENDRIL_TEST(tcp_chaos, no_wrong_body_is_accepted_and_nothing_hangs_in_memory) {
    run_seeds<through_memory>("in memory", test::laps(4, 100), test::laps(200, 10'000));
}

TENDRIL_TEST(tcp_chaos, no_wrong_body_is_accepted_and_nothing_hangs_over_tcp) {
    run_seeds<through_tcp>("over TCP", test::laps(4, 100), test::laps(50, 500));
}

TENDRIL_TEST(tcp_chaos, the_same_holds_under_a_storm_of_signals) {
    test::signal_storm const storm;
    while (test::signal_storm::count() < test::laps(50, 5000)) {
        run_seeds<through_tcp>("under signals", 1, 50);
        ASSERT_FALSE(::testing::Test::HasFailure());
    }
    std::printf("%d signals\n", test::signal_storm::count());
}
