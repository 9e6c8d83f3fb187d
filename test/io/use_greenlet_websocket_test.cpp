// SPDX-License-Identifier: BSL-1.0
//
// Boost.Beast's WebSocket as asynchronous operations, over a socket of Asio's and a stream of
// Beast's. Its synchronous form is among the tests of net/tcp_stream.hpp.
#include <harness/network.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/io/use_greenlet.hpp>
#include <tendril/time/timeout.hpp>

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/websocket/stream.hpp>

#include <chrono>
#include <string>
#include <utility>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using boost::asio::ip::tcp;
namespace beast = boost::beast;
namespace websocket = boost::beast::websocket;

using plain_web_socket = websocket::stream<tcp::socket>;
using beast_web_socket = websocket::stream<beast::tcp_stream>;

spawn_options on_a_large_stack() { return {.stack_size = 256 * 1024}; }

// A server for one connection, which sends back what it gets.
template <typename WebSocket>
void echo_messages(tcp::socket accepted) {
    WebSocket server{std::move(accepted)};
    server.async_accept(use_greenlet);
    error_code error;
    while (true) {
        beast::flat_buffer message;
        server.async_read(message, use_greenlet[error]);
        if (error.failed()) {
            break;
        }
        server.text(server.got_text());
        server.async_write(message.data(), use_greenlet);
    }
    EXPECT_EQ(error, websocket::error::closed);
}

// Runs a client against it.
template <typename WebSocket, typename F>
void talk(F&& client) {
    tcp::acceptor acceptor{this_hub().context(), {boost::asio::ip::address_v4::loopback(), 0}};
    auto server = spawn(on_a_large_stack(), [&acceptor] {
        echo_messages<WebSocket>(acceptor.async_accept(use_greenlet));
    });
    auto running = spawn(on_a_large_stack(), [&] {
        tcp::socket socket{this_hub().context()};
        socket.async_connect(acceptor.local_endpoint(), use_greenlet);
        WebSocket here{std::move(socket)};
        here.async_handshake("localhost", "/", use_greenlet);
        client(here);
        error_code error;
        here.async_close(websocket::close_code::normal, use_greenlet[error]);
        EXPECT_FALSE(error.failed()) << error.message();
    });
    running.get();
    server.get();
}

template <typename WebSocket>
void exchange_messages(WebSocket& here) {
    for (std::size_t const size : {0U, 5U, 300U, 500'000U}) {
        std::string const sent(size, 's');
        here.text(size % 2 == 0);
        EXPECT_EQ(here.async_write(boost::asio::buffer(sent), use_greenlet), size);
        beast::flat_buffer received;
        EXPECT_EQ(here.async_read(received, use_greenlet), size);
        EXPECT_TRUE(beast::buffers_to_string(received.data()) == sent);
        EXPECT_EQ(here.got_text(), size % 2 == 0);
    }
}

}  // namespace

TENDRIL_HUB_TEST(use_greenlet_websocket, messages_go_both_ways_over_a_socket) {
    talk<plain_web_socket>([](auto& here) { exchange_messages(here); });
}

TENDRIL_HUB_TEST(use_greenlet_websocket, messages_go_both_ways_over_a_stream_with_limits) {
    talk<beast_web_socket>([](auto& here) {
        beast::get_lowest_layer(here).expires_after(1h);
        exchange_messages(here);
    });
}

TENDRIL_HUB_TEST(use_greenlet_websocket, one_greenlet_reads_while_another_writes) {
    talk<plain_web_socket>([](auto& here) {
        auto reader = spawn(on_a_large_stack(), [&here] {
            std::string all;
            for (int count = 0; count < 50; ++count) {
                beast::flat_buffer message;
                here.async_read(message, use_greenlet);
                all += beast::buffers_to_string(message.data());
            }
            return all;
        });
        std::string sent;
        for (int count = 0; count < 50; ++count) {
            std::string const text = std::to_string(count);
            here.async_write(boost::asio::buffer(text), use_greenlet);
            here.async_ping({}, use_greenlet);
            sent += text;
        }
        EXPECT_EQ(reader.get(), sent);
    });
}

TENDRIL_HUB_TEST(use_greenlet_websocket, a_read_obeys_cancellations_and_timeouts) {
    tcp::acceptor acceptor{this_hub().context(), {boost::asio::ip::address_v4::loopback(), 0}};
    std::string client_end;
    auto client = spawn(on_a_large_stack(), [&] {
        tcp::socket socket{this_hub().context()};
        socket.async_connect(acceptor.local_endpoint(), use_greenlet);
        plain_web_socket here{std::move(socket)};
        here.async_handshake("localhost", "/", use_greenlet);
        beast::flat_buffer message;
        client_end = test::interruption_of([&] { here.async_read(message, use_greenlet); });
    });
    plain_web_socket server{acceptor.async_accept(use_greenlet)};
    server.async_accept(use_greenlet);
    beast::flat_buffer message;
    timeout const limit{1s};
    EXPECT_EQ(
        test::interruption_of([&] { server.async_read(message, use_greenlet); }), "timed out");
    client.cancel();
    client.join();
    EXPECT_EQ(client_end, "cancelled");
}
