// SPDX-License-Identifier: BSL-1.0
//
// A server on a machine that has run out of something.
#include <harness/descriptor_limit.hpp>
#include <harness/failing_allocations.hpp>
#include <harness/network.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/server/stream_server.hpp>
#include <tendril/support/random.hpp>
#include <tendril/support/system_calls.hpp>

#include <cerrno>
#include <chrono>
#include <new>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using std::chrono::milliseconds;
using test::echo;
using test::hear;
using test::hear_all;
using test::say;
using test::settle;

// Draws the same number for ever.
class constant_random final : public random_source {
public:
    explicit constant_random(std::uint64_t number) : number_{number} {}
    std::uint64_t next() noexcept override { return number_; }

private:
    std::uint64_t number_;
};

struct script {
    int failures_left = 0;
    int failure = EMFILE;
    std::vector<time_point> asked;
};

// A kernel whose accept fails so many times, for one reason, and notes when it was asked.
struct failing_kernel {
    static inline script now;

    system_calls table = real_kernel();
    replaced_system_calls in_place{table};

    explicit failing_kernel(int failures, int failure = EMFILE) {
        now = {.failures_left = failures, .failure = failure, .asked = {}};
        table.accept4 = [](int fd, sockaddr* address, socklen_t* size, int flags) {
            now.asked.push_back(tendril::now());
            if (now.failures_left > 0) {
                --now.failures_left;
                errno = now.failure;
                return -1;
            }
            return real_kernel().accept4(fd, address, size, flags);
        };
    }

    // How long it was left alone between the first attempts.
    static std::vector<milliseconds> pauses(std::size_t count) {
        std::vector<milliseconds> all;
        for (std::size_t at = 1; at < now.asked.size() && all.size() < count; ++at) {
            all.push_back(
                std::chrono::duration_cast<milliseconds>(now.asked[at] - now.asked[at - 1]));
        }
        return all;
    }
};

// The failed allocation may be one of the sleep itself.
void sleep_if_memory_allows(milliseconds duration) {
    try {
        sleep_for(duration);
    } catch (std::bad_alloc const&) {}
}

// Runs a server on a hub with a clock that jumps and chance that does not happen.
template <typename F>
void run_server(std::uint64_t chance, stream_server_options const& options, F&& body) {
    tendril::testing::virtual_clock time;
    constant_random random{chance};
    tendril::run({.clock = &time, .random = &random}, [&] {
        test::reported_errors errors;
        stream_server server{"127.0.0.1:0", echo, options};
        server.start();
        body(server, errors, time);
    });
}

}  // namespace

TENDRIL_TEST(stream_server, pauses_twice_as_long_each_time_and_a_second_at_most) {
    failing_kernel const kernel{10};
    run_server(0, {}, [](auto& server, auto&, auto&) {
        tcp_stream client = tcp_stream::connect(server.local_endpoint());
        say(client, "patience");
        EXPECT_EQ(hear(client), "patience");
        EXPECT_EQ(
            failing_kernel::pauses(10),
            (std::vector<milliseconds>{
                10ms, 20ms, 40ms, 80ms, 160ms, 320ms, 640ms, 1000ms, 1000ms, 1000ms}));
    });
}

TENDRIL_TEST(stream_server, never_pauses_exactly_as_long_as_others) {
    failing_kernel const kernel{4};
    run_server(1, {}, [](auto& server, auto&, auto&) {
        tcp_stream client = tcp_stream::connect(server.local_endpoint());
        say(client, "patience");
        hear(client);
        EXPECT_EQ(failing_kernel::pauses(4), (std::vector<milliseconds>{9ms, 19ms, 39ms, 79ms}));
    });
}

TENDRIL_TEST(stream_server, chance_takes_an_eighth_from_a_pause_at_most) {
    failing_kernel const kernel{9};
    run_server(125, {}, [](auto& server, auto&, auto&) {
        tcp_stream client = tcp_stream::connect(server.local_endpoint());
        say(client, "patience");
        hear(client);
        EXPECT_EQ(failing_kernel::pauses(9).back(), 875ms);
    });
}

TENDRIL_TEST(stream_server, pauses_are_options) {
    failing_kernel const kernel{4};
    stream_server_options const options{.first_delay = 3ms, .longest_delay = 8ms};
    run_server(0, options, [](auto& server, auto&, auto&) {
        tcp_stream client = tcp_stream::connect(server.local_endpoint());
        say(client, "patience");
        hear(client);
        EXPECT_EQ(failing_kernel::pauses(4), (std::vector<milliseconds>{3ms, 6ms, 8ms, 8ms}));
    });
}

TENDRIL_TEST(stream_server, the_first_success_makes_the_next_pause_short_again) {
    failing_kernel const kernel{5};
    run_server(0, {}, [](auto& server, auto&, auto&) {
        tcp_stream const first = tcp_stream::connect(server.local_endpoint());
        sleep_for(10s);
        failing_kernel::now.asked.clear();
        failing_kernel::now.failures_left = 2;
        tcp_stream const second = tcp_stream::connect(server.local_endpoint());
        sleep_for(10s);
        EXPECT_EQ(failing_kernel::pauses(2), (std::vector<milliseconds>{10ms, 20ms}));
        EXPECT_EQ(server.statistics().accepted, 2U);
    });
}

TENDRIL_TEST(stream_server, begins_with_a_short_pause_after_it_was_started_again) {
    failing_kernel const kernel{1000};
    run_server(0, {}, [](auto& server, auto&, auto&) {
        sleep_for(10s);
        server.stop();
        failing_kernel::now.asked.clear();
        server.start();
        sleep_for(1s);
        EXPECT_EQ(failing_kernel::pauses(2), (std::vector<milliseconds>{10ms, 20ms}));
    });
}

