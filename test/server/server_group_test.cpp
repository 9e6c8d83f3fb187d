// SPDX-License-Identifier: BSL-1.0
//
// One address, a server on every hub. What each server does by itself is tested with stream_server.
#include <harness/hubs.hpp>
#include <harness/network.hpp>
#include <tendril/server/server_group.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::echo;
using test::hear;
using test::hear_exactly;
using test::say;

constexpr dividing both_ways[] = {dividing::by_kernel, dividing::hand_over};

// So many connections that are open at the same time, each of which has had an answer.
std::vector<tcp_stream> connect_many(tcp_endpoint const& where, std::size_t count) {
    std::vector<tcp_stream> clients;
    for (std::size_t number = 0; number < count; ++number) {
        clients.push_back(tcp_stream::connect(where));
        say(clients.back(), "hello");
        EXPECT_EQ(hear_exactly(clients.back(), 5), "hello");
    }
    return clients;
}

}  // namespace

TENDRIL_TEST(server_group, serves_on_every_hub_at_one_port) {
    for (dividing const how : both_ways) {
        hub_group hubs{{.size = 2}};
        server_group servers{hubs, "127.0.0.1:0", echo, {.how = how}};
        EXPECT_FALSE(servers.running());
        servers.start();
        EXPECT_TRUE(servers.running());
        EXPECT_NE(servers.local_endpoint().port(), 0);
        run([&] {
            auto const clients = connect_many(servers.local_endpoint(), 64);
            server_group_statistics const now = servers.statistics();
            EXPECT_EQ(now.total.connections, 64U);
            EXPECT_EQ(now.total.accepted, 64U);
            EXPECT_GT(now.each[0].connections, 0U);
            EXPECT_GT(now.each[1].connections, 0U);
        });
        EXPECT_TRUE(servers.stop(1h));
        EXPECT_FALSE(servers.running());
        EXPECT_EQ(servers.statistics().total.accepted, 64U);
        hubs.stop(1h);
        EXPECT_EQ(servers.statistics().total.accepted, 64U);
    }
}

TENDRIL_TEST(server_group, that_hands_over_divides_evenly_however_long_connections_last) {
    hub_group hubs{{.size = 2}};
    server_group servers{hubs, "127.0.0.1:0", echo, {.how = dividing::hand_over}};
    servers.start();
    run([&] {
        auto first = connect_many(servers.local_endpoint(), 10);
        EXPECT_EQ(servers.statistics().each[0].connections, 5U);
        EXPECT_EQ(servers.statistics().each[1].connections, 5U);
        // Those of one hub alone go away; the next ones take their places.
        for (std::size_t number = 0; number < first.size(); number += 2) {
            first[number].close();
        }
        while (servers.statistics().total.connections != 5) {
            sleep_for(1ms);
        }
        auto const second = connect_many(servers.local_endpoint(), 7);
        EXPECT_EQ(servers.statistics().each[0].connections, 6U);
        EXPECT_EQ(servers.statistics().each[1].connections, 6U);
    });
    servers.stop();
}

TENDRIL_TEST(server_group, serves_a_connection_on_one_hub_from_its_begin_to_its_end) {
    for (dividing const how : both_ways) {
        hub_group hubs{{.size = 2}};
        std::atomic<int> moved{0};
        auto const handler = [&](tcp_stream& stream) {
            auto const begun_on = hubs.index_here();
            while (!hear(stream).empty()) {
                moved += hubs.index_here() == begun_on ? 0 : 1;
                say(stream, "x");
            }
        };
        server_group servers{hubs, "127.0.0.1:0", handler, {.how = how}};
        servers.start();
        run([&] {
            tcp_stream client = tcp_stream::connect(servers.local_endpoint());
            for (int lap = 0; lap < 20; ++lap) {
                say(client, "x");
                EXPECT_EQ(hear(client), "x");
            }
        });
        servers.stop();
        EXPECT_EQ(moved, 0);
    }
}

TENDRIL_TEST(server_group, makes_a_handler_for_each_hub_where_it_is_used) {
    hub_group hubs{{.size = 3}};
    std::vector<std::optional<std::size_t>> made_on(3);
    server_group servers{
        hubs,
        "127.0.0.1:0",
        handlers_made_by{[&](std::size_t index) {
            made_on[index] = hubs.index_here();
            return [own = std::make_unique<int>(0)](tcp_stream& stream) {
                say(stream, std::to_string(++*own));
            };
        }},
        {.how = dividing::hand_over}};
    servers.start();
    for (std::size_t index = 0; index < 3; ++index) {
        EXPECT_EQ(made_on[index], index);
    }
    run([&] {
        std::multiset<std::string> heard;
        for (int number = 0; number < 6; ++number) {
            tcp_stream client = tcp_stream::connect(servers.local_endpoint());
            heard.insert(hear(client));
            EXPECT_EQ(hear(client), "");
        }
        EXPECT_EQ(heard.size(), 6U);
        EXPECT_GE(heard.count("1"), 1U);
    });
    servers.stop();
}

