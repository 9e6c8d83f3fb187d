// SPDX-License-Identifier: BSL-1.0
#include <harness/forked_servers.hpp>
#include <harness/network.hpp>
#include <harness/own_folder.hpp>
#include <harness/secured.hpp>
#include <tendril/server/tls_server.hpp>
#include <tendril/sync/event.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>

#include <unistd.h>

#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::good_client;
using test::good_server;
using test::reported_errors;
using test::settle;

// Over any stream, and over one that is encrypted.
template <typename Stream>
void echo_secured(Stream& stream) {
    char data[64];
    error_code error;
    std::size_t size = stream.read_some(boost::asio::buffer(data), error);
    while (!error.failed()) {
        stream.write(boost::asio::buffer(data, size));
        size = stream.read_some(boost::asio::buffer(data), error);
    }
}

tls_stream secured_client(tcp_endpoint const& where, tls_context const& context) {
    tcp_stream plain = tcp_stream::connect(where);
    return tls_stream::client(std::move(plain), context, "good.test");
}
tls_stream secured_client(tls_server const& server) {
    static tls_context const context = good_client();
    return secured_client(server.local_endpoint(), context);
}

std::string ask(tls_stream& stream, std::string_view question) {
    stream.write(boost::asio::buffer(question));
    char answer[64];
    error_code error;
    std::size_t const size = stream.read_some(boost::asio::buffer(answer), error);
    return error.failed() ? error.message() : std::string{answer, size};
}

error_code end_of(tls_stream& stream) {
    char data[64];
    error_code error;
    while (!error.failed()) {
        stream.read_some(boost::asio::buffer(data), error);
    }
    return error;
}

}  // namespace

TENDRIL_HUB_TEST(tls_server, serves_clients_that_trust_it) {
    tls_server server{"127.0.0.1:0", good_server(), echo_secured<tls_stream>};
    server.start();
    EXPECT_TRUE(server.running());
    tls_stream client = secured_client(server);
    EXPECT_EQ(ask(client, "secret"), "secret");
    client.close();
    settle();
    tls_server_statistics const numbers = server.statistics();
    EXPECT_EQ(numbers.handshakes, 1U);
    EXPECT_EQ(numbers.failed_handshakes, 0U);
    EXPECT_EQ(numbers.server.accepted, 1U);
    EXPECT_EQ(numbers.server.ended, 1U);
}

TENDRIL_HUB_TEST(tls_server, a_handler_may_take_any_stream) {
    bool is_tls = false;
    tls_server server{"127.0.0.1:0", good_server(), [&](any_stream& stream) {
                          is_tls = stream.target<tls_stream>() != nullptr;
                          echo_secured(stream);
                      }};
    server.start();
    tls_stream client = secured_client(server);
    EXPECT_EQ(ask(client, "any"), "any");
    EXPECT_TRUE(is_tls);
    client.close();
}

TENDRIL_HUB_TEST(tls_server, works_at_a_unix_socket) {
    std::string const name = "@tendril-tls-" + std::to_string(::getpid());
    tls_server server{"unix:" + name, good_server(), echo_secured<tls_stream>};
    server.start();
    EXPECT_EQ(server.local_address(), "unix:" + name);
    tls_stream client = tls_stream::client(unix_stream::connect(name), good_client(), "good.test");
    EXPECT_EQ(ask(client, "local"), "local");
    client.close();
}

TENDRIL_HUB_TEST(tls_server, needs_a_context) {
    EXPECT_THROW((tls_server{"127.0.0.1:0", tls_context{}, echo_secured<tls_stream>}), misuse);
    tls_server server{"127.0.0.1:0", good_server(), echo_secured<tls_stream>};
    EXPECT_THROW(server.set_context(tls_context{}), misuse);
}

// The end of a connection.

TENDRIL_HUB_TEST(tls_server, closes_in_order_when_the_handler_returns) {
    tls_server server{"127.0.0.1:0", good_server(), [](tls_stream& stream) {
                          stream.write(boost::asio::buffer("bye", 3));
                      }};
    server.start();
    tls_stream client = secured_client(server);
    EXPECT_EQ(end_of(client), boost::asio::error::eof);
}

TENDRIL_HUB_TEST(tls_server, cuts_off_when_the_handler_throws) {
    reported_errors errors;
    tls_server server{"127.0.0.1:0", good_server(), [](tls_stream& stream) {
                          stream.write(boost::asio::buffer("half", 4));
                          throw std::runtime_error{"in the middle"};
                      }};
    server.start();
    tls_stream client = secured_client(server);
    EXPECT_NE(end_of(client), boost::asio::error::eof);
    settle();
    ASSERT_EQ(errors.texts.size(), 1U);
    EXPECT_NE(errors.texts[0].find("in the middle"), std::string::npos);
    EXPECT_EQ(server.statistics().server.failed, 1U);
}

