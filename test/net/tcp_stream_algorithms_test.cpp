// SPDX-License-Identifier: BSL-1.0
//
// A stream under algorithms that were written for Asio's synchronous streams and know nothing of
// greenlets.
#include <harness/network.hpp>
#include <tendril/net/tcp_stream.hpp>

#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/stream_traits.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/websocket/stream.hpp>

#include <string>
#include <utility>

namespace {

using namespace tendril;
using test::connected_pair;
using test::say;
namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;

static_assert(boost::beast::is_sync_read_stream<tcp_stream>::value);
static_assert(boost::beast::is_sync_write_stream<tcp_stream>::value);
static_assert(boost::beast::is_sync_stream<tcp_stream>::value);

using web_socket = websocket::stream<tcp_stream&>;

}  // namespace

TENDRIL_HUB_TEST(tcp, reads_lines_with_an_algorithm_of_asio) {
    auto [here, there] = connected_pair();
    auto writer = spawn([&end = here] {
        for (char const* const part : {"one\nt", "wo\nth", "ree\n"}) {
            say(end, part);
            yield();
        }
    });
    std::string text;
    std::string lines;
    for (int count = 0; count < 3; ++count) {
        std::size_t const size = boost::asio::read_until(
            there, boost::asio::dynamic_buffer(text), '\n');
        lines += text.substr(0, size - 1) + "|";
        text.erase(0, size);
    }
    EXPECT_EQ(lines, "one|two|three|");
    writer.join();
}

TENDRIL_HUB_TEST(tcp, reads_and_writes_exactly_with_algorithms_of_asio) {
    auto [here, there] = connected_pair();
    std::string const sent(3'000'000, 's');
    auto writer = spawn(
        [&end = here, &sent] { return boost::asio::write(end, boost::asio::buffer(sent)); });
    std::string received(sent.size(), '\0');
    EXPECT_EQ(boost::asio::read(there, boost::asio::buffer(received)), sent.size());
    EXPECT_EQ(writer.get(), sent.size());
    EXPECT_TRUE(received == sent);
}

TENDRIL_HUB_TEST(tcp, an_algorithm_of_asio_can_be_cancelled) {
    auto [here, there] = connected_pair();
    auto reader = spawn([&end = there] {
        std::string text;
        boost::asio::read_until(end, boost::asio::dynamic_buffer(text), '\n');
    });
    say(here, "no end of line");
    test::settle();
    reader.cancel();
    reader.join();
    EXPECT_TRUE(reader.was_cancelled());
}

TENDRIL_HUB_TEST(tcp, messages_of_beast_cross_it) {
    auto [here, there] = connected_pair();
    auto server = spawn([&end = there] {
        boost::beast::flat_buffer buffer;
        http::request<http::string_body> request;
        http::read(end, buffer, request);
        http::response<http::string_body> response{http::status::ok, 11, request.body() + "!"};
        response.prepare_payload();
        http::write(end, response);
    });
    http::request<http::string_body> request{http::verb::post, "/", 11, std::string(100'000, 'b')};
    request.prepare_payload();
    http::write(here, request);
    boost::beast::flat_buffer buffer;
    http::response<http::string_body> response;
    http::read(here, buffer, response);
    EXPECT_EQ(response.body(), request.body() + "!");
    server.join();
}

TENDRIL_HUB_TEST(tcp, web_sockets_of_beast_talk_over_it) {
    auto [here, there] = connected_pair();
    auto server = spawn([&end = there] {
        web_socket socket{end};
        socket.accept();
        boost::beast::flat_buffer buffer;
        socket.read(buffer);
        socket.text(socket.got_text());
        socket.write(buffer.data());
        error_code error;
        socket.read(buffer, error);
        return error;
    });
    web_socket socket{here};
    socket.handshake("localhost", "/");
    socket.write(boost::asio::buffer("hello", 5));
    boost::beast::flat_buffer buffer;
    EXPECT_EQ(socket.read(buffer), 5U);
    socket.close(websocket::close_code::normal);
    EXPECT_EQ(server.get(), websocket::error::closed);
    EXPECT_FALSE(here.is_open());
}
