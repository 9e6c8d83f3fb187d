// SPDX-License-Identifier: BSL-1.0
//
// Over TCP, and with the TLS of Asio at the other end.
#include <harness/network.hpp>
#include <harness/secured.hpp>
#include <tendril/tls/tls_stream.hpp>

#include <boost/asio/read.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

#include <csignal>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using namespace std::string_view_literals;
using boost::asio::buffer;
namespace ssl = boost::asio::ssl;

using asio_tls = ssl::stream<tcp_stream&>;

ssl::context asio_server_context() {
    ssl::context context{ssl::context::tls_server};
    context.use_certificate_chain(buffer(test::good_identity().chain));
    context.use_private_key(buffer(test::good_identity().key), ssl::context::pem);
    return context;
}

ssl::context asio_client_context() {
    ssl::context context{ssl::context::tls_client};
    context.add_certificate_authority(buffer(test::trusted().pem()));
    context.set_verify_mode(ssl::verify_peer);
    return context;
}

// Sends a text to the other end and back.
template <typename Stream>
void send_and_expect(Stream& stream, std::string const& text) {
    boost::asio::write(stream, buffer(text));
    std::string back(text.size(), '\0');
    boost::asio::read(stream, buffer(back));
    EXPECT_TRUE(back == text);
}
template <typename Stream>
void send_back(Stream& stream, std::size_t size) {
    std::string text(size, '\0');
    boost::asio::read(stream, buffer(text));
    boost::asio::write(stream, buffer(text));
}

constexpr std::size_t much = 500'000;

}  // namespace

TENDRIL_HUB_TEST(tls_network, a_client_talks_to_a_server_of_asio) {
    auto [here, there] = test::connected_pair();
    auto serving = spawn([&, &end = there] {
        ssl::context context = asio_server_context();
        asio_tls stream{end, context};
        stream.handshake(asio_tls::server);
        send_back(stream, much);
        char byte;
        error_code error;
        stream.read_some(buffer(&byte, 1), error);
        EXPECT_EQ(error, boost::asio::error::eof);
    });
    tls_stream client = tls_stream::client(std::move(here), test::good_client(), "good.test");
    send_and_expect(client, test::long_text(much));
    client.close();
    serving.join();
    EXPECT_TRUE(serving.succeeded());
}

TENDRIL_HUB_TEST(tls_network, a_server_talks_to_a_client_of_asio) {
    auto [here, there] = test::connected_pair();
    auto serving = spawn([&, &end = there] {
        tls_stream stream = tls_stream::server(std::move(end), test::good_server());
        send_back(stream, much);
        EXPECT_EQ(test::hear(stream), test::truncated_said());
        EXPECT_EQ(stream.server_name(), "");
    });
    {
        ssl::context context = asio_client_context();
        asio_tls stream{here, context};
        stream.handshake(asio_tls::client);
        send_and_expect(stream, test::long_text(much));
        here.close();
    }
    serving.join();
    EXPECT_TRUE(serving.succeeded());
}

TENDRIL_HUB_TEST(tls_network, a_client_connects_by_name_and_reports_who_refused) {
    tls_identity const identity = test::trusted().issue({.names = {"127.0.0.1"}});
    tcp_listener listener = tcp_listener::bind("0.0.0.0", 0);
    std::uint16_t const port = listener.local_endpoint().port();
    auto serving = spawn([&] {
        for (int count = 0; count < 2; ++count) {
            tls_stream stream = tls_stream::server(
                listener.accept(), test::good_server({.identity = identity}));
            error_code error;
            stream.handshake(error);
            test::say(stream, "hello");
            stream.close();
        }
    });
    tls_stream client = tls_stream::connect("127.0.0.1", port, test::good_client());
    EXPECT_EQ(test::hear(client), "hello");
    EXPECT_EQ(test::hear(client), test::eof_said());
    try {
        tls_stream::connect("127.0.0.2", port, test::good_client());
        FAIL() << "the certificate is for another address";
    } catch (system_error const& error) {
        EXPECT_EQ(error.code(), tls_errc::wrong_host);
        EXPECT_TRUE(test::contains(error.what(), "127.0.0.2")) << error.what();
    }
    serving.join();
}

TENDRIL_HUB_TEST(tls_network, a_peer_that_is_gone_raises_no_signal) {
    auto [here, there] = test::connected_pair();
    auto serving = spawn([&, &end = there] {
        tls_stream stream = tls_stream::server(std::move(end), test::good_server());
        stream.handshake();
        stream = tls_stream{};
    });
    auto const before = std::signal(SIGPIPE, SIG_DFL);
    tls_stream client = tls_stream::client(std::move(here), test::good_client(), "good.test");
    client.handshake();
    serving.join();
    error_code error;
    for (int count = 0; count < 100 && !error.failed(); ++count) {
        error = test::say(client, test::long_text(100'000));
    }
    EXPECT_TRUE(error.failed());
    client.close();
    std::signal(SIGPIPE, before);
}

TENDRIL_HUB_TEST(tls_network, many_connections_are_secured_at_once) {
    tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
    tls_context const server = test::good_server();
    tls_context const client = test::good_client();
    constexpr int count = 50;
    auto accepting = spawn([&] {
        std::vector<task<void>> handlers;
        for (int number = 0; number < count; ++number) {
            handlers.push_back(spawn([&server, plain = listener.accept()]() mutable {
                tls_stream stream = tls_stream::server(std::move(plain), server);
                send_back(stream, 10'000);
                stream.close();
            }));
        }
        for (task<void>& each : handlers) {
            each.join();
            EXPECT_TRUE(each.succeeded());
        }
    });
    std::vector<task<void>> clients;
    for (int number = 0; number < count; ++number) {
        clients.push_back(spawn([&] {
            tls_stream stream = tls_stream::client(
                tcp_stream::connect(listener.local_endpoint()), client, "good.test");
            send_and_expect(stream, test::long_text(10'000));
            EXPECT_EQ(test::hear(stream), test::eof_said());
        }));
    }
    for (task<void>& each : clients) {
        each.join();
    }
    accepting.join();
}

TENDRIL_HUB_TEST(tls_network, what_was_written_arrives_before_a_truncation) {
    for (bool const by_abort : {false, true}) {
        auto [here, there] = test::connected_pair();
        tls_stream client = tls_stream::client(std::move(here), test::good_client(), "good.test");
        tls_stream server = tls_stream::server(std::move(there), test::good_server());
        auto shaking = spawn([&end = client] { end.handshake(); });
        server.handshake();
        shaking.join();
        std::string const text = test::long_text(50'000);
        server.write(buffer(text));
        if (by_abort) {
            server.abort();
        } else {
            server = tls_stream{};
        }
        EXPECT_TRUE(test::hear_all(client) == text + test::truncated_said());
    }
}