// It may be that of a stream to somebody else, as in a proxy.
TENDRIL_HUB_TEST(tls_server, cuts_off_when_an_end_that_is_not_its_clients_leaves_the_handler) {
    reported_errors errors;
    tls_server server{"127.0.0.1:0", good_server(), [](tls_stream& stream) {
                          stream.write(boost::asio::buffer("half", 4));
                          throw system_error{boost::asio::error::eof};
                      }};
    server.start();
    tls_stream client = secured_client(server);
    EXPECT_NE(end_of(client), boost::asio::error::eof);
    settle();
    EXPECT_TRUE(errors.texts.empty());
    EXPECT_EQ(server.statistics().server.ended, 1U);
}

TENDRIL_HUB_TEST(tls_server, a_client_that_ends_or_is_cut_off_is_no_error) {
    reported_errors const errors;
    tls_server server{"127.0.0.1:0", good_server(), [](tls_stream& stream) {
                          char data[16];
                          while (true) {
                              stream.read_some(boost::asio::buffer(data));
                          }
                      }};
    server.start();
    tls_stream polite = secured_client(server);
    polite.handshake();
    polite.shutdown_for(1s);
    tls_stream rude = secured_client(server);
    rude.handshake();
    settle();
    rude.abort();
    settle();
    EXPECT_TRUE(errors.texts.empty());
    EXPECT_EQ(server.statistics().server.ended, 2U);
    EXPECT_EQ(server.statistics().server.connections, 0U);
}

// Handshakes.

TENDRIL_HUB_TEST(tls_server, one_who_is_silent_in_the_handshake_holds_up_nobody) {
    tls_server server{"127.0.0.1:0", good_server(), echo_secured<tls_stream>};
    server.start();
    tcp_stream silent = tcp_stream::connect(server.local_endpoint());
    settle();
    tls_stream client = secured_client(server);
    EXPECT_EQ(ask(client, "served"), "served");
    EXPECT_EQ(clock.elapsed() / 1ms, 0);
    client.close();
    EXPECT_EQ(test::hear_all(silent), "");
    EXPECT_EQ(clock.elapsed() / 1s, 10);
    EXPECT_EQ(server.statistics().failed_handshakes, 1U);
    EXPECT_EQ(server.statistics().server.connections, 0U);
}

TENDRIL_HUB_TEST(tls_server, a_handshake_that_fails_is_counted_and_reported_to_nobody) {
    reported_errors const errors;
    int handlers = 0;
    tls_server server{"127.0.0.1:0", good_server(), [&](tls_stream&) { ++handlers; }};
    server.start();
    tcp_stream plain = tcp_stream::connect(server.local_endpoint());
    test::say(plain, "GET / HTTP/1.1\r\nHost: good.test\r\n\r\n");
    test::hear_all(plain);
    tls_stream doubtful = secured_client(server.local_endpoint(), tls_context::client());
    error_code error;
    doubtful.handshake(error);
    EXPECT_TRUE(error.failed());
    { tcp_stream const gone = tcp_stream::connect(server.local_endpoint()); }
    settle();
    EXPECT_EQ(server.statistics().failed_handshakes, 3U);
    EXPECT_EQ(server.statistics().server.connections, 0U);
    EXPECT_EQ(handlers, 0);
    EXPECT_TRUE(errors.texts.empty());
}

TENDRIL_HUB_TEST(tls_server, the_limit_of_a_handshake_is_an_option) {
    tls_server server{
        "127.0.0.1:0", good_server(), echo_secured<tls_stream>, {.handshake_limit = 2s}};
    server.start();
    tcp_stream silent = tcp_stream::connect(server.local_endpoint());
    EXPECT_EQ(test::hear_all(silent), "");
    EXPECT_EQ(clock.elapsed() / 1s, 2);
}

TENDRIL_HUB_TEST(tls_server, another_context_is_for_later_connections) {
    tls_server server{"127.0.0.1:0", good_server({.protocols = {"one"}}), echo_secured<tls_stream>};
    server.start();
    tls_context const context = good_client({.protocols = {"two", "one"}});
    tls_stream before = secured_client(server.local_endpoint(), context);
    EXPECT_EQ(ask(before, "x"), "x");
    EXPECT_EQ(before.alpn(), "one");
    server.set_context(good_server({.protocols = {"two"}}));
    tls_stream after = secured_client(server.local_endpoint(), context);
    EXPECT_EQ(ask(after, "y"), "y");
    EXPECT_EQ(after.alpn(), "two");
    EXPECT_EQ(ask(before, "z"), "z");
    before.close();
    after.close();
}

// The end of the server.

