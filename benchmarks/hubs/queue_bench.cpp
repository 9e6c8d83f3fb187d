// SPDX-License-Identifier: BSL-1.0
//
// How many items a second go through a shared_queue from one hub to another, one by one and in
// batches?
//
//     hubs_queue_bench [ITEMS] [ROUNDS]        2,000,000 and 5 when not given
//
// Two threads, each with a hub; time is that of the clock on the wall, because what matters is how
// long the receiver waits. The queue holds 4096 items, and a batch is of 256.
#include "load_process.hpp"

#include <harness/compare.hpp>
#include <tendril/hubs.hpp>
#include <tendril/sync.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

using namespace tendril;
using numbers = shared_queue<std::uint64_t>;
using steady = std::chrono::steady_clock;

constexpr std::size_t batch = 256;
constexpr std::size_t room = 4096;

void put_one_by_one(numbers& to, std::uint64_t count) {
    for (std::uint64_t number = 0; number < count; ++number) {
        to.put(number);
    }
}

void put_in_batches(numbers& to, std::uint64_t count) {
    std::vector<std::uint64_t> items;
    for (std::uint64_t number = 0; number < count;) {
        for (; items.size() < batch && number < count; ++number) {
            items.push_back(number);
        }
        to.put_all(items);
    }
}

std::uint64_t get_one_by_one(numbers& from, std::uint64_t count) {
    std::uint64_t sum = 0;
    for (std::uint64_t got = 0; got < count; ++got) {
        sum += from.get();
    }
    return sum;
}

std::uint64_t get_in_batches(numbers& from, std::uint64_t count) {
    std::uint64_t sum = 0;
    for (std::uint64_t got = 0; got < count;) {
        std::vector<std::uint64_t> const some = from.get_some(batch);
        got += some.size();
        for (std::uint64_t const each : some) {
            sum += each;
        }
    }
    return sum;
}

double items_a_second(
    hub_group& hubs, std::uint64_t count, void (*put)(numbers&, std::uint64_t),
    std::uint64_t (*get)(numbers&, std::uint64_t)) {
    numbers queue{room};
    auto const start = steady::now();
    auto const sum = hubs.spawn_on(1, [&] { return get(queue, count); });
    auto const sent = hubs.spawn_on(0, [&] { put(queue, count); });
    sent.get();
    if (sum.get() != count * (count - 1) / 2) {
        std::fputs("an item was lost or doubled\n", stderr);
        std::exit(1);
    }
    return static_cast<double>(count) /
        std::chrono::duration<double>(steady::now() - start).count();
}

}  // namespace

int main(int argc, char** argv) {
    std::uint64_t const count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 2'000'000;
    int const rounds = argc > 2 ? std::atoi(argv[2]) : 5;
    std::puts("How many items a second go through a shared_queue from one hub to another?");
    hub_group hubs{{.size = 2}};
    std::vector<double> single;
    std::vector<double> many;
    for (int round = 0; round < rounds; ++round) {
        single.push_back(items_a_second(hubs, count / 10, put_one_by_one, get_one_by_one));
        many.push_back(items_a_second(hubs, count, put_in_batches, get_in_batches));
    }
    auto const one = bench::summarise(single);
    auto const all = bench::summarise(many);
    std::printf(
        "  one by one           million items/s %6.2f (%.2f to %.2f)\n", one.median / 1e6,
        one.low / 1e6, one.high / 1e6);
    std::printf(
        "  in batches of %zu    million items/s %6.2f (%.2f to %.2f)\n", batch, all.median / 1e6,
        all.low / 1e6, all.high / 1e6);
    bench::print_verdict("million items/s in batches", all.median / 1e6, "at least", 2);
}
