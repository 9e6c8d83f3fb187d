// SPDX-License-Identifier: BSL-1.0
#include <harness/datagrams.hpp>
#include <harness/failing_allocations.hpp>
#include <harness/forking.hpp>
#include <tendril/server/datagram_server.hpp>
#include <tendril/sync/event.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <new>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using boost::asio::buffer;
using test::post;
using test::reported_errors;
using test::settle;
using test::take;

auto const send_back = [](std::string_view data, auto const&, auto& reply) {
    reply.send(buffer(data));
};

udp_socket talks_to(datagram_server const& server) {
    return udp_socket::connect(server.local_endpoint());
}

// Takes one that is there, or none.
std::string take_soon(udp_socket& socket) {
    settle();
    std::array<char, 128> data;
    error_code error;
    std::size_t const size = socket.receive_for(buffer(data), error, 0s);
    return {data.data(), size};
}

}  // namespace

TENDRIL_HUB_TEST(datagram_server, answers_each_sender) {
    datagram_server server{"127.0.0.1:0", send_back};
    server.start();
    udp_socket one = talks_to(server);
    udp_socket other = talks_to(server);
    post(other, "other");
    post(one, "one");
    EXPECT_EQ(take(one), "one");
    EXPECT_EQ(take(other), "other");
    EXPECT_EQ(server.statistics().received, 2U);
    EXPECT_EQ(server.statistics().sent, 2U);
    EXPECT_EQ(server.statistics().ended, 2U);
}

TENDRIL_HUB_TEST(datagram_server, tells_who_has_sent_it) {
    udp_endpoint seen;
    datagram_server server{
        "127.0.0.1:0", [&](std::string_view, udp_endpoint const& from, auto&) { seen = from; }};
    server.start();
    udp_socket client = talks_to(server);
    post(client, "x");
    settle();
    EXPECT_EQ(seen, client.local_endpoint());
}

TENDRIL_HUB_TEST(datagram_server, a_datagram_without_content_is_one) {
    int handled = 0;
    datagram_server server{"127.0.0.1:0", [&](std::string_view data, udp_endpoint const&, auto&) {
                               EXPECT_TRUE(data.empty());
                               ++handled;
                           }};
    server.start();
    udp_socket client = talks_to(server);
    post(client, "");
    settle();
    EXPECT_EQ(handled, 1);
}

// Before and at the start.

TENDRIL_HUB_TEST(datagram_server, refuses_an_address_that_cannot_be_read) {
    for (std::string const text : {"", "127.0.0.1:", "::1:80", "127.0.0.1:70000", "unix:/tmp/x"}) {
        auto const make = [&] { datagram_server const server{text, send_back}; };
        EXPECT_EQ(test::code_of(make), errc::bad_name) << text;
    }
    auto const make = [] { unix_datagram_server const server{"127.0.0.1:0", send_back}; };
    EXPECT_EQ(test::code_of(make), errc::bad_name);
}

TENDRIL_HUB_TEST(datagram_server, has_no_address_before_it_runs_and_names_one_that_is_taken) {
    udp_socket const taken = udp_socket::bind("127.0.0.1", 0);
    std::string const address = to_string(taken.local_endpoint());
    datagram_server server{address, send_back};
    EXPECT_THROW(server.local_endpoint(), misuse);
    EXPECT_EQ(test::code_of([&] { server.start(); }), boost::asio::error::address_in_use);
    EXPECT_NE(test::text_of([&] { server.start(); }).find(address), std::string::npos);
    EXPECT_FALSE(server.running());
}

TENDRIL_HUB_TEST(datagram_server, receives_from_a_socket_that_it_is_given) {
    udp_socket given = udp_socket::bind("127.0.0.1", 0);
    udp_endpoint const where = given.local_endpoint();
    datagram_server server{"127.0.0.1:0", send_back};
    server.start(std::move(given));
    EXPECT_EQ(server.local_endpoint(), where);
    udp_socket client = talks_to(server);
    post(client, "x");
    EXPECT_EQ(take(client), "x");
}

