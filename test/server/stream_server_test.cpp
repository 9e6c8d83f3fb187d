// SPDX-License-Identifier: BSL-1.0
//
// A server at work. How it ends is in stream_server_stop_test.cpp, what it bears in
// stream_server_faults_test.cpp.
#include <harness/network.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/server/stream_server.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/time/timeout.hpp>

#include <boost/asio/error.hpp>

#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::echo;
using test::hear;
using test::hear_all;
using test::hear_exactly;
using test::reported_errors;
using test::say;
using test::settle;
namespace asio_error = boost::asio::error;

tcp_stream client_of(stream_server const& server) {
    return tcp_stream::connect(server.local_endpoint());
}

// Runs one connection with a handler, and returns what the hub has been told.
test::transcript errors_of(std::function<void(tcp_stream&)> handler) {
    reported_errors errors;
    stream_server server{"127.0.0.1:0", [&](tcp_stream& stream) { handler(stream); }};
    server.start();
    tcp_stream client = client_of(server);
    settle();
    client.close();
    settle();
    server.stop();
    return errors.texts;
}

}  // namespace

// Before and at the start.

TENDRIL_HUB_TEST(stream_server, binds_nothing_before_it_starts) {
    std::string const port = std::to_string(test::deserted_endpoint().port());
    stream_server one{"127.0.0.1:" + port, echo};
    stream_server other{"127.0.0.1:" + port, echo};
    EXPECT_FALSE(one.running());
    other.start();
    EXPECT_TRUE(other.running());
}

TENDRIL_HUB_TEST(stream_server, refuses_an_address_that_cannot_be_read_and_names_it) {
    for (std::string const text : {"", "127.0.0.1:", "::1:80", "127.0.0.1:70000", "x:y:z"}) {
        auto const make = [&] { stream_server const server{text, echo}; };
        EXPECT_EQ(test::code_of(make), errc::bad_name) << text;
    }
    auto const make = [] { stream_server const server{"127.0.0.1:70000", echo}; };
    EXPECT_NE(test::text_of(make).find("70000"), std::string::npos);
}

TENDRIL_HUB_TEST(stream_server, has_no_address_before_it_runs) {
    stream_server const server{"127.0.0.1:0", echo};
    EXPECT_THROW(server.local_endpoint(), misuse);
}

TENDRIL_HUB_TEST(stream_server, knows_the_port_it_was_given) {
    stream_server server{"127.0.0.1:0", echo};
    server.start();
    EXPECT_NE(server.local_endpoint().port(), 0);
    EXPECT_EQ(server.local_endpoint().address().to_string(), "127.0.0.1");
}

TENDRIL_HUB_TEST(stream_server, a_second_start_changes_nothing) {
    stream_server server{"127.0.0.1:0", echo};
    server.start();
    tcp_endpoint const address = server.local_endpoint();
    server.start();
    EXPECT_EQ(server.local_endpoint(), address);
}

TENDRIL_HUB_TEST(stream_server, accepts_from_a_listener_that_it_is_given) {
    tcp_listener given = tcp_listener::bind("127.0.0.1", 0);
    tcp_endpoint const address = given.local_endpoint();
    stream_server server{"127.0.0.1:0", echo};
    server.start(std::move(given));
    EXPECT_EQ(server.local_endpoint(), address);
    tcp_stream client = client_of(server);
    say(client, "x");
    EXPECT_EQ(hear(client), "x");
    server.stop();
    EXPECT_FALSE(server.running());
}

TENDRIL_HUB_TEST(stream_server, one_that_runs_closes_a_listener_that_it_is_given) {
    tcp_listener given = tcp_listener::bind("127.0.0.1", 0);
    tcp_endpoint const unused = given.local_endpoint();
    stream_server server{"127.0.0.1:0", echo};
    server.start();
    server.start(std::move(given));
    EXPECT_NE(server.local_endpoint(), unused);
    EXPECT_EQ(test::code_of([&] { tcp_stream::connect(unused); }), asio_error::connection_refused);
}

TENDRIL_HUB_TEST(stream_server, a_taken_port_is_an_error_that_names_the_address) {
    tcp_listener taken = tcp_listener::bind("127.0.0.1", 0);
    std::string const address = to_string(taken.local_endpoint());
    stream_server server{address, echo};
    EXPECT_EQ(test::code_of([&] { server.start(); }), asio_error::address_in_use);
    EXPECT_NE(test::text_of([&] { server.start(); }).find(address), std::string::npos);
    EXPECT_FALSE(server.running());
    taken.close();
    server.start();
    EXPECT_TRUE(server.running());
}

TENDRIL_HUB_TEST(stream_server, without_a_host_serves_every_address) {
    stream_server server{":0", echo};
    server.start();
    auto client = tcp_stream::connect("127.0.0.1", server.local_endpoint().port());
    say(client, "anywhere");
    EXPECT_EQ(hear(client), "anywhere");
}

