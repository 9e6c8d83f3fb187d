// SPDX-License-Identifier: BSL-1.0
//
// A group of servers that is started more than once, or that does not come to be.
#include <harness/hubs.hpp>
#include <harness/network.hpp>
#include <tendril/scope/cancel_scope.hpp>
#include <tendril/server/server_group.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/sync/shared.hpp>
#include <tendril/time/sleep.hpp>

#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <system_error>
#include <thread>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::hear;
using test::say;

constexpr dividing ways_to_divide[] = {dividing::by_kernel, dividing::hand_over};

}  // namespace

// The handler begins an end with much patience, and goes on. The destructor has none.
TENDRIL_TEST(server_group_runs, the_destructor_waits_for_handlers_of_all_of_them) {
    for (dividing const how : ways_to_divide) {
        hub_group hubs{{.size = 2}};
        std::atomic<int> at_work{0};
        std::optional<server_group> servers;
        auto const handler = [&](tcp_stream& stream) {
            ++at_work;
            scope_exit const leave{[&] { --at_work; }};
            hear(stream);
            say(stream, servers->stop(1h) ? "all" : "begun");
            sleep_for(1h);
        };
        servers.emplace(hubs, "127.0.0.1:0", handler, server_group_options{.how = how});
        for (int lap = 0; lap < 3; ++lap) {
            servers->start();
            run([&] {
                tcp_stream client = tcp_stream::connect(servers->local_endpoint());
                say(client, "x");
                EXPECT_EQ(hear(client), "begun");
            });
        }
        EXPECT_EQ(at_work, 3);
        servers.reset();
        EXPECT_EQ(at_work, 0);
    }
}

TENDRIL_TEST(server_group_runs, a_stop_without_patience_hurries_one_that_waits) {
    for (dividing const how : ways_to_divide) {
        hub_group hubs{{.size = 2}};
        shared_event begun;
        server_group servers{
            hubs,
            "127.0.0.1:0",
            [&](tcp_stream&) {
                begun.set();
                sleep_for(1h);
            },
            {.how = how}};
        servers.start();
        run([&] {
            tcp_stream const client = tcp_stream::connect(servers.local_endpoint());
            begun.wait();
            EXPECT_FALSE(move_on_after(1ms, [&] { return servers.stop(1h); }).has_value());
            EXPECT_FALSE(servers.stop(0s));
        });
    }
}

TENDRIL_TEST(server_group_runs, a_start_whose_hubs_end_is_closed) {
    for (dividing const how : ways_to_divide) {
        hub_group hubs{{.size = 2}};
        shared_event entered;
        server_group_options options{.how = how};
        options.each.before_start = [&] {
            entered.set();
            sleep_for(1h);
        };
        server_group servers{hubs, "127.0.0.1:0", test::echo, options};
        std::thread starts{[&] {
            try {
                servers.start();
                ADD_FAILURE() << "it has started";
            } catch (std::system_error const& error) {
                EXPECT_EQ(error.code(), errc::closed);
            }
        }};
        entered.wait();
        hubs.stop(0s);
        starts.join();
        EXPECT_FALSE(servers.running());
    }
}

TENDRIL_TEST(server_group_runs, whatever_is_thrown_while_it_starts_comes_out_of_start) {
    hub_group hubs{{.size = 2}};
    server_group servers{
        hubs, "127.0.0.1:0", handlers_made_by{[](std::size_t index) -> stream_server::handler {
            if (index == 1) {
                throw 7;
            }
            return test::echo;
        }}};
    EXPECT_THROW(servers.start(), int);
    EXPECT_FALSE(servers.running());
}
