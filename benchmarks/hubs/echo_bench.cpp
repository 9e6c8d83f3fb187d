// SPDX-License-Identifier: BSL-1.0
//
// What does an echo of 64 bytes cost with two hubs, against one, and do connections divide evenly?
//
//     hubs_echo_bench [CONNECTIONS] [ROUNDS] [SECONDS]        2000, 5 and 1 when not given
//
// The load is a process of its own (io/load.cpp) and has most of one processor. What is compared is
// processor time: that of the threads of the hubs, read from their clocks before and after, for
// each request that the load has counted. So the load's own work is not in it, and on a machine
// with two processors it does not matter that three threads share them. Both groups are kept busy
// by the same load, in turns.
#include "load_process.hpp"

#include <harness/compare.hpp>
#include <tendril/hubs.hpp>
#include <tendril/server.hpp>

#include <boost/asio/buffer.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

using namespace tendril;

void echo(tcp_stream& stream) {
    char data[1024];
    error_code error;
    while (true) {
        std::size_t const size = stream.read_some(boost::asio::buffer(data), error);
        if (error.failed()) {
            return;
        }
        stream.write(boost::asio::buffer(data, size));
    }
}

std::chrono::nanoseconds time_of(hub_group const& hubs) {
    std::chrono::nanoseconds sum{};
    for (hub_load const& each : hubs.statistics()) {
        sum += each.processor_time;
    }
    return sum;
}

struct measured {
    std::vector<double> cost;
    std::vector<double> rate;
    // How far the hub with the most connections is above its share.
    double excess = 0;
};

void measure(
    measured& into, std::size_t size, dividing how, std::string const& program,
    std::size_t connections, double seconds) {
    hub_group hubs{{.size = size}};
    server_group servers{hubs, "127.0.0.1:0", echo, {.how = how}};
    servers.start();
    auto const before = time_of(hubs);
    auto const done = bench::run_load(
        program, servers.local_endpoint().port(), connections, seconds);
    auto const used = std::chrono::duration<double, std::micro>{time_of(hubs) - before};
    into.cost.push_back(used.count() / done.requests);
    into.rate.push_back(done.requests / done.seconds);
    for (stream_server_statistics const& each : servers.statistics().each) {
        double const share = static_cast<double>(connections) / static_cast<double>(size);
        into.excess = std::max(into.excess, static_cast<double>(each.accepted) / share - 1);
    }
    servers.stop();
}

void print(char const* name, measured const& found) {
    auto const cost = bench::summarise(found.cost);
    std::printf(
        "  %-24s us of processor a request %6.2f (%.2f to %.2f)   requests/s %8.0f\n", name,
        cost.median, cost.low, cost.high, bench::summarise(found.rate).median);
}

}  // namespace

int main(int argc, char** argv) {
    std::size_t const connections = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 2000;
    int const rounds = argc > 2 ? std::atoi(argv[2]) : 5;
    double const seconds = argc > 3 ? std::atof(argv[3]) : 1;
    std::puts("What does an echo of 64 bytes cost with two hubs, against one?");
    measured one;
    measured two;
    measured handed;
    for (int round = 0; round < rounds; ++round) {
        measure(one, 1, dividing::by_kernel, argv[0], connections, seconds);
        measure(two, 2, dividing::by_kernel, argv[0], connections, seconds);
        measure(handed, 2, dividing::hand_over, argv[0], connections, seconds);
    }
    std::printf("  %zu connections, %d rounds in turns\n", connections, rounds);
    print("one hub", one);
    print("two hubs, by the kernel", two);
    print("two hubs, handed over", handed);
    std::vector<double> ratios;
    for (std::size_t round = 0; round < one.cost.size(); ++round) {
        ratios.push_back(two.cost[round] / one.cost[round]);
    }
    bench::print_verdict(
        "processor, against one hub", bench::summarise(ratios).median, "at most", 1.05);
    bench::print_verdict("more than its share, by the kernel", two.excess, "at most", 0.1);
    bench::print_verdict("more than its share, handed over", handed.excess, "at most", 0.1);
}