// Serving.

TENDRIL_HUB_TEST(stream_server, serves_each_connection_by_itself) {
    stream_server server{"127.0.0.1:0", echo};
    server.start();
    tcp_stream one = client_of(server);
    tcp_stream other = client_of(server);
    say(other, "other");
    EXPECT_EQ(hear(other), "other");
    say(one, "one");
    EXPECT_EQ(hear(one), "one");
}

TENDRIL_HUB_TEST(stream_server, closes_the_stream_when_the_handler_returns) {
    stream_server server{"127.0.0.1:0", [](tcp_stream& stream) { say(stream, "bye"); }};
    server.start();
    tcp_stream client = client_of(server);
    EXPECT_EQ(hear_all(client), "bye");
    EXPECT_EQ(test::read_error(client), asio_error::eof);
}

TENDRIL_HUB_TEST(stream_server, a_handler_may_keep_the_stream) {
    tcp_stream kept;
    stream_server server{"127.0.0.1:0", [&](tcp_stream& stream) { kept = std::move(stream); }};
    server.start();
    tcp_stream client = client_of(server);
    settle();
    say(kept, "kept");
    EXPECT_EQ(hear(client), "kept");
    EXPECT_EQ(server.statistics().connections, 0U);
}

TENDRIL_HUB_TEST(stream_server, serves_a_thousand_connections_at_once) {
    stream_server server{"127.0.0.1:0", echo};
    server.start();
    std::vector<tcp_stream> clients;
    for (int count = 0; count < 1000; ++count) {
        clients.push_back(test::connect_at_once(server.local_endpoint()));
    }
    for (std::size_t number = 0; number < clients.size(); ++number) {
        say(clients[number], std::to_string(number));
    }
    for (std::size_t number = 0; number < clients.size(); ++number) {
        ASSERT_EQ(hear(clients[number]), std::to_string(number));
    }
    EXPECT_EQ(server.statistics().connections, 1000U);
    EXPECT_EQ(server.statistics().accepted, 1000U);
}

TENDRIL_HUB_TEST(stream_server, two_servers_work_beside_each_other) {
    stream_server one{"127.0.0.1:0", [](tcp_stream& stream) { say(stream, "one"); }};
    stream_server other{"127.0.0.1:0", [](tcp_stream& stream) { say(stream, "other"); }};
    one.start();
    other.start();
    tcp_stream client_of_one = client_of(one);
    tcp_stream client_of_other = client_of(other);
    EXPECT_EQ(hear_all(client_of_other), "other");
    one.stop();
    EXPECT_EQ(hear_all(client_of_one), "one");
    EXPECT_TRUE(other.running());
}

TENDRIL_HUB_TEST(stream_server, counts_what_is_open_and_what_was_accepted) {
    stream_server server{"127.0.0.1:0", echo};
    server.start();
    tcp_stream one = client_of(server);
    tcp_stream other = client_of(server);
    settle();
    EXPECT_EQ(server.statistics().connections, 2U);
    one.close();
    settle();
    EXPECT_EQ(server.statistics().connections, 1U);
    EXPECT_EQ(server.statistics().accepted, 2U);
    EXPECT_EQ(server.statistics().accept_errors, 0U);
}

// What a handler throws.

TENDRIL_HUB_TEST(stream_server, an_error_of_a_handler_is_reported_once) {
    auto const texts = errors_of([](tcp_stream&) { throw std::runtime_error{"broken handler"}; });
    ASSERT_EQ(texts.size(), 1U);
    EXPECT_NE(texts[0].find("broken handler"), std::string::npos) << texts[0];
}

TENDRIL_HUB_TEST(stream_server, what_is_no_exception_of_the_library_is_reported_too) {
    EXPECT_EQ(errors_of([](tcp_stream&) { throw 42; }).size(), 1U);
}

TENDRIL_HUB_TEST(stream_server, an_error_ends_its_own_connection_only) {
    reported_errors const errors;
    stream_server server{"127.0.0.1:0", [](tcp_stream& stream) {
                             echo(stream);
                             throw std::runtime_error{"at the end"};
                         }};
    server.start();
    tcp_stream one = client_of(server);
    tcp_stream other = client_of(server);
    one.shutdown_send();
    EXPECT_EQ(hear_all(one), "");
    say(other, "unharmed");
    EXPECT_EQ(hear(other), "unharmed");
    EXPECT_EQ(errors.texts.size(), 1U);
    tcp_stream next = client_of(server);
    say(next, "served");
    EXPECT_EQ(hear(next), "served");
}

