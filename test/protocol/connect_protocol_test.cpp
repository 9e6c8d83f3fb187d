// SPDX-License-Identifier: BSL-1.0
#include <harness/network.hpp>
#include <harness/protocols.hpp>
#include <tendril/protocol/connect_protocol.hpp>
#include <tendril/sync/event.hpp>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using tendril::testing::settle;
using test::deeds;
using test::transcript;

}  // namespace

TENDRIL_HUB_TEST(connect_protocol, returns_when_the_protocol_has_been_told) {
    tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
    transcript seen;
    auto [connection, handler] = connect_protocol(listener.local_endpoint(), [&] {
        return std::make_shared<test::noting_protocol>(seen, deeds{});
    });
    EXPECT_EQ(seen, transcript{"made"});
    EXPECT_EQ(handler->connection, connection);
    tcp_stream peer = listener.accept();
    connection.write("hello");
    EXPECT_EQ(test::hear(peer), "hello");
    test::say(peer, "there");
    peer.close();
    connection.wait_closed();
    EXPECT_EQ(seen, (transcript{"made", "data there", "eof", "lost"}));
}

TENDRIL_HUB_TEST(connect_protocol, finds_hosts_by_name_and_takes_unique_pointers) {
    tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
    transcript seen;
    auto const connected = connect_protocol(
        "127.0.0.1", std::to_string(listener.local_endpoint().port()),
        [&] { return std::make_unique<test::noting_protocol>(seen, deeds{}); });
    EXPECT_EQ(seen, transcript{"made"});
    connected.handler->connection.abort();
    connected.handler->connection.wait_closed();
}

TENDRIL_HUB_TEST(connect_protocol, makes_no_protocol_where_nobody_listens) {
    bool made = false;
    EXPECT_EQ(
        test::code_of([&] {
            connect_protocol(test::deserted_endpoint(), [&] {
                made = true;
                return std::shared_ptr<test::noting_protocol>{};
            });
        }),
        boost::asio::error::connection_refused);
    EXPECT_FALSE(made);
}

TENDRIL_HUB_TEST(connect_protocol, a_factory_that_throws_closes_the_connection) {
    tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
    EXPECT_EQ(
        test::outcome_of([&] {
            connect_protocol(
                listener.local_endpoint(), []() -> std::unique_ptr<test::noting_protocol> {
                    throw std::runtime_error{"mine"};
                });
        }),
        "mine");
    tcp_stream peer = listener.accept();
    EXPECT_EQ(test::hear_all(peer), "");
}

TENDRIL_HUB_TEST(connect_protocol, one_that_is_interrupted_ends_the_connection) {
    tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
    transcript seen;
    event go;
    auto connecting = spawn([&] {
        return test::outcome_of([&] {
            connect_protocol(listener.local_endpoint(), [&] {
                return std::make_shared<test::noting_protocol>(
                    seen, deeds{.made = [&](auto&) { go.wait(); }});
            });
        });
    });
    tcp_stream peer = listener.accept();
    settle();
    EXPECT_EQ(seen, transcript{"made"});
    connecting.cancel();
    EXPECT_EQ(connecting.get(), "cancelled");
    go.set();
    EXPECT_EQ(test::hear_all(peer), "");
    settle();
    EXPECT_EQ(seen, (transcript{"made", "lost"}));
}

TENDRIL_HUB_TEST(connect_protocol, returns_also_when_the_first_call_throws) {
    test::reported_errors errors;
    tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
    transcript seen;
    auto [connection, handler] = connect_protocol(listener.local_endpoint(), [&] {
        return std::make_shared<test::noting_protocol>(
            seen, deeds{.made = [](auto&) { throw std::runtime_error{"mine"}; }});
    });
    EXPECT_TRUE(connection.is_closing());
    connection.wait_closed();
    EXPECT_EQ(seen, (transcript{"made", "lost: mine"}));
    EXPECT_EQ(errors.texts.size(), 1U);
}
