// SPDX-License-Identifier: BSL-1.0
// A name server for the table of 76_dns.cpp: dns_server --port 5353 (0, the default: any free
// port). Try it with `dig @127.0.0.1 -p 5353 www.example`.
#include "dns_server.hpp"
#include "options.hpp"

#include <tendril/tendril.hpp>

#include <csignal>
#include <exception>
#include <iostream>

int main(int argc, char** argv) try {
    return tendril::run([&] {
        auto socket = tendril::udp_socket::bind(
            "127.0.0.1", tendril::parse_port(port_option(argc, argv)));
        tendril::signal_set quit{SIGINT, SIGTERM};
        auto const names = dns::example_names();
        tendril::task<void> server = tendril::spawn([&] { dns::serve(socket, names); });
        std::cout << "listening on " << tendril::to_string(socket.local_endpoint()) << std::endl;
        quit.wait();
        socket.close();
        server.join();
        return 0;
    });
} catch (std::exception const& error) {  // the port is taken, or no number
    std::cerr << error.what() << '\n';
    return 1;
}
