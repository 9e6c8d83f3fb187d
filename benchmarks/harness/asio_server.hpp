// SPDX-License-Identifier: BSL-1.0
#pragma once

// What a baseline with Boost.Asio callbacks does around its sessions: one thread accepts, tells its
// port, and goes on until it is told to end.

#include <boost/asio.hpp>

#include <csignal>
#include <iostream>
#include <memory>
#include <utility>

namespace bench {

/// Makes a `Session` of each connection, by `std::make_shared`, and calls its `read`.
template <typename Session>
class asio_acceptor {
    using tcp = boost::asio::ip::tcp;
    using error_code = boost::system::error_code;

public:
    explicit asio_acceptor(boost::asio::io_context& context)
        : acceptor_{context, {boost::asio::ip::address_v4::loopback(), 0}} {
        acceptor_.listen(4096);
    }

    unsigned port() const { return acceptor_.local_endpoint().port(); }

    void accept() {
        acceptor_.async_accept([this](error_code error, tcp::socket socket) {
            if (!error) {
                error_code ignored;
                socket.set_option(tcp::no_delay{true}, ignored);
                std::make_shared<Session>(std::move(socket))->read();
            }
            accept();
        });
    }

private:
    tcp::acceptor acceptor_;
};

/// Prints "listening on 127.0.0.1:PORT" and serves until SIGINT or SIGTERM.
template <typename Session>
void serve_until_signal() {
    boost::asio::io_context context{1};
    asio_acceptor<Session> accepts{context};
    accepts.accept();
    boost::asio::signal_set quit{context, SIGINT, SIGTERM};
    quit.async_wait([&](boost::system::error_code, int) { context.stop(); });
    std::cout << "listening on 127.0.0.1:" << accepts.port() << std::endl;
    context.run();
}

}  // namespace bench