TENDRIL_HUB_TEST(tls_server, stop_ends_handshakes_and_handlers_after_the_grace) {
    tls_server server{"127.0.0.1:0", good_server(), echo_secured<tls_stream>};
    server.start();
    tcp_stream silent = tcp_stream::connect(server.local_endpoint());
    tls_stream client = secured_client(server);
    EXPECT_EQ(ask(client, "x"), "x");
    EXPECT_FALSE(server.stop(3s));
    EXPECT_EQ(clock.elapsed() / 1s, 3);
    EXPECT_EQ(test::hear_all(silent), "");
    EXPECT_NE(end_of(client), boost::asio::error::eof);
    EXPECT_EQ(server.statistics().server.killed, 2U);
}

TENDRIL_HUB_TEST(tls_server, can_be_stopped_and_destroyed_in_a_handler) {
    std::unique_ptr<tls_server> server;
    server = std::make_unique<tls_server>("127.0.0.1:0", good_server(), [&](tls_stream& stream) {
        server->stop(1h);
        server = nullptr;
        stream.write(boost::asio::buffer("last", 4));
    });
    server->start();
    tls_stream client = secured_client(*server);
    EXPECT_EQ(end_of(client), boost::asio::error::eof);
    EXPECT_EQ(server, nullptr);
}

TENDRIL_HUB_TEST(tls_server, the_child_of_a_fork_leaves_connections_to_the_parent) {
    if (!test::can_go_on_in_a_child) {
        GTEST_SKIP() << "ThreadSanitizer does not follow a process with threads into its child";
    }
    tls_server server{"127.0.0.1:0", good_server(), echo_secured<tls_stream>};
    server.start();
    tls_stream client = secured_client(server);
    EXPECT_EQ(ask(client, "x"), "x");
    EXPECT_TRUE(test::holds_in_a_child([&] {
        this_hub().reset_after_fork();
        return server.stop(1h) && server.statistics().server.connections == 0;
    }));
    EXPECT_EQ(ask(client, "y"), "y");
    client.close();
}

// Where its connections come from.

TENDRIL_HUB_TEST(tls_server, takes_a_listener_and_gives_it_away) {
    tls_server server{"127.0.0.1:0", good_server(), echo_secured<tls_stream>};
    server.start(tcp_listener::bind("127.0.0.1", 0));
    tcp_endpoint const where = server.local_endpoint();
    EXPECT_EQ(server.local_address(), to_string(where));
    tls_stream before = secured_client(server);
    EXPECT_EQ(ask(before, "x"), "x");
    int const own = server.native_handle();
    int const descriptor = server.release_listener();
    EXPECT_GE(own, 0);
    EXPECT_FALSE(server.running());
    tls_server next{"127.0.0.1:0", good_server(), echo_secured<tls_stream>};
    next.start(tcp_listener::adopt(descriptor));
    EXPECT_EQ(next.local_endpoint(), where);
    tls_stream after = secured_client(next);
    EXPECT_EQ(ask(after, "y"), "y");
    EXPECT_EQ(ask(before, "z"), "z");
    before.close();
    after.close();
    EXPECT_TRUE(next.stop(deadline::after(1h)));
    EXPECT_TRUE(server.stop(1h));
}

TENDRIL_HUB_TEST(tls_server, serves_a_path) {
    test::own_folder const folder;
    std::string const path = folder.file("socket");
    tls_server server{"127.0.0.1:0", good_server(), echo_secured<tls_stream>};
    server.start(unix_listener::bind(path));
    tls_stream client = tls_stream::client(unix_stream::connect(path), good_client(), "good.test");
    EXPECT_EQ(ask(client, "x"), "x");
    client.close();
    EXPECT_TRUE(server.stop(1h));
}

TENDRIL_HUB_TEST(tls_server, serves_what_somebody_else_has_accepted) {
    tls_server server{"127.0.0.1:0", good_server(), echo_secured<tls_stream>};
    tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
    tls_stream by_tcp = tls_stream::client(
        tcp_stream::connect(listener.local_endpoint()), good_client(), "good.test");
    server.serve(listener.accept());
    EXPECT_EQ(ask(by_tcp, "x"), "x");
    auto [here, there] = unix_stream::pair();
    tls_stream by_path = tls_stream::client(std::move(here), good_client(), "good.test");
    server.serve(std::move(there));
    EXPECT_EQ(ask(by_path, "y"), "y");
    EXPECT_EQ(server.statistics().handshakes, 2U);
    by_tcp.close();
    by_path.close();
    EXPECT_TRUE(server.stop(1h));
}

