// SPDX-License-Identifier: BSL-1.0
//
// As hub_group_crowd_test.cpp, with what the floors above wait for: servers with connections, other
// streams, datagrams, descriptors, names, children and jobs in threads, on two hubs; and the ways
// in which all may end at once.
#include <harness/children.hpp>
#include <harness/descriptors.hpp>
#include <harness/forking.hpp>
#include <harness/hubs.hpp>
#include <harness/network.hpp>
#include <harness/stress.hpp>
#include <tendril/file/event_counter.hpp>
#include <tendril/file/pipe.hpp>
#include <tendril/hub/descriptor.hpp>
#include <tendril/net/udp_socket.hpp>
#include <tendril/server/server_group.hpp>
#include <tendril/support/random.hpp>
#include <tendril/threads/run_in_thread.hpp>
#include <tendril/threads/thread_job.hpp>

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <thread>

namespace {

using namespace tendril;
using namespace std::chrono_literals;

constexpr int size_of_serving_crowd = TENDRIL_TSAN ? 200 : 1000;

void serve_somebody(std::shared_ptr<int> const& token) {
    stream_server server{"127.0.0.1:0", [token](tcp_stream& stream) {
                             std::shared_ptr<int> const in_a_frame = token;
                             test::hear(stream);
                         }};
    server.start();
    tcp_stream const client = tcp_stream::connect(server.local_endpoint());
    server.serve_forever();
}

void wait_for_a_child() {
    process child{test::waiting_child()};
    child.wait();
}

void wait_for_a_job() {
    run_in_thread([] {
        while (!job_cancelled()) {
            std::this_thread::sleep_for(1ms);
        }
    });
}

void read_from_a_stream() {
    auto [here, there] = test::connected_pair();
    test::hear(here);
}

void write_to_a_stream() {
    static std::string const more_than_a_kernel_keeps(16 << 20, 'x');
    auto [here, there] = test::connected_pair();
    test::say(here, more_than_a_kernel_keeps);
}

void accept_nobody() { tcp_listener::bind("127.0.0.1", 0).accept(); }

void receive_nothing() {
    udp_socket socket = udp_socket::bind("127.0.0.1", 0);
    char byte;
    udp_endpoint sender;
    socket.receive_from(boost::asio::buffer(&byte, 1), sender);
}

void read_from_a_pipe() {
    auto [from, to] = make_pipe();
    test::get_text(from);
}

void wait_for_a_descriptor() {
    test::bare_pipe const never;
    wait_readable(never.ends[0]);
}

void wait_for_a_count() {
    event_counter never;
    never.wait();
}

// One in five waits for something of the floors above; the others have many hubs of their own kind.
void live_with_io(std::uint64_t state, std::shared_ptr<int> const& token) {
    static constexpr void (*waits[])(){
        &wait_for_a_child,  &wait_for_a_job,        &read_from_a_stream,
        &write_to_a_stream, &accept_nobody,         &receive_nothing,
        &read_from_a_pipe,  &wait_for_a_descriptor, &wait_for_a_count,
    };
    std::shared_ptr<int> const in_a_frame = token;
    std::uint64_t const choice = state % 50;
    if (choice < std::size(waits)) {
        waits[choice]();
    } else if (choice == std::size(waits)) {
        serve_somebody(token);
    } else if (choice % 2 == 0) {
        sleep_for(1h);
    } else {
        while (true) {
            yield();
            sleep_for(1ms);
        }
    }
}

void gather_all(hub_group& hubs, std::shared_ptr<int> const& token, std::uint64_t seed) {
    seeded_random random{seed};
    for (int number = 0; number < size_of_serving_crowd; ++number) {
        auto const one = hubs.spawn([token, state = random.next()] { live_with_io(state, token); });
        if (random.next() % 10 == 0) {
            one.cancel();
        }
    }
}

// Tries a way to end with one crowd after the other. A server of all hubs has a connection too.
template <typename F>
void try_serving_crowds(char const* what, on_error errors, F&& end) {
    int const runs = test::laps(2, 250);
    // Threads that make jobs stay.
    run([] { run_in_thread([] {}); });
    for (int seed = 1; seed <= runs; ++seed) {
        tendril::testing::leak_check const before;
        auto const token = std::make_shared<int>(0);
        {
            std::optional<hub_group> hubs{
                std::in_place, hub_group_options{.size = 2, .errors = errors}};
            hubs->for_each_hub([](std::size_t) { test::ignore_errors(); });
            server_group servers{*hubs, "127.0.0.1:0", test::echo};
            servers.start();
            gather_all(*hubs, token, static_cast<std::uint64_t>(seed));
            run([&] {
                tcp_stream client = tcp_stream::connect(servers.local_endpoint());
                test::say(client, "x");
                EXPECT_EQ(test::hear(client), "x");
            });
            end(*hubs, servers);
        }
        EXPECT_EQ(token.use_count(), 1) << "seed " << seed;
        EXPECT_EQ(before.leaks(), "") << "seed " << seed;
        EXPECT_FALSE(test::has_children());
    }
    std::printf("    %d crowds of %d greenlets: %s\n", runs, size_of_serving_crowd, what);
}

}  // namespace

TENDRIL_TEST(server_group_crowd, is_ended_by_a_stop) {
    try_serving_crowds("stopped", on_error::report, [](hub_group& hubs, server_group& servers) {
        servers.stop(1ms);
        EXPECT_FALSE(hubs.stop(1ms));
    });
}

TENDRIL_TEST(server_group_crowd, is_ended_by_the_destructors) {
    try_serving_crowds("destroyed", on_error::report, [](hub_group&, server_group&) {});
}

TENDRIL_TEST(server_group_crowd, is_ended_by_an_error) {
    try_serving_crowds("an error", on_error::end_all, [](hub_group& hubs, server_group&) {
        hubs.spawn([] { throw std::runtime_error{"over"}; });
        EXPECT_EQ(test::interruption_of([&] { hubs.join(); }), "over");
    });
}

TENDRIL_TEST(server_group_crowd, a_process_that_exits_ends_with_it) {
    if (!test::can_make_threads_in_a_child) {
        GTEST_SKIP() << "a sanitizer refuses threads in the child";
    }
    int const runs = test::laps(2, 250);
    for (int seed = 1; seed <= runs; ++seed) {
        pid_t const child = ::fork();
        if (child == 0) {
            // Destroyed by the exit, in the middle of everything.
            static hub_group hubs{{.size = 2}};
            static server_group servers{hubs, "127.0.0.1:0", test::echo};
            servers.start();
            gather_all(hubs, std::make_shared<int>(0), static_cast<std::uint64_t>(seed));
            std::exit(0);
        }
        EXPECT_TRUE(test::has_held(child)) << "seed " << seed;
    }
    std::printf("    %d crowds of %d greenlets: exit\n", runs, size_of_serving_crowd);
}
