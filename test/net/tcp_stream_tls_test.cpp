// SPDX-License-Identifier: BSL-1.0
//
// TLS of Asio over a stream. No certificate is needed: the keys are agreed upon anonymously, which
// only a test may do.
#include <harness/network.hpp>
#include <tendril/net/tcp_stream.hpp>

#include <boost/asio/read.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

#include <string>

namespace {

using namespace tendril;
namespace ssl = boost::asio::ssl;

using tls = ssl::stream<tcp_stream&>;

ssl::context anonymous_context() {
    ssl::context context{ssl::context::tlsv12};
    ::SSL_CTX_set_cipher_list(context.native_handle(), "aNULL:@SECLEVEL=0");
    return context;
}

}  // namespace

TENDRIL_HUB_TEST(tcp, tls_of_asio_talks_over_it) {
    auto [here, there] = test::connected_pair();
    auto server = spawn({.stack_size = 256 * 1024}, [&end = there] {
        ssl::context context = anonymous_context();
        tls secured{end, context};
        secured.handshake(tls::server);
        std::string text(500'000, '\0');
        boost::asio::read(secured, boost::asio::buffer(text));
        boost::asio::write(secured, boost::asio::buffer(text));
    });
    ssl::context context = anonymous_context();
    tls secured{here, context};
    secured.handshake(tls::client);
    std::string const sent(500'000, 's');
    boost::asio::write(secured, boost::asio::buffer(sent));
    std::string received(sent.size(), '\0');
    boost::asio::read(secured, boost::asio::buffer(received));
    EXPECT_TRUE(received == sent);
    server.join();
    EXPECT_TRUE(server.succeeded());
}

TENDRIL_HUB_TEST(tcp, a_handshake_of_tls_can_be_cancelled) {
    auto [here, there] = test::connected_pair();
    auto client = spawn({.stack_size = 256 * 1024}, [&end = here] {
        ssl::context context = anonymous_context();
        tls secured{end, context};
        secured.handshake(tls::client);
    });
    test::settle();
    client.cancel();
    client.join();
    EXPECT_TRUE(client.was_cancelled());
}