TENDRIL_HUB_TEST(datagram_server, a_hook_is_called_before_the_start) {
    datagram_server_options options;
    options.before_start = [] { throw std::runtime_error{"not today"}; };
    datagram_server server{"127.0.0.1:0", send_back, options};
    EXPECT_THROW(server.start(), std::runtime_error);
    EXPECT_THROW(server.start(udp_socket::bind("127.0.0.1", 0)), std::runtime_error);
    EXPECT_FALSE(server.running());
}

TENDRIL_HUB_TEST(datagram_server, without_room_for_a_byte_is_misuse) {
    EXPECT_THROW((datagram_server{"127.0.0.1:0", send_back, {.largest = 0}}), misuse);
}

// Limits.

TENDRIL_HUB_TEST(datagram_server, a_datagram_that_is_too_large_is_dropped_and_counted) {
    datagram_server server{"127.0.0.1:0", send_back, {.largest = 4}};
    server.start();
    udp_socket client = talks_to(server);
    post(client, "five!");
    post(client, "four");
    EXPECT_EQ(take(client), "four");
    EXPECT_EQ(server.statistics().too_large, 1U);
    EXPECT_EQ(server.statistics().received, 1U);
    EXPECT_EQ(server.statistics().receive_errors, 0U);
}

TENDRIL_HUB_TEST(datagram_server, the_largest_datagram_of_udp_arrives_whole) {
    std::size_t size = 0;
    datagram_server server{"127.0.0.1:0", [&](std::string_view data, udp_endpoint const&, auto&) {
                               size = data.size();
                           }};
    server.start();
    udp_socket client = talks_to(server);
    post(client, std::string(65'507, 'x'));
    settle();
    EXPECT_EQ(size, 65'507U);
}

TENDRIL_HUB_TEST(datagram_server, never_runs_more_handlers_than_its_limit) {
    std::size_t at_once = 0;
    std::size_t most = 0;
    datagram_server server{
        "127.0.0.1:0",
        [&](std::string_view data, udp_endpoint const&, auto& reply) {
            most = std::max(most, ++at_once);
            sleep_for(1s);
            --at_once;
            reply.send(buffer(data));
        },
        {.max_handlers = 3}};
    server.start();
    udp_socket client = talks_to(server);
    for (int number = 0; number < 9; ++number) {
        post(client, std::to_string(number));
    }
    settle();
    EXPECT_EQ(server.statistics().handlers, 3U);
    std::multiset<std::string> answers;
    for (int number = 0; number < 9; ++number) {
        answers.insert(take(client));
    }
    EXPECT_EQ(most, 3U);
    EXPECT_EQ(std::set<std::string>(answers.begin(), answers.end()).size(), 9U);
    EXPECT_EQ(clock.elapsed() / 1s, 3);
}

// Replies.

TENDRIL_HUB_TEST(datagram_server, many_handlers_reply_at_once_and_all_replies_leave) {
    event now_all;
    datagram_server server{
        "127.0.0.1:0", [&](std::string_view data, udp_endpoint const&, auto& reply) {
            now_all.wait();
            for (int number = 0; number < 4; ++number) {
                reply.send(buffer(data));
            }
        }};
    server.start();
    udp_socket client = talks_to(server);
    for (int number = 0; number < 20; ++number) {
        post(client, "x");
    }
    settle();
    now_all.set();
    for (int number = 0; number < 80; ++number) {
        ASSERT_EQ(take(client), "x");
    }
    EXPECT_EQ(server.statistics().sent, 80U);
    EXPECT_EQ(server.statistics().failed, 0U);
}

TENDRIL_HUB_TEST(datagram_server, may_answer_somebody_else_and_unasked) {
    udp_socket third = udp_socket::bind("127.0.0.1", 0);
    datagram_server server{
        "127.0.0.1:0", [&](std::string_view data, udp_endpoint const&, auto& reply) {
            reply.send_to(buffer(data), third.local_endpoint());
        }};
    EXPECT_EQ(
        test::code_of([&] { server.send_to(buffer("x", 1), third.local_endpoint()); }),
        errc::closed);
    server.start();
    udp_socket client = talks_to(server);
    post(client, "for the third");
    EXPECT_EQ(take(third), "for the third");
    server.send_to(buffer("unasked", 7), third.local_endpoint());
    EXPECT_EQ(take(third), "unasked");
    std::thread{[&] {
        EXPECT_THROW(server.send_to(buffer("x", 1), udp_endpoint{}), wrong_thread);
    }}.join();
}

// Errors.

TENDRIL_HUB_TEST(datagram_server, an_error_of_a_handler_is_reported_with_its_sender) {
    reported_errors errors;
    datagram_server server{
        "127.0.0.1:0", [](std::string_view data, udp_endpoint const&, auto& reply) {
            if (data == "bad") {
                throw std::runtime_error{"broken handler"};
            }
            reply.send(buffer(data));
        }};
    server.start();
    udp_socket client = talks_to(server);
    post(client, "bad");
    post(client, "good");
    EXPECT_EQ(take(client), "good");
    settle();
    ASSERT_EQ(errors.texts.size(), 1U);
    EXPECT_NE(errors.texts[0].find(to_string(client.local_endpoint())), std::string::npos);
    EXPECT_NE(errors.texts[0].find("broken handler"), std::string::npos) << errors.texts[0];
    EXPECT_EQ(server.statistics().failed, 1U);
}

TENDRIL_HUB_TEST(datagram_server, errors_go_to_the_hook_and_nowhere_else) {
    reported_errors errors;
    std::vector<std::string> told;
    datagram_server_options options;
    options.on_error = [&](std::string const& from, std::exception_ptr error) {
        told.push_back(from + ": " + describe(error));
    };
    datagram_server server{
        "127.0.0.1:0",
        [](std::string_view, udp_endpoint const&, auto&) { throw std::runtime_error{"x"}; },
        options};
    server.start();
    udp_socket client = talks_to(server);
    post(client, "x");
    settle();
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told[0].find(to_string(client.local_endpoint())), 0U);
    EXPECT_TRUE(errors.texts.empty());
}

// Every single allocation between a datagram and its answer fails once.
TENDRIL_HUB_TEST(datagram_server, no_failed_allocation_costs_its_room_or_its_life) {
    reported_errors const errors;
    datagram_server server{"127.0.0.1:0", send_back, {.max_handlers = 1}};
    server.start();
    udp_socket client = talks_to(server);
    int number = 0;
    for (bool failed = true; failed;) {
        ++number;
        post(client, "lost or not, and too long to be kept without an allocation");
        {
            test::failing_allocation const next{number};
            try {
                sleep_for(20ms);
            } catch (std::bad_alloc const&) {}
            failed = next.has_failed();
        }
        while (!take_soon(client).empty()) {}
        post(client, "served");
        ASSERT_EQ(take(client), "served") << "after allocation " << number << " had failed";
    }
    EXPECT_GT(number, 2);
}

// The end.

TENDRIL_HUB_TEST(datagram_server, stop_lets_handlers_reply_and_receives_no_more) {
    datagram_server server{
        "127.0.0.1:0", [](std::string_view data, udp_endpoint const&, auto& reply) {
            sleep_for(3s);
            reply.send(buffer(data));
        }};
    server.start();
    udp_socket client = talks_to(server);
    post(client, "before");
    settle();
    auto stopping = spawn([&] { return server.stop(10s); });
    settle();
    EXPECT_FALSE(server.running());
    post(client, "after");
    EXPECT_TRUE(stopping.get());
    EXPECT_EQ(clock.elapsed() / 1s, 3);
    EXPECT_EQ(take(client), "before");
    EXPECT_EQ(server.statistics().received, 1U);
}

TENDRIL_HUB_TEST(datagram_server, stop_ends_the_handlers_that_run_on_after_the_grace) {
    std::string how;
    datagram_server server{"127.0.0.1:0", [&](std::string_view, udp_endpoint const&, auto&) {
                               how = test::interruption_of([] { sleep_for(1h); });
                           }};
    server.start();
    udp_socket client = talks_to(server);
    post(client, "x");
    settle();
    EXPECT_FALSE(server.stop(5s));
    EXPECT_EQ(how, "exit");
    EXPECT_EQ(clock.elapsed() / 1s, 5);
}

TENDRIL_HUB_TEST(datagram_server, can_be_stopped_at_any_time_and_started_again) {
    datagram_server server{"127.0.0.1:0", send_back};
    EXPECT_TRUE(server.stop());
    for (int lap = 0; lap < 3; ++lap) {
        server.start();
        server.start();
        udp_socket client = talks_to(server);
        post(client, "x");
        EXPECT_EQ(take(client), "x");
        EXPECT_TRUE(server.stop());
        EXPECT_TRUE(server.stop());
    }
}

TENDRIL_HUB_TEST(datagram_server, may_be_stopped_and_destroyed_in_a_handler) {
    std::unique_ptr<datagram_server> server;
    bool gone_on = false;
    server = std::make_unique<datagram_server>(
        "127.0.0.1:0", [&](std::string_view, udp_endpoint const&, auto& reply) {
            EXPECT_TRUE(server->stop(1h));
            server = nullptr;
            error_code error;
            reply.send(buffer("x", 1), error);
            EXPECT_EQ(error, errc::closed);
            gone_on = true;
        });
    server->start();
    udp_socket client = talks_to(*server);
    post(client, "x");
    settle();
    EXPECT_TRUE(gone_on);
}

TENDRIL_HUB_TEST(datagram_server, serve_forever_returns_after_a_stop) {
    datagram_server server{"127.0.0.1:0", send_back};
    auto serving = spawn([&] { server.serve_forever(); });
    settle();
    EXPECT_TRUE(server.running());
    server.stop();
    serving.join();
    EXPECT_TRUE(serving.succeeded());
    std::thread{[&] { EXPECT_THROW(server.stop(), wrong_thread); }}.join();
}

TENDRIL_HUB_TEST(datagram_server, in_the_child_of_a_fork_does_not_run_until_it_is_started) {
    if (!test::can_go_on_in_a_child) {
        GTEST_SKIP() << "ThreadSanitizer does not follow a process with threads into its child";
    }
    datagram_server server{
        "127.0.0.1:0", [](std::string_view data, udp_endpoint const&, auto& reply) {
            sleep_for(1h);
            reply.send(buffer(data));
        }};
    server.start();
    udp_endpoint const where = server.local_endpoint();
    udp_socket client = talks_to(server);
    post(client, "x");
    settle();
    EXPECT_TRUE(test::holds_in_a_child([&] {
        this_hub().reset_after_fork();
        bool const waited_for = !server.running();
        server.start();
        bool const has_it = server.running() && server.local_endpoint() == where;
        return waited_for && has_it && server.statistics().handlers == 0 && server.stop(1h);
    }));
    EXPECT_TRUE(server.running());
    EXPECT_EQ(take(client), "x");
}

// Every single allocation of a start fails once.
TENDRIL_HUB_TEST(datagram_server, a_start_that_fails_closes_the_socket_that_it_was_given) {
    datagram_server server{"127.0.0.1:0", send_back};
    server.start();
    server.stop();
    int number = 0;
    for (bool failed = true; failed;) {
        ++number;
        std::size_t const before = test::count_of_descriptors();
        udp_socket given = udp_socket::bind("127.0.0.1", 0);
        {
            test::failing_allocation const next{number};
            try {
                server.start(std::move(given));
            } catch (std::bad_alloc const&) {}
            failed = next.has_failed();
        }
        EXPECT_EQ(server.running(), !failed);
        EXPECT_EQ(test::count_of_descriptors(), before + (failed ? 0 : 1)) << number;
    }
    EXPECT_GT(number, 1);
}
