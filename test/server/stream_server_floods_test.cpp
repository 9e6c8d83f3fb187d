// SPDX-License-Identifier: BSL-1.0
//
// More clients than there are descriptors: hazard H46 and goal F1. Usually on a clock that jumps;
// under stress on the real one, for longer.
#include <harness/descriptor_limit.hpp>
#include <harness/network.hpp>
#include <harness/stress.hpp>
#include <tendril/server/stream_server.hpp>
#include <tendril/testing/virtual_clock.hpp>

#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;

constexpr int flood_clients = 500;
constexpr int flood_room = 64;

std::chrono::nanoseconds cpu_of_this_thread() {
    rusage used{};
    ::getrusage(RUSAGE_THREAD, &used);
    auto const of = [](timeval const& time) {
        return std::chrono::seconds{time.tv_sec} + std::chrono::microseconds{time.tv_usec};
    };
    return of(used.ru_utime) + of(used.ru_stime);
}

// Says whether one that is served already still is.
void expect_served(tcp_stream& client) {
    test::say(client, "still there?");
    EXPECT_EQ(test::hear_exactly(client, 12), "still there?");
}

void flood() {
    test::reported_errors const errors;
    stream_server server{"127.0.0.1:0", test::echo};
    server.start();
    std::vector<tcp_stream> clients;
    for (int count = 0; count < flood_clients; ++count) {
        clients.push_back(test::connect_at_once(server.local_endpoint()));
    }
    std::chrono::nanoseconds const lasts = test::under_stress() ? 10s : 5s;
    {
        test::descriptors_left const some{flood_room};
        sleep_for(100ms);
        EXPECT_EQ(server.statistics().connections, std::size_t{flood_room});
        auto const used_before = cpu_of_this_thread();
        auto const begun = now();
        while (now() - begun < lasts) {
            expect_served(clients.front());
            sleep_for(500ms);
        }
        double const share = static_cast<double>((cpu_of_this_thread() - used_before).count()) /
            static_cast<double>((now() - begun).count());
        std::printf("%.2f %% of a core while descriptors lack\n", 100 * share);
        EXPECT_LT(share, 0.05);
    }
    auto const freed = now();
    while (server.statistics().connections < flood_clients && now() - freed < 2s) {
        sleep_for(10ms);
    }
    EXPECT_EQ(server.statistics().connections, std::size_t{flood_clients});
    EXPECT_LE(now() - freed, 1100ms);
    for (tcp_stream& each : clients) {
        expect_served(each);
    }
    EXPECT_EQ(errors.texts.size(), 1U) << "a pause is reported once";
    clients.clear();
    EXPECT_TRUE(server.stop(5s));
}

}  // namespace

TENDRIL_TEST(stream_server, with_more_clients_than_descriptors_it_is_idle_serves_and_recovers) {
    if (test::under_stress()) {
        run(flood);
    } else {
        tendril::testing::virtual_clock jumping;
        run({.clock = &jumping}, flood);
    }
}