TENDRIL_TEST(server_group, stop_waits_for_handlers_and_ends_them_after_the_grace) {
    for (dividing const how : both_ways) {
        hub_group hubs{{.size = 2}};
        std::atomic<int> finished{0};
        std::atomic<int> ended{0};
        std::atomic<bool> is_brief{true};
        auto const handler = [&](tcp_stream& stream) {
            hear(stream);
            say(stream, "x");
            auto const pause = is_brief ? std::chrono::nanoseconds{20ms} : 1h;
            std::string const end = test::outcome_of([&] { sleep_for(pause); });
            ++(end == "returned" ? finished : ended);
        };
        for (bool const patient : {true, false}) {
            is_brief = patient;
            server_group servers{hubs, "127.0.0.1:0", handler, {.how = how}};
            servers.start();
            run([&] {
                std::vector<tcp_stream> clients;
                for (int number = 0; number < 8; ++number) {
                    clients.push_back(tcp_stream::connect(servers.local_endpoint()));
                    say(clients.back(), "x");
                    hear(clients.back());
                }
                tcp_endpoint const where = servers.local_endpoint();
                EXPECT_EQ(servers.stop(patient ? 1h : 0s), patient);
                error_code refused;
                tcp_stream::connect(where, refused);
                EXPECT_TRUE(refused.failed());
            });
        }
        EXPECT_EQ(finished, 8);
        EXPECT_EQ(ended, 8);
    }
}

TENDRIL_TEST(server_group, a_handler_may_take_any_stream_and_knows_whom_it_serves) {
    for (dividing const how : both_ways) {
        hub_group hubs{{.size = 2}};
        auto const tell_peer = [](any_stream& stream) {
            stream.write(boost::asio::buffer(to_string(this_connection.get().peer)));
        };
        server_group servers{hubs, "127.0.0.1:0", tell_peer, {.how = how}};
        servers.start();
        run([&] {
            for (int number = 0; number < 4; ++number) {
                tcp_stream client = tcp_stream::connect(servers.local_endpoint());
                EXPECT_EQ(hear(client), to_string(client.local_endpoint()));
                EXPECT_EQ(hear(client), "");
            }
        });
        EXPECT_TRUE(servers.stop(1h));
        server_group_statistics const numbers = servers.statistics();
        EXPECT_EQ(numbers.total.ended, 4U);
        EXPECT_EQ(numbers.total.failed + numbers.total.killed, 0U);
    }
}

TENDRIL_TEST(server_group, can_be_started_again) {
    hub_group hubs{{.size = 2}};
    server_group servers{hubs, "127.0.0.1:0", echo};
    for (int lap = 0; lap < 3; ++lap) {
        servers.start();
        servers.start();
        run([&] { connect_many(servers.local_endpoint(), 4); });
        EXPECT_TRUE(servers.stop(1h));
        EXPECT_TRUE(servers.stop(1h));
    }
}

TENDRIL_TEST(server_group, a_handler_may_stop_all_and_does_not_wait_for_itself) {
    for (dividing const how : both_ways) {
        hub_group hubs{{.size = 2}};
        std::optional<server_group> servers;
        auto const handler = [&](tcp_stream& stream) {
            hear(stream);
            say(stream, servers->stop(1h) ? "all" : "begun");
        };
        servers.emplace(hubs, "127.0.0.1:0", handler, server_group_options{.how = how});
        servers->start();
        run([&] {
            tcp_stream client = tcp_stream::connect(servers->local_endpoint());
            say(client, "x");
            EXPECT_EQ(hear(client), "begun");
        });
        EXPECT_TRUE(servers->stop(1h));
    }
}

