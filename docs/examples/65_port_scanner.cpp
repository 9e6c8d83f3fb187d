// SPDX-License-Identifier: BSL-1.0
//
// Which ports of a machine somebody listens at: many connections at a time, and no more than that.
// The machine is this one, where three listeners have been put in its way.
#include <tendril/hub.hpp>
#include <tendril/net.hpp>
#include <tendril/together.hpp>

#include <chrono>
#include <cstdint>
#include <iostream>
#include <string>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;

// DOC: probe
// Says whether somebody listens at a port.
bool is_open(std::string const& host, std::uint16_t port) {
    error_code error;
    tcp_stream::connect(host, std::to_string(port), {.limit = 2s}, error);
    return !error.failed();
}
// DOC-END: probe

std::vector<std::uint16_t> open_ports(
    std::string const& host, std::vector<std::uint16_t> const& ports) {
    pool connections{100};
    std::vector<bool> const open = connections.map(
        ports, [&](std::uint16_t port) { return is_open(host, port); });
    std::vector<std::uint16_t> found;
    for (std::size_t at = 0; at < ports.size(); ++at) {
        if (open[at]) {
            found.push_back(ports[at]);
        }
    }
    return found;
}

void scan() {
    std::vector<tcp_listener> listeners;
    std::vector<std::uint16_t> ports;
    for (int count = 0; count < 200; ++count) {
        tcp_listener made = tcp_listener::bind("127.0.0.1", 0);
        ports.push_back(made.local_endpoint().port());
        if (count % 80 == 0) {
            listeners.push_back(std::move(made));
        }
    }
    std::cout << "scanned " << ports.size() << " ports\n";
    for (std::uint16_t const port : open_ports("localhost", ports)) {
        for (std::size_t at = 0; at < listeners.size(); ++at) {
            if (listeners[at].local_endpoint().port() == port) {
                std::cout << "open: that of listener " << at + 1 << '\n';
            }
        }
    }
}

}  // namespace

int main() { run(scan); }
