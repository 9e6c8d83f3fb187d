// SPDX-License-Identifier: BSL-1.0
// A server of datagrams: it says back what it hears, and waits for nobody.
#include <tendril/tendril.hpp>

#include <iostream>
#include <string>
#include <string_view>

int main() {
    tendril::run([] {
        // DOC: serve
        tendril::datagram_server server{
            "127.0.0.1:0",
            [](std::string_view data, tendril::udp_endpoint const&, auto& reply) {
                reply.send(boost::asio::buffer("you said " + std::string{data}));
            },
            {.max_handlers = 100, .largest = 1400}};
        server.start();
        // DOC-END: serve
        auto client = tendril::udp_socket::connect(server.local_endpoint());
        client.send(boost::asio::buffer(std::string_view{"hello"}));
        char answer[64];
        std::cout << std::string_view{answer, client.receive(boost::asio::buffer(answer))} << '\n';
        server.stop();
        std::cout << server.statistics().received << " received, " << server.statistics().sent
                  << " sent\n";
    });
}
