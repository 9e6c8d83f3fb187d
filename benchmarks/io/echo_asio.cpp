// SPDX-License-Identifier: BSL-1.0
//
// The baseline: an echo server written by hand with Boost.Asio callbacks, one buffer per
// connection.
//
//     echo_asio            prints "listening on 127.0.0.1:PORT"; ends with SIGTERM
#include <harness/asio_server.hpp>

#include <boost/asio.hpp>

#include <array>
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

}  // namespace

int main() { bench::serve_until_signal<session>(); }
