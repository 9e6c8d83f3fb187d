// SPDX-License-Identifier: BSL-1.0
//
// Ping over UDP: a server that answers, and a client that asks again when no answer comes. Every
// third datagram is lost on the way, as it were. The clock jumps when everybody waits, so nobody
// waits long for what is lost.
#include <tendril/hub.hpp>
#include <tendril/net.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/task.hpp>
#include <tendril/testing/virtual_clock.hpp>

#include <boost/asio/buffer.hpp>

#include <array>
#include <chrono>
#include <iostream>
#include <string>

namespace {

using namespace tendril;
using namespace std::chrono_literals;

// DOC: server
void answer(udp_socket& socket) {
    std::array<char, 512> data;
    udp_endpoint sender;
    for (int number = 1;; ++number) {
        std::size_t const size = socket.receive_from(boost::asio::buffer(data), sender);
        if (number % 3 != 0) {
            socket.send_to(boost::asio::buffer(data, size), sender);
        }
    }
}
// DOC-END: server

// DOC: client
// Returns how many times it had to ask. Who never answers is not asked for ever.
int ping(udp_socket& socket, std::string const& text) {
    std::array<char, 512> data;
    for (int attempt = 1;; ++attempt) {
        socket.send(boost::asio::buffer(text));
        error_code error;
        std::size_t const size = socket.receive_for(boost::asio::buffer(data), error, 100ms);
        if (!error.failed() && std::string(data.data(), size) == text) {
            return attempt;
        }
        if (error.failed() && (error != errc::timed_out || attempt == 10)) {
            throw system_error{error, "ping"};
        }
    }
}
// DOC-END: client

void play() {
    udp_socket server = udp_socket::bind("127.0.0.1", 0);
    task<void> answering = spawn([&] { answer(server); });
    scope_exit const over{[&] {
        answering.cancel();
        server.close();
    }};
    udp_socket client = udp_socket::connect(server.local_endpoint());
    for (int number = 1; number <= 5; ++number) {
        int const attempts = ping(client, "ping " + std::to_string(number));
        std::cout << "ping " << number << ": answered after " << attempts
                  << (attempts == 1 ? " attempt\n" : " attempts\n");
    }

    // Nobody is at the other end, and a connected socket is told.
    udp_endpoint const deserted = udp_socket::bind("127.0.0.1", 0).local_endpoint();
    udp_socket lonely = udp_socket::connect(deserted);
    try {
        ping(lonely, "anybody?");
    } catch (system_error const& refusal) {
        std::cout << refusal.code().message() << '\n';
    }
}

}  // namespace

int main() {
    testing::virtual_clock clock;
    run({.clock = &clock}, play);
}
