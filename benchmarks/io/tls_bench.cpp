// SPDX-License-Identifier: BSL-1.0
//
// What does an echo of 64 bytes over TLS cost, against callbacks over Asio's `ssl::stream`?
//
// A client in another thread, the same for both, keeps connections busy that are secured already.
// What is counted is the processor time of the server's thread.
#include <harness/compare.hpp>

#include <tendril/hub.hpp>
#include <tendril/net.hpp>
#include <tendril/task.hpp>
#include <tendril/tls.hpp>

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>

#include <openssl/pem.h>
#include <openssl/x509.h>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;
namespace ssl = boost::asio::ssl;

constexpr std::size_t connections = 100;
constexpr std::size_t rounds = 200;
constexpr std::size_t message_size = 64;

// A certificate that its own key has signed: the client believes everybody.
tendril::tls_identity const& identity() {
    static tendril::tls_identity const made = [] {
        EVP_PKEY* const key = EVP_EC_gen("P-256");
        X509* const certificate = X509_new();
        X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
        X509_gmtime_adj(X509_getm_notAfter(certificate), 86'400);
        X509_set_pubkey(certificate, key);
        X509_sign(certificate, key, EVP_sha256());
        auto const text_of = [](auto write) {
            BIO* const memory = BIO_new(BIO_s_mem());
            write(memory);
            char* data = nullptr;
            long const size = BIO_get_mem_data(memory, &data);
            std::string text{data, static_cast<std::size_t>(size)};
            BIO_free(memory);
            return text;
        };
        tendril::tls_identity both{
            text_of([&](BIO* into) { PEM_write_bio_X509(into, certificate); }),
            text_of([&](BIO* into) {
                PEM_write_bio_PrivateKey(into, key, nullptr, nullptr, 0, nullptr, nullptr);
            })};
        X509_free(certificate);
        EVP_PKEY_free(key);
        return both;
    }();
    return made;
}

[[noreturn]] void give_up(char const* what) {
    std::fprintf(stderr, "tls_bench: %s\n", what);
    std::exit(1);
}

// One connection of the client, which blocks its thread.
class busy_connection {
public:
    busy_connection(SSL_CTX* context, std::uint16_t port) {
        socket_ = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        int const on = 1;
        ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
            give_up("cannot connect");
        }
        ssl_ = SSL_new(context);
        SSL_set_fd(ssl_, socket_);
        if (SSL_connect(ssl_) != 1) {
            give_up("no handshake");
        }
    }
    busy_connection(busy_connection const&) = delete;
    busy_connection& operator=(busy_connection const&) = delete;
    ~busy_connection() {
        SSL_free(ssl_);
        ::close(socket_);
    }

    void send() {
        if (SSL_write(ssl_, data_.data(), message_size) != message_size) {
            give_up("cannot write");
        }
    }
    void receive() {
        int filled = 0;
        while (filled < static_cast<int>(message_size)) {
            int const got = SSL_read(ssl_, data_.data(), static_cast<int>(message_size) - filled);
            if (got <= 0) {
                give_up("cannot read");
            }
            filled += got;
        }
    }

private:
    int socket_ = -1;
    SSL* ssl_ = nullptr;
    std::array<char, message_size> data_{};
};

void keep_busy(std::uint16_t port) {
    SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
    {
        std::vector<std::unique_ptr<busy_connection>> all;
        for (std::size_t count = 0; count < connections; ++count) {
            all.push_back(std::make_unique<busy_connection>(context, port));
        }
        for (std::size_t round = 0; round < rounds; ++round) {
            for (auto& each : all) {
                each->send();
            }
            for (auto& each : all) {
                each->receive();
            }
        }
    }
    SSL_CTX_free(context);
}

// Takes the time from the moment on when all connections have had a turn.
class tally {
public:
    void message() {
        ++count_;
        if (count_ == connections) {
            start_ = bench::processor_time();
        } else if (count_ == connections * rounds) {
            end_ = bench::processor_time();
        }
    }
    double nanoseconds_each() const {
        return (end_ - start_) / static_cast<double>(connections * (rounds - 1));
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
                if (!error) {
                    self->read();
                }
            });
    }

private:
    void read() {
        stream_.async_read_some(
            boost::asio::buffer(data_),
            [self = shared_from_this()](error_code error, std::size_t size) {
                if (!error) {
                    self->write(size);
                }
            });
    }
    void write(std::size_t size) {
        boost::asio::async_write(
            stream_, boost::asio::buffer(data_, size),
            [self = shared_from_this()](error_code error, std::size_t) {
                if (!error) {
                    self->counted_.message();
                    self->read();
                }
            });
    }

    ssl::stream<tcp::socket> stream_;
    tally& counted_;
    std::array<char, 1024> data_;
};

double callbacks() {
    boost::asio::io_context context{1};
    ssl::context secured{ssl::context::tls_server};
    secured.use_certificate_chain(boost::asio::buffer(identity().chain));
    secured.use_private_key(boost::asio::buffer(identity().key), ssl::context::pem);
    tcp::acceptor acceptor{context, {boost::asio::ip::address_v4::loopback(), 0}};
    tally counted;
    std::size_t left = connections;
    std::function<void()> accept = [&] {
        acceptor.async_accept([&](error_code error, tcp::socket socket) {
            if (error) {
                give_up("cannot accept");
            }
            socket.set_option(tcp::no_delay{true});
            std::make_shared<asio_session>(std::move(socket), secured, counted)->begin();
            if (--left > 0) {
                accept();
            }
        });
    };
    accept();
    std::thread client{keep_busy, acceptor.local_endpoint().port()};
    context.run();
    client.join();
    return counted.nanoseconds_each();
}

// Greenlets.

void serve(tendril::tcp_stream plain, tendril::tls_context const& secured, tally& counted) {
    tendril::tls_stream stream = tendril::tls_stream::server(std::move(plain), secured);
    std::array<char, 1024> data;
    tendril::error_code error;
    while (!error.failed()) {
        std::size_t const size = stream.read_some(boost::asio::buffer(data), error);
        if (size > 0) {
            stream.write(boost::asio::buffer(data, size), error);
            counted.message();
        }
    }
}

double greenlets() {
    tally counted;
    tendril::run([&] {
        auto const secured = tendril::tls_context::server({.identity = identity()});
        auto listener = tendril::tcp_listener::bind("127.0.0.1", 0);
        std::thread client{keep_busy, listener.local_endpoint().port()};
        std::vector<tendril::task<void>> handlers;
        for (std::size_t count = 0; count < connections; ++count) {
            handlers.push_back(tendril::spawn([&, plain = listener.accept()]() mutable {
                serve(std::move(plain), secured, counted);
            }));
        }
        for (auto& each : handlers) {
            each.join();
        }
        client.join();
    });
    return counted.nanoseconds_each();
}

}  // namespace

int main() {
    bench::ask("What does an echo of 64 bytes over TLS cost, against callbacks over Asio's TLS?");
    bench::comparison echoes{"ns an echo"};
    echoes.add("callbacks over asio::ssl::stream", callbacks);
    echoes.add("greenlets over tls_stream", greenlets, 1.03);
    echoes.run();
}
