// SPDX-License-Identifier: BSL-1.0
//
// How many requests that compute for 1 ms do two hubs finish, against one?
//
//     hubs_compute_bench [ROUNDS] [SECONDS]        5 and 2 when not given
//
// A handler computes until its thread has used one millisecond more of a processor. The load is a
// process of its own (io/load.cpp) with 64 connections; at some two thousand requests a second it
// uses a few hundredths of a processor. That is excluded: the rate is the number of requests by the
// time that the processors had for the hubs, which is the time that passed less the load's share of
// it. Needs two processors, and nobody else on them.
#include "load_process.hpp"

#include <harness/compare.hpp>
#include <tendril/hubs.hpp>
#include <tendril/server.hpp>

#include <boost/asio/buffer.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace tendril;

constexpr std::size_t connections_of_load = 64;

std::int64_t nanoseconds_of_thread() {
    timespec used{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return std::int64_t{used.tv_sec} * 1'000'000'000 + used.tv_nsec;
}

void compute_for_a_millisecond() {
    std::int64_t const end = nanoseconds_of_thread() + 1'000'000;
    std::uint64_t number = 1;
    while (nanoseconds_of_thread() < end) {
        for (int step = 0; step < 5000; ++step) {
            number = number * 6364136223846793005U + 1442695040888963407U;
        }
        bench::keep(number);
    }
}

void answer(tcp_stream& stream) {
    char data[1024];
    error_code error;
    while (true) {
        std::size_t const size = stream.read_some(boost::asio::buffer(data), error);
        if (error.failed()) {
            return;
        }
        compute_for_a_millisecond();
        stream.write(boost::asio::buffer(data, size));
    }
}

double requests_a_second(std::size_t size, std::string const& program, double seconds) {
    hub_group hubs{{.size = size}};
    server_group servers{hubs, "127.0.0.1:0", answer, {.how = dividing::hand_over}};
    servers.start();
    auto const done = bench::run_load(
        program, servers.local_endpoint().port(), connections_of_load, seconds);
    servers.stop(std::chrono::seconds{0});
    // With one hub the load has a processor of its own.
    double const processors = std::thread::hardware_concurrency();
    double const taken = static_cast<double>(size) < processors
        ? 0
        : done.processor_seconds / static_cast<double>(size);
    return done.requests / (done.seconds - taken);
}

}  // namespace

int main(int argc, char** argv) {
    int const rounds = argc > 1 ? std::atoi(argv[1]) : 5;
    double const seconds = argc > 2 ? std::atof(argv[2]) : 2;
    std::puts("How many requests that compute for 1 ms do two hubs finish, against one?");
    std::vector<double> one;
    std::vector<double> two;
    std::vector<double> ratios;
    for (int round = 0; round < rounds; ++round) {
        one.push_back(requests_a_second(1, argv[0], seconds));
        two.push_back(requests_a_second(2, argv[0], seconds));
        ratios.push_back(two.back() / one.back());
    }
    std::printf("  one hub   requests/s %8.0f\n", bench::summarise(one).median);
    std::printf("  two hubs  requests/s %8.0f\n", bench::summarise(two).median);
    bench::print_verdict(
        "as many as with one hub", bench::summarise(ratios).median, "at least", 1.8);
}
