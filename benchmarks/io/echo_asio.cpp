// SPDX-License-Identifier: BSL-1.0
//
// The baseline: an echo server written by hand with Boost.Asio callbacks, one buffer per
// connection.
//
//     echo_asio            prints "listening on 127.0.0.1:PORT"; ends with SIGTERM
#include <boost/asio.hpp>

#include <array>
#include <csignal>
#include <iostream>
#include <memory>

using boost::asio::ip::tcp;
using boost::system::error_code;

namespace {

class session : public std::enable_shared_from_this<session> {
public:
    explicit session(tcp::socket socket) : socket_{std::move(socket)} {}

    void read() {
        socket_.async_read_some(
            boost::asio::buffer(data_),
            [self = shared_from_this()](error_code error, std::size_t size) {
                if (!error) {
                    self->write(size);
                }
            });
    }

private:
    void write(std::size_t size) {
        boost::asio::async_write(
            socket_, boost::asio::buffer(data_, size),
            [self = shared_from_this()](error_code error, std::size_t) {
                if (!error) {
                    self->read();
                }
            });
    }

    tcp::socket socket_;
    std::array<char, 1024> data_;
};

class acceptor {
public:
    explicit acceptor(boost::asio::io_context& context)
        : acceptor_{context, {boost::asio::ip::address_v4::loopback(), 0}} {
        acceptor_.listen(4096);
    }

    unsigned port() const { return acceptor_.local_endpoint().port(); }

    void accept() {
        acceptor_.async_accept([this](error_code error, tcp::socket socket) {
            if (!error) {
                error_code ignored;
                socket.set_option(tcp::no_delay{true}, ignored);
                std::make_shared<session>(std::move(socket))->read();
            }
            accept();
        });
    }

private:
    tcp::acceptor acceptor_;
};

}  // namespace

int main() {
    boost::asio::io_context context{1};
    acceptor accepts{context};
    accepts.accept();
    boost::asio::signal_set quit{context, SIGINT, SIGTERM};
    quit.async_wait([&](error_code, int) { context.stop(); });
    std::cout << "listening on 127.0.0.1:" << accepts.port() << std::endl;
    context.run();
}