TENDRIL_HUB_TEST(stream_server, the_ordinary_ends_of_a_connection_are_not_reported) {
    std::pair<char const*, error_code> const ends[] = {
        {"end of file", asio_error::eof},
        {"reset", asio_error::connection_reset},
        {"broken pipe", asio_error::broken_pipe},
        {"aborted", asio_error::connection_aborted},
        {"given up by the kernel", asio_error::timed_out},
        {"closed", io_error(errc::closed)},
        {"broken off", io_error(errc::broken)},
    };
    for (auto const& [name, code] : ends) {
        EXPECT_TRUE(
            errors_of([&, given = code](tcp_stream&) { throw system_error{given}; }).empty())
            << name;
    }
}

TENDRIL_HUB_TEST(stream_server, other_errors_of_the_system_are_reported) {
    for (error_code const code :
         {error_code{asio_error::no_descriptors}, error_code{asio_error::connection_refused},
          io_error(errc::busy)}) {
        EXPECT_EQ(errors_of([&](tcp_stream&) { throw system_error{code}; }).size(), 1U) << code;
    }
}

TENDRIL_HUB_TEST(stream_server, a_reading_handler_whose_client_goes_is_no_error) {
    EXPECT_TRUE(errors_of([](tcp_stream& stream) {
                    char data[16];
                    while (true) {
                        stream.read_some(boost::asio::buffer(data));
                    }
                }).empty());
}

// The limit.

TENDRIL_HUB_TEST(stream_server, at_its_limit_the_next_connection_waits_in_the_kernel) {
    stream_server server{"127.0.0.1:0", echo, {.max_connections = 2}};
    server.start();
    tcp_stream one = client_of(server);
    tcp_stream two = client_of(server);
    tcp_stream three = client_of(server);
    say(three, "patience");
    settle();
    EXPECT_EQ(server.statistics().accepted, 2U);
    one.close();
    EXPECT_EQ(hear(three), "patience");
    EXPECT_EQ(server.statistics().accepted, 3U);
    EXPECT_EQ(server.statistics().connections, 2U);
}

TENDRIL_HUB_TEST(stream_server, never_has_more_connections_than_its_limit) {
    std::size_t open = 0;
    std::size_t most = 0;
    auto const handler = [&](tcp_stream&) {
        most = std::max(most, ++open);
        sleep_for(1s);
        --open;
    };
    stream_server server{"127.0.0.1:0", handler, {.max_connections = 3}};
    server.start();
    std::vector<tcp_stream> clients;
    for (int count = 0; count < 10; ++count) {
        clients.push_back(client_of(server));
    }
    for (tcp_stream& client : clients) {
        EXPECT_EQ(hear_all(client), "");
    }
    EXPECT_EQ(most, 3U);
    EXPECT_EQ(server.statistics().accepted, 10U);
}

TENDRIL_HUB_TEST(stream_server, however_a_connection_ends_the_next_one_is_served) {
    reported_errors const errors;
    int number = 0;
    auto const handler = [&](tcp_stream& stream) {
        switch (number++) {
        case 0:
            throw std::runtime_error{"by an error"};
        case 1:
            throw cancelled{};
        case 2:
            throw greenlet_exit{};
        default:
            say(stream, "served");
        }
    };
    stream_server server{"127.0.0.1:0", handler, {.max_connections = 1}};
    server.start();
    for (int count = 0; count < 3; ++count) {
        tcp_stream client = client_of(server);
        EXPECT_EQ(hear_all(client), "");
    }
    tcp_stream last = client_of(server);
    EXPECT_EQ(hear_all(last), "served");
    EXPECT_EQ(errors.texts.size(), 1U);
}

// Serving for ever.

TENDRIL_HUB_TEST(stream_server, serve_forever_starts_and_returns_when_somebody_stops_it) {
    stream_server server{"127.0.0.1:0", echo};
    auto serving = spawn([&] { server.serve_forever(); });
    settle();
    EXPECT_TRUE(server.running());
    server.stop();
    serving.join();
    EXPECT_TRUE(serving.succeeded());
}

TENDRIL_HUB_TEST(stream_server, serve_forever_that_is_interrupted_stops_without_grace) {
    stream_server server{"127.0.0.1:0", echo};
    auto serving = spawn([&] { server.serve_forever(); });
    settle();
    tcp_stream client = client_of(server);
    settle();
    serving.cancel();
    serving.join();
    EXPECT_TRUE(serving.was_cancelled());
    EXPECT_FALSE(server.running());
    EXPECT_EQ(hear_all(client), "");
    EXPECT_EQ(clock.elapsed() / 1ms, 0);
}

TENDRIL_HUB_TEST(stream_server, serve_forever_throws_what_the_start_throws) {
    tcp_listener const taken = tcp_listener::bind("127.0.0.1", 0);
    stream_server server{to_string(taken.local_endpoint()), echo};
    EXPECT_EQ(test::code_of([&] { server.serve_forever(); }), asio_error::address_in_use);
}
