// SPDX-License-Identifier: BSL-1.0
//
// What does a connection with a full TLS 1.3 handshake cost a server, against callbacks over Asio's
// `ssl::stream`?
//
// A client in another thread, the same for both, connects, shakes hands, gets one byte and leaves,
// again and again. It resumes no session. What is counted is the processor time of the server's
// thread: accepting, the handshake, the byte, the end.
#include <harness/compare.hpp>

#include <examples/certificate.hpp>

#include <tendril/hub.hpp>
#include <tendril/net.hpp>
#include <tendril/server.hpp>
#include <tendril/sync.hpp>
#include <tendril/tls.hpp>

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>
#include <utility>

namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;
namespace ssl = boost::asio::ssl;

// Before the first one is counted, some warm both sides up.
constexpr std::size_t warm_up = 20;
constexpr std::size_t handshakes = 200;
constexpr char greeting = '!';

tendril::tls_identity const& identity() {
    static tendril::tls_identity const made = example::make_identity("bench", "IP:127.0.0.1");
    return made;
}

[[noreturn]] void give_up(char const* what) {
    std::fprintf(stderr, "handshake_bench: %s\n", what);
    std::exit(1);
}

void visit(SSL_CTX* context, std::uint16_t port) {
    int const socket = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int const on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
        give_up("cannot connect");
    }
    SSL* const secured = SSL_new(context);
    SSL_set_fd(secured, socket);
    char byte = 0;
    if (SSL_connect(secured) != 1 || SSL_version(secured) != TLS1_3_VERSION ||
        SSL_session_reused(secured) != 0 || SSL_read(secured, &byte, 1) != 1 || byte != greeting) {
        give_up("no handshake");
    }
    SSL_shutdown(secured);
    SSL_free(secured);
    ::close(socket);
}

// The client: as many visits as are counted, and those that warm up. It believes everybody.
void visit_often(std::uint16_t port) {
    SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
    for (std::size_t count = 0; count < warm_up + handshakes; ++count) {
        visit(context, port);
    }
    SSL_CTX_free(context);
}

// Takes the time from the end of the last visit that warms up to the end of the last one.
class tally {
public:
    // Says whether that was the last one.
    bool visit_has_ended() {
        ++count_;
        if (count_ == warm_up) {
            start_ = bench::processor_time();
        }
        end_ = bench::processor_time();
        return count_ == warm_up + handshakes;
    }
    double microseconds_each() const {
        return (end_ - start_) / static_cast<double>(handshakes) / 1000;
    }

private:
    std::size_t count_ = 0;
    double start_ = 0;
    double end_ = 0;
};

// Callbacks.

class asio_session : public std::enable_shared_from_this<asio_session> {
public:
    asio_session(tcp::socket socket, ssl::context& context, tally& counted)
        : stream_{std::move(socket), context},
          counted_{counted} {}

    void begin() {
        stream_.async_handshake(
            ssl::stream_base::server, [self = shared_from_this()](error_code error) {
                self->check(error);
                self->greet();
            });
    }

private:
    void greet() {
        boost::asio::async_write(
            stream_, boost::asio::buffer(&greeting, 1),
            [self = shared_from_this()](error_code error, std::size_t) {
                self->check(error);
                self->wait_for_the_end();
            });
    }
    void wait_for_the_end() {
        stream_.async_read_some(
            boost::asio::buffer(data_), [self = shared_from_this()](error_code, std::size_t) {
                error_code ignored;
                self->stream_.lowest_layer().close(ignored);
                self->counted_.visit_has_ended();
            });
    }
    static void check(error_code error) {
        if (error) {
            give_up(error.message().c_str());
        }
    }

    ssl::stream<tcp::socket> stream_;
    tally& counted_;
    std::array<char, 1024> data_{};
};

class asio_server {
public:
    asio_server() {
        secured_.use_certificate_chain(boost::asio::buffer(identity().chain));
        secured_.use_private_key(boost::asio::buffer(identity().key), ssl::context::pem);
    }

    double run() {
        accept();
        std::thread client{visit_often, acceptor_.local_endpoint().port()};
        context_.run();
        client.join();
        return counted_.microseconds_each();
    }

private:
    void accept() {
        acceptor_.async_accept([this](error_code error, tcp::socket socket) {
            if (error) {
                give_up("cannot accept");
            }
            socket.set_option(tcp::no_delay{true});
            std::make_shared<asio_session>(std::move(socket), secured_, counted_)->begin();
            if (--left_ > 0) {
                accept();
            }
        });
    }

    boost::asio::io_context context_{1};
    ssl::context secured_{ssl::context::tls_server};
    tcp::acceptor acceptor_{context_, {boost::asio::ip::address_v4::loopback(), 0}};
    std::size_t left_ = warm_up + handshakes;
    tally counted_;
};

double callbacks() { return asio_server{}.run(); }

// Greenlets.

void greet(tendril::tcp_stream& plain, tendril::tls_context const& secured) {
    tendril::tls_stream stream = tendril::tls_stream::server(std::move(plain), secured);
    stream.write(boost::asio::buffer(&greeting, 1));
    std::array<char, 1024> data;
    tendril::error_code error;
    stream.read_some(boost::asio::buffer(data), error);
    stream.abort();
}

double greenlets() {
    tally counted;
    tendril::run([&] {
        auto const secured = tendril::tls_context::server({.identity = identity()});
        tendril::event last;
        tendril::stream_server server{"127.0.0.1:0", [&](tendril::tcp_stream& plain) {
                                          greet(plain, secured);
                                          if (counted.visit_has_ended()) {
                                              last.set();
                                          }
                                      }};
        server.start();
        std::thread client{visit_often, server.local_endpoint().port()};
        last.wait();
        client.join();
    });
    return counted.microseconds_each();
}

}  // namespace

int main() {
    bench::ask("What does a full TLS 1.3 handshake cost a server, against callbacks over Asio?");
    bench::comparison all{"us a connection"};
    all.add("callbacks over asio::ssl::stream", callbacks);
    all.add("greenlets over tls_stream", greenlets, 1.05);
    all.run();
}