TENDRIL_TEST(server_group, at_its_limit_it_accepts_no_more_and_goes_on_when_one_ends) {
    hub_group hubs{{.size = 2}};
    server_group servers{
        hubs, "127.0.0.1:0", echo, {.how = dividing::hand_over, .each = {.max_connections = 2}}};
    servers.start();
    run([&] {
        auto four = connect_many(servers.local_endpoint(), 4);
        tcp_stream fifth = tcp_stream::connect(servers.local_endpoint());
        say(fifth, "x");
        sleep_for(5ms);
        EXPECT_EQ(servers.statistics().total.connections, 4U);
        four.front().close();
        EXPECT_EQ(hear(fifth), "x");
        EXPECT_EQ(servers.statistics().total.accepted, 5U);
    });
    servers.stop();
}

// Nobody whose connection never reaches a handler may take a place for good.
TENDRIL_TEST(server_group, at_its_limit_it_goes_on_after_connections_that_were_refused) {
    stream_server_options const strange{.max_connections = 1, .proxy = proxy_protocol::required};
    stream_server_options bad_header = strange;
    bad_header.trusted_proxies.add("127.0.0.1");
    stream_server_options const crowded{.max_connections = 2, .max_connections_per_address = 1};
    for (stream_server_options const& each : {strange, bad_header, crowded}) {
        hub_group hubs{{.size = 2}};
        server_group servers{hubs, "127.0.0.1:0", echo, {.how = dividing::hand_over, .each = each}};
        servers.start();
        run([&] {
            bool const some_are_served = each.proxy == proxy_protocol::none;
            auto const served = connect_many(servers.local_endpoint(), some_are_served ? 2 : 0);
            for (int number = 0; number < 6; ++number) {
                tcp_stream client = tcp_stream::connect(servers.local_endpoint());
                error_code error;
                client.write(boost::asio::buffer("no header of a proxy\r\n", 22), error);
                char byte;
                client.read_some_for(boost::asio::buffer(&byte, 1), error, 2s);
                EXPECT_NE(error, errc::timed_out) << number;
                EXPECT_TRUE(error.failed());
            }
        });
        servers.stop();
    }
}

TENDRIL_TEST(server_group, an_address_that_is_taken_is_an_error_and_nobody_listens) {
    run([] {
        tcp_listener const other = tcp_listener::bind("127.0.0.1", 0);
        for (dividing const how : both_ways) {
            for (on_error const errors : {on_error::report, on_error::end_all}) {
                hub_group hubs{{.size = 2, .errors = errors}};
                server_group servers{hubs, to_string(other.local_endpoint()), echo, {.how = how}};
                EXPECT_THROW(servers.start(), system_error);
                EXPECT_FALSE(servers.running());
                EXPECT_THROW(servers.local_endpoint(), misuse);
                EXPECT_FALSE(hubs.closed());
            }
        }
    });
}

TENDRIL_TEST(server_group, a_failing_handler_ends_its_connection_only) {
    for (dividing const how : both_ways) {
        hub_group hubs{{.size = 2, .errors = on_error::end_all}};
        hubs.for_each_hub([](std::size_t) { test::ignore_errors(); });
        auto const handler = [](tcp_stream& stream) {
            hear(stream);
            throw std::runtime_error{"broken"};
        };
        server_group servers{hubs, "127.0.0.1:0", handler, {.how = how}};
        servers.start();
        run([&] {
            for (int number = 0; number < 5; ++number) {
                tcp_stream client = tcp_stream::connect(servers.local_endpoint());
                say(client, "x");
                EXPECT_EQ(hear(client), "");
            }
        });
        EXPECT_TRUE(servers.running());
        EXPECT_TRUE(servers.stop());
    }
}

TENDRIL_TEST(server_group, ends_with_its_hubs) {
    for (dividing const how : both_ways) {
        hub_group hubs{{.size = 2}};
        server_group servers{hubs, "127.0.0.1:0", echo, {.how = how}};
        servers.start();
        run([&] {
            auto clients = connect_many(servers.local_endpoint(), 4);
            hubs.close();
            for (tcp_stream& each : clients) {
                EXPECT_EQ(hear(each), "");
            }
        });
        EXPECT_FALSE(servers.running());
        EXPECT_FALSE(servers.stop());
        EXPECT_THROW(servers.start(), std::system_error);
    }
}

TENDRIL_TEST(server_group, its_destructor_stops_it) {
    for (dividing const how : both_ways) {
        hub_group hubs{{.size = 2}};
        tcp_endpoint where;
        {
            server_group servers{hubs, "127.0.0.1:0", echo, {.how = how}};
            servers.start();
            where = servers.local_endpoint();
        }
        run([&] {
            error_code error;
            tcp_stream::connect(where, error);
            EXPECT_TRUE(error.failed());
        });
    }
}