TENDRIL_TEST(stream_server, every_lack_makes_it_pause_and_none_makes_it_end) {
    for (int const failure : {EMFILE, ENFILE, ENOBUFS, ENOMEM}) {
        failing_kernel const kernel{3, failure};
        run_server(0, {}, [&](auto& server, auto&, auto&) {
            tcp_stream client = tcp_stream::connect(server.local_endpoint());
            say(client, "patience");
            EXPECT_EQ(hear(client), "patience") << failure;
            EXPECT_EQ(server.statistics().accept_errors, 3U) << failure;
        });
    }
}

TENDRIL_TEST(stream_server, reports_a_series_of_pauses_once_and_says_whose) {
    failing_kernel const kernel{10};
    run_server(0, {}, [](auto& server, auto& errors, auto&) {
        tcp_stream const client = tcp_stream::connect(server.local_endpoint());
        sleep_for(10s);
        ASSERT_EQ(errors.texts.size(), 1U);
        EXPECT_NE(errors.texts[0].find("127.0.0.1:0"), std::string::npos) << errors.texts[0];
        EXPECT_NE(errors.texts[0].find("open files"), std::string::npos) << errors.texts[0];
    });
}

TENDRIL_TEST(stream_server, serves_the_connections_it_has_while_it_pauses) {
    failing_kernel const kernel{0};
    run_server(0, {}, [](auto& server, auto&, auto& time) {
        tcp_stream old = tcp_stream::connect(server.local_endpoint());
        settle();
        failing_kernel::now.failures_left = 1000;
        tcp_stream const next = tcp_stream::connect(server.local_endpoint());
        settle();
        auto const before = time.elapsed();
        say(old, "still served");
        EXPECT_EQ(hear(old), "still served");
        EXPECT_LT(time.elapsed() - before, 10ms);
        EXPECT_EQ(server.statistics().accepted, 1U);
    });
}

TENDRIL_TEST(stream_server, does_not_spin_while_there_is_a_lack) {
    failing_kernel const kernel{1'000'000};
    run_server(0, {}, [](auto& server, auto&, auto&) {
        tcp_stream const client = tcp_stream::connect(server.local_endpoint());
        std::uint64_t const turns = this_hub().statistics().turns;
        sleep_for(60s);
        EXPECT_LT(failing_kernel::now.asked.size(), 80U);
        EXPECT_LT(this_hub().statistics().turns - turns, 300U);
    });
}

TENDRIL_TEST(stream_server, stops_at_once_while_it_pauses) {
    failing_kernel const kernel{1'000'000};
    run_server(0, {}, [](auto& server, auto&, auto& time) {
        sleep_for(10s);
        auto const before = time.elapsed();
        EXPECT_TRUE(server.stop(10s));
        EXPECT_EQ(time.elapsed(), before);
    });
}

TENDRIL_HUB_TEST(stream_server, goes_on_when_descriptors_come_back) {
    test::reported_errors const errors;
    stream_server server{"127.0.0.1:0", echo};
    server.start();
    settle();
    std::vector<tcp_stream> clients;
    for (int count = 0; count < 3; ++count) {
        clients.push_back(test::connect_at_once(server.local_endpoint()));
    }
    {
        test::descriptors_left const one{1};
        sleep_for(5s);
        EXPECT_EQ(server.statistics().accepted, 1U);
        say(clients[0], "served");
        EXPECT_EQ(hear(clients[0]), "served");
    }
    sleep_for(1100ms);
    EXPECT_EQ(server.statistics().accepted, 3U);
}

// Every single allocation between a connection and its handler fails once.
TENDRIL_HUB_TEST(stream_server, no_failed_allocation_costs_its_room_or_its_life) {
    test::reported_errors const errors;
    stream_server server{"127.0.0.1:0", echo, {.max_connections = 1}};
    server.start();
    int number = 0;
    for (bool failed = true; failed;) {
        ++number;
        tcp_stream one = test::connect_at_once(server.local_endpoint());
        {
            test::failing_allocation const next{number};
            sleep_if_memory_allows(20ms);
            failed = next.has_failed();
        }
        one.close();
        tcp_stream client = tcp_stream::connect(server.local_endpoint());
        say(client, "served");
        ASSERT_EQ(hear(client), "served") << "after allocation " << number << " had failed";
    }
    EXPECT_GT(number, 2) << "neither the connection nor its task was allocated";
}

// The same with everything that an option adds.
TENDRIL_HUB_TEST(stream_server, no_failed_allocation_of_an_option_costs_its_room_or_its_life) {
    test::reported_errors const errors;
    stream_server_options options{.max_connections = 1, .max_connections_per_address = 1};
    options.proxy = proxy_protocol::required;
    options.trusted_proxies.add("127.0.0.1");
    auto const answer = [](any_stream& stream) {
        char byte;
        stream.read_some(boost::asio::buffer(&byte, 1));
        stream.write(boost::asio::buffer(to_string(this_connection.get().peer)));
    };
    stream_server server{"127.0.0.1:0", answer, options};
    server.start();
    std::string const question = "PROXY TCP4 192.0.2.7 192.0.2.1 5000 80\r\nx";
    int number = 0;
    for (bool failed = true; failed;) {
        ++number;
        tcp_stream one = test::connect_at_once(server.local_endpoint());
        say(one, question);
        {
            test::failing_allocation const next{number};
            sleep_if_memory_allows(20ms);
            failed = next.has_failed();
        }
        one.close();
        sleep_for(2s);
        tcp_stream client = tcp_stream::connect(server.local_endpoint());
        say(client, question);
        ASSERT_EQ(hear_all(client), "192.0.2.7:5000") << "after allocation " << number;
    }
    EXPECT_GT(number, 5);
    EXPECT_EQ(server.statistics().connections, 0U);
}
