// SPDX-License-Identifier: BSL-1.0
// A server on every core: one address, and a hub on a thread of its own for each share of the work.
//
// Each hub counts by itself, without an atomic; the sums are taken at the end, on each hub.
#include <tendril/hub.hpp>
#include <tendril/hubs.hpp>
#include <tendril/net.hpp>
#include <tendril/server.hpp>

#include <boost/asio/buffer.hpp>

#include <chrono>
#include <iostream>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace {

// DOC: handler
// One for each hub, used by its greenlets only: no atomic, no mutex.
thread_local int requests = 0;

void answer(tendril::tcp_stream& stream) {
    char data[256];
    tendril::error_code error;
    while (auto const size = stream.read_some(boost::asio::buffer(data), error)) {
        ++requests;
        stream.write(boost::asio::buffer(data, size));
    }
}
// DOC-END: handler

// Four requests, one after the other.
int ask(tendril::tcp_stream& stream) {
    int answers = 0;
    for (int number = 0; number < 4; ++number) {
        char data[5];
        stream.write(boost::asio::buffer("hello", 5));
        answers += stream.read_some(boost::asio::buffer(data)) > 0 ? 1 : 0;
    }
    return answers;
}

// All connections are open until the last has been answered, so the hubs share them evenly.
int ask_by_many(tendril::tcp_endpoint where, int clients) {
    std::vector<tendril::tcp_stream> streams;
    for (int number = 0; number < clients; ++number) {
        streams.push_back(tendril::tcp_stream::connect(where));
    }
    int answers = 0;
    for (tendril::tcp_stream& each : streams) {
        answers += ask(each);
    }
    return answers;
}

}  // namespace

int main() {
    tendril::run([] {
        // DOC: serve
        tendril::hub_group hubs{{.size = 2, .name = "server"}};  // or {}: one a core
        tendril::server_group servers{
            hubs, "127.0.0.1:0", answer, {.how = tendril::dividing::hand_over}};
        servers.start();
        int const answers = ask_by_many(servers.local_endpoint(), 8);
        servers.stop(5s);
        // DOC-END: serve
        std::cout << answers << " answers\n";

        // DOC: sums
        int sum = 0;
        for (int const each : hubs.for_each_hub([](std::size_t) { return requests; })) {
            sum += each;
        }
        // DOC-END: sums
        std::cout << "the hubs have counted " << sum << '\n';
        auto const numbers = servers.statistics();
        std::cout << "connections of each hub: " << numbers.each[0].accepted << " and "
                  << numbers.each[1].accepted << '\n';
        hubs.stop(5s);
    });
}
