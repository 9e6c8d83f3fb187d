// SPDX-License-Identifier: BSL-1.0
//
// The web server behind TLS.
#include <harness/hubs.hpp>
#include <harness/network.hpp>
#include <harness/secured.hpp>
#include <tendril/http/http_server.hpp>
#include <tendril/tls/tls_stream.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>

#include <sys/socket.h>

#include <chrono>
#include <exception>
#include <string>
#include <string_view>

namespace {

using namespace tendril;
using namespace std::chrono_literals;

void tell_secured(http_request& request, http_response& response) {
    response.body(std::string{request.secured() ? "secured " : "plain "} + request.body());
}

tls_stream https_client(http_server const& server) {
    static tls_context const context = test::good_client();
    return tls_stream::client(tcp_stream::connect(server.local_endpoint()), context, "good.test");
}

// Fills the buffers between this process and a client in it, past the back of whoever serves that.
void fill_towards(tcp_endpoint const& client) {
    for (int descriptor = 3; descriptor < 256; ++descriptor) {
        tcp_endpoint peer;
        auto size = static_cast<socklen_t>(peer.capacity());
        if (::getpeername(descriptor, peer.data(), &size) == 0 && peer == client) {
            std::string const block(64 * 1024, 'f');
            while (::send(descriptor, block.data(), block.size(), MSG_DONTWAIT) > 0) {}
        }
    }
}

// All that the server sends until it ends the connection.
std::string answer_over(tls_stream& stream, std::string_view request) {
    stream.write(boost::asio::buffer(request));
    std::string text;
    char data[512];
    error_code error;
    while (std::size_t const size = stream.read_some(boost::asio::buffer(data), error)) {
        text.append(data, size);
    }
    EXPECT_EQ(error, boost::asio::error::eof);
    return text;
}

}  // namespace

TENDRIL_HUB_TEST(https_server, answers_as_it_does_without_tls) {
    http_server web{"127.0.0.1:0", test::good_server(), tell_secured};
    web.start();
    tls_stream client = https_client(web);
    std::string const answer = answer_over(
        client,
        "POST https://good.test/ HTTP/1.1\r\nHost: good.test\r\nContent-Length: 5\r\n\r\nhello"
        "GET / HTTP/1.1\r\nHost: good.test\r\nConnection: close\r\n\r\n");
    EXPECT_NE(answer.find("\r\n\r\nsecured hello"), std::string::npos);
    EXPECT_TRUE(answer.ends_with("\r\n\r\nsecured ")) << answer;
    EXPECT_EQ(web.statistics().answered, 2U);
}

TENDRIL_HUB_TEST(
    https_server, waits_for_room_for_its_goodbye_no_longer_than_for_that_of_the_client) {
    tcp_endpoint who;
    http_server web{
        "127.0.0.1:0", test::good_server(), [&](http_request&, http_response& response) {
            response.content_length(2).close().write(boost::asio::buffer("hi", 2));
            fill_towards(who);
        }};
    web.start();
    tcp_stream plain = tcp_stream::connect(web.local_endpoint());
    who = plain.local_endpoint();
    tls_stream client = tls_stream::client(std::move(plain), test::good_client(), "good.test");
    client.write(boost::asio::buffer("GET / HTTP/1.1\r\nHost: good.test\r\n\r\n", 39));
    sleep_for(3s);
    EXPECT_EQ(web.statistics().server.connections, 0U);
    EXPECT_EQ(web.statistics().answered, 1U);
}

TENDRIL_HUB_TEST(https_server, counts_who_speaks_without) {
    http_server web{"127.0.0.1:0", test::good_server(), tell_secured};
    web.start();
    tcp_stream plain = tcp_stream::connect(web.local_endpoint());
    test::say(plain, "GET / HTTP/1.1\r\nHost: good.test\r\n\r\n");
    EXPECT_EQ(test::hear_all(plain).find("HTTP"), std::string::npos);
    EXPECT_EQ(web.statistics().failed_handshakes, 1U);
    EXPECT_EQ(web.statistics().answered, 0U);
}

TENDRIL_HUB_TEST(https_server, a_body_that_is_cut_off_without_a_goodbye_is_never_whole) {
    int whole = 0;
    int broken = 0;
    http_server web{"127.0.0.1:0", test::good_server(), [&](http_request& request, http_response&) {
                        try {
                            request.body();
                            ++whole;
                        } catch (std::exception const&) {
                            ++broken;
                            throw;
                        }
                    }};
    test::reported_errors const ignored;
    web.start();
    for (std::string_view const framing :
         {"Content-Length: 10\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"}) {
        tls_stream client = https_client(web);
        std::string const request = "POST / HTTP/1.1\r\nHost: good.test\r\n";
        client.write(boost::asio::buffer(request + std::string{framing}));
        test::settle();
        client.abort();
        test::settle();
    }
    EXPECT_EQ(broken, 2);
    EXPECT_EQ(whole, 0);
}

TENDRIL_HUB_TEST(https_server, takes_another_context_while_it_runs) {
    http_server web{"127.0.0.1:0", test::good_server(), tell_secured};
    web.start();
    web.set_context(test::good_server());
    tls_stream client = https_client(web);
    EXPECT_TRUE(answer_over(client, "GET / HTTP/1.0\r\n\r\n").ends_with("secured "));
}

TENDRIL_HUB_TEST(https_server, without_tls_there_is_no_context_to_take) {
    http_server web{"127.0.0.1:0", tell_secured};
    EXPECT_NE(test::misuse_of([&] { web.set_context(test::good_server()); }), "");
}
