// SPDX-License-Identifier: BSL-1.0
// A server that sends back what it receives: echo_server --port 7000 (0, the default: any free
// port).
#include "options.hpp"

#include <tendril/tendril.hpp>

#include <csignal>
#include <exception>
#include <iostream>

using namespace std::chrono_literals;

// DOC: echo
void echo(tendril::tcp_stream& stream) {
    char data[1024];
    while (true) {
        auto const size = stream.read_some(boost::asio::buffer(data));
        stream.write(boost::asio::buffer(data, size));
    }
}
// DOC-END: echo

int main(int argc, char** argv) try {
    return tendril::run([&] {
        tendril::stream_server server{"127.0.0.1:" + port_option(argc, argv), echo};
        tendril::signal_set quit{SIGINT, SIGTERM};  // from here on they do not end the process
        server.start();
        std::cout << "listening on " << tendril::to_string(server.local_endpoint()) << std::endl;
        quit.wait();
        server.stop(5s);  // connections may finish
        return 0;
    });
} catch (std::exception const& error) {  // the port is taken, or no number
    std::cerr << error.what() << '\n';
    return 1;
}