TENDRIL_HUB_TEST(tls_server, may_pause_and_serve_until_it_is_stopped) {
    tls_server server{"127.0.0.1:0", good_server(), echo_secured<tls_stream>};
    auto serving = spawn([&] { server.serve_forever(); });
    settle();
    server.stop_accepting();
    tcp_stream plain = test::connect_at_once(server.local_endpoint());
    settle();
    EXPECT_EQ(server.statistics().server.accepted, 0U);
    server.start_accepting();
    tls_stream client = tls_stream::client(std::move(plain), good_client(), "good.test");
    EXPECT_EQ(ask(client, "x"), "x");
    EXPECT_FALSE(serving.done());
    client.close();
    EXPECT_TRUE(server.stop());
    serving.join();
}

TENDRIL_HUB_TEST(tls_server, a_handshake_that_is_misused_counts_as_one_that_failed) {
    reported_errors const errors;
    tls_server server{
        "127.0.0.1:0", good_server({.choose = [](std::string const&) -> tls_context {
            throw std::runtime_error{"no certificate today"};
        }}),
        echo_secured<tls_stream>};
    server.start();
    tcp_stream plain = tcp_stream::connect(server.local_endpoint());
    EXPECT_NE(
        test::code_of(
            [&] { tls_stream::client(std::move(plain), good_client(), "good.test").handshake(); }),
        error_code{});
    EXPECT_EQ(server.statistics().failed_handshakes, 1U);
    ASSERT_EQ(errors.texts.size(), 1U);
    EXPECT_TRUE(test::contains(errors.texts[0], "no certificate today"));
}

TENDRIL_HUB_TEST(tls_server, a_truncation_that_leaves_a_handler_is_no_error) {
    reported_errors const errors;
    tls_server server{"127.0.0.1:0", good_server(), [](tls_stream& stream) {
                          char data[8];
                          while (true) {
                              stream.read_some(boost::asio::buffer(data));
                          }
                      }};
    server.start();
    tcp_stream plain = tcp_stream::connect(server.local_endpoint());
    any_stream lent{std::ref(plain)};
    tls_stream client = tls_stream::client(std::move(lent), good_client(), "good.test");
    client.write(boost::asio::buffer("x", 1));
    settle();
    plain.close();
    settle();
    EXPECT_EQ(server.statistics().server.connections, 0U);
    EXPECT_TRUE(errors.texts.empty());
}

TENDRIL_HUB_TEST(tls_server, stop_tells_the_handlers_by_the_end_of_their_input) {
    error_code heard;
    auto const say_bye = [&](tls_stream& stream) {
        char data[8];
        stream.read_some(boost::asio::buffer(data));
        stream.read_some(boost::asio::buffer(data), heard);
        stream.write(boost::asio::buffer("bye", 3));
    };
    tls_server server{
        "127.0.0.1:0", good_server(), say_bye, {.server = {.end_input_at_stop = true}}};
    server.start();
    tls_stream client = secured_client(server);
    client.write(boost::asio::buffer("x", 1));
    settle();
    EXPECT_TRUE(server.stop(10s));
    EXPECT_EQ(heard, boost::asio::error::eof);
    EXPECT_EQ(test::hear_all(client), "bye" + test::eof_said());
    EXPECT_EQ(clock.elapsed() / 1s, 0);
}

// Streams that a handler of a server in the clear has upgraded.

TENDRIL_HUB_TEST(tls_server, a_stream_that_was_upgraded_ends_in_order_unless_its_handler_throws) {
    reported_errors const errors;
    for (bool const throws : {false, true}) {
        stream_server server{"127.0.0.1:0", [&](any_stream& stream) {
                                 stream = any_stream{
                                     tls_stream::server(std::move(stream), good_server())};
                                 stream.write(boost::asio::buffer("bye", 3));
                                 if (throws) {
                                     throw std::runtime_error{"in the middle"};
                                 }
                             }};
        server.start();
        tls_stream client = secured_client(server.local_endpoint(), good_client());
        EXPECT_EQ(
            test::hear_all(client), "bye" + (throws ? test::truncated_said() : test::eof_said()));
    }
}

TENDRIL_HUB_TEST(tls_server, the_child_of_a_fork_leaves_upgraded_streams_to_the_parent) {
    if (!test::can_go_on_in_a_child) {
        GTEST_SKIP() << "ThreadSanitizer does not follow a process with threads into its child";
    }
    stream_server server{"127.0.0.1:0", [](any_stream& stream) {
                             stream = any_stream{
                                 tls_stream::server(std::move(stream), good_server())};
                             echo_secured(stream);
                         }};
    server.start();
    tls_stream client = secured_client(server.local_endpoint(), good_client());
    EXPECT_EQ(ask(client, "x"), "x");
    EXPECT_TRUE(test::holds_in_a_child([&] {
        this_hub().reset_after_fork();
        std::size_t const before = test::count_of_descriptors();
        bool const stopped = server.stop(1h) && server.statistics().connections == 0;
        // The listener and the connection.
        return stopped && test::count_of_descriptors() + 2 == before;
    }));
    EXPECT_EQ(ask(client, "y"), "y");
    client.close();
}
