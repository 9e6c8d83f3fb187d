// SPDX-License-Identifier: BSL-1.0
//
// Protocols over streams that are encrypted from the beginning, and streams that are encrypted
// after a word in the clear.
#include <harness/network.hpp>
#include <harness/protocols.hpp>
#include <harness/secured.hpp>
#include <tendril/io/buffered_reader.hpp>
#include <tendril/net/tcp_listener.hpp>
#include <tendril/protocol/connect_protocol.hpp>
#include <tendril/protocol/protocol_server.hpp>
#include <tendril/tls/start_tls.hpp>

#include <chrono>
#include <memory>
#include <string>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::deeds;
using test::good_client;
using test::good_server;
using test::long_text;
using test::settle;
using test::transcript;

// A listener of whose streams the server's end is secured; hands are shaken at the first read.
struct secured_listener {
    tls_stream accept(error_code& error) {
        tcp_stream plain = listener.accept(error);
        return error.failed() ? tls_stream{} : tls_stream::server(std::move(plain), context);
    }
    void close() { listener.close(); }
    tcp_endpoint local_endpoint() const { return listener.local_endpoint(); }

    tcp_listener listener;
    tls_context context;
};

class secured_echo final : public protocol {
    void connection_made(transport& connection) override { peer_ = connection; }
    void data_received(std::string_view bytes) override {
        peer_.write(bytes);
        peer_.drain();
    }

    transport peer_;
};

}  // namespace

TENDRIL_HUB_TEST(tls_protocol, a_server_of_protocols_runs_over_it) {
    protocol_server server = serve_protocol(
        secured_listener{tcp_listener::bind("127.0.0.1", 0), good_server()},
        [] { return std::make_unique<secured_echo>(); });
    std::string const text = long_text(300'000);
    std::string heard;
    transcript seen;
    tls_stream stream = tls_stream::client(
        tcp_stream::connect(server.local_endpoint()), good_client(), "good.test");
    transport const client = start_protocol(
        any_stream{std::move(stream)},
        std::make_shared<test::noting_protocol>(
            seen,
            deeds{
                .made = [&](transport& made) { made.write(text); },
                .data =
                    [&](std::string_view bytes) {
                        heard += bytes;
                        if (heard.size() == text.size()) {
                            transport{client}.close();
                        }
                    },
            }));
    transport{client}.wait_closed();
    EXPECT_TRUE(heard == text);
    EXPECT_EQ(seen.back(), "lost");
    server.stop();
    server.wait();
}

// Or the peer would take the part for the whole.
TENDRIL_HUB_TEST(
    tls_protocol, a_transport_that_drops_what_was_written_does_not_say_that_it_was_all) {
    for (bool const abort : {true, false}) {
        auto ends = test::shaken_ends({.capacity = 4096});
        transcript seen;
        transport connection = start_protocol(
            any_stream{std::move(ends.client)},
            std::make_shared<test::noting_protocol>(seen, deeds{}));
        connection.write(long_text(100'000));
        settle();
        if (abort) {
            connection.abort();
        } else {
            connection.close();
        }
        std::string const heard = test::hear_all(ends.server);
        EXPECT_TRUE(heard.ends_with(abort ? test::truncated_said() : test::eof_said())) << abort;
        EXPECT_EQ(heard.size() > 100'000, !abort);
        connection.wait_closed();
    }
}

TENDRIL_HUB_TEST(tls_protocol, a_client_that_was_connected_in_the_clear_goes_over_to_it) {
    tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
    auto serving = spawn([&] {
        tcp_stream plain = listener.accept();
        buffered_reader reader{plain};
        std::string const request = reader.read_line().value_or("");
        // What is behind the request would be taken for secured later.
        EXPECT_TRUE(reader.buffered().empty());
        plain.write(boost::asio::buffer(std::string{"go\n"}));
        tls_stream secured = tls_stream::server(std::move(plain), good_server());
        std::string heard = request + ", " + test::hear(secured);
        secured.close();
        return heard;
    });
    transcript seen;
    transport client;
    auto const connected = connect_protocol(listener.local_endpoint(), [&] {
        return std::make_shared<test::noting_protocol>(
            seen,
            deeds{
                .made =
                    [&](transport& made) {
                        client = made;
                        made.write("STARTTLS\n");
                    },
                .data =
                    [&](std::string_view) {
                        start_tls_client(client, good_client(), "good.test");
                        client.write("secret");
                    },
            });
    });
    EXPECT_EQ(serving.get(), "STARTTLS, secret");
    client.wait_closed();
    EXPECT_EQ(seen, (transcript{"made", "data go\n", "eof", "lost"}));
}

TENDRIL_HUB_TEST(tls_protocol, streams_go_over_to_it_after_a_word_in_the_clear) {
    tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
    auto serving = spawn([&] {
        tcp_stream plain = listener.accept();
        buffered_reader reader{plain};
        EXPECT_EQ(reader.read_line(), "STARTTLS");
        EXPECT_TRUE(reader.buffered().empty());
        plain.write(boost::asio::buffer(std::string{"go\n"}));
        tls_stream secured = tls_stream::server(std::move(plain), good_server());
        std::string const heard = test::hear(secured);
        secured.close();
        return heard;
    });
    tcp_stream plain = tcp_stream::connect(listener.local_endpoint());
    plain.write(boost::asio::buffer(std::string{"STARTTLS\n"}));
    buffered_reader reader{plain};
    EXPECT_EQ(reader.read_line(), "go");
    EXPECT_TRUE(reader.buffered().empty());
    tls_stream secured = tls_stream::client(std::move(plain), good_client(), "good.test");
    test::say(secured, "secret");
    EXPECT_EQ(serving.get(), "secret");
    EXPECT_EQ(test::hear(secured), test::eof_said());
}
