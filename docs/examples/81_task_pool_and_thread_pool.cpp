// SPDX-License-Identifier: BSL-1.0
// Three ways to have much done at once, and what each is for.
//
// A task pool bounds how many greenlets of one hub wait at the same time. A thread pool makes calls
// that block. A hub group computes on several cores, and its tasks may wait as well.
#include <tendril/hub.hpp>
#include <tendril/hubs.hpp>
#include <tendril/sync.hpp>
#include <tendril/task.hpp>
#include <tendril/threads.hpp>
#include <tendril/time.hpp>
#include <tendril/together.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <numeric>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace {

std::vector<int> const numbers{1, 2, 3, 4, 5, 6, 7, 8};

// DOC: tasks
// Waits much and computes little: greenlets of this hub are enough, three at a time.
void ask_three_at_a_time() {
    int present = 0;
    int most = 0;
    tendril::pool workers{3};
    for (int const number : numbers) {
        workers.spawn([&, number] {
            most = std::max(most, ++present);
            tendril::sleep_for(number * 1ms);  // a request to somebody else
            --present;
        });
    }
    workers.join();
    std::cout << "task pool: at most " << most << " at a time, on one thread\n";
}
// DOC-END: tasks

// DOC: threads
// Blocks: a thread for each call that is under way, and no greenlet in it.
int read_slowly(int number) {
    std::this_thread::sleep_for(1ms);  // a library that knows nothing of greenlets
    return number;
}

void call_what_blocks() {
    tendril::thread_pool threads{{.maximum_size = 4, .name = "readers"}};
    auto const read = threads.map(numbers, read_slowly);
    std::cout << "thread pool: read " << read.size() << " numbers\n";
}
// DOC-END: threads

// DOC: hubs
// Computes: as many hubs as cores, and each part of the work on one of them.
std::uint64_t count_primes(std::uint64_t from, std::uint64_t to) {
    std::uint64_t count = 0;
    for (std::uint64_t number = std::max<std::uint64_t>(from, 2); number < to; ++number) {
        bool prime = true;
        for (std::uint64_t factor = 2; prime && factor * factor <= number; ++factor) {
            prime = number % factor != 0;
        }
        count += prime ? 1 : 0;
    }
    return count;
}

void compute_on_all_cores() {
    tendril::hub_group hubs;
    std::vector<tendril::shared_future<std::uint64_t>> parts;
    for (std::uint64_t from = 0; from < 10'000; from += 1'000) {
        parts.push_back(hubs.spawn(count_primes, from, from + 1'000));
    }
    std::uint64_t sum = 0;
    for (auto const& each : parts) {
        sum += each.get();  // parks; this hub goes on
    }
    std::cout << "hub group: " << sum << " primes below 10000\n";
}
// DOC-END: hubs

// DOC: together
// A hub of the group waits for a thread of the pool: pools are shared between hubs.
void all_together() {
    tendril::hub_group hubs{{.size = 2}};
    auto const sums = hubs.for_each_hub([](std::size_t index) {
        return tendril::run_in_thread(read_slowly, static_cast<int>(index) + 1);
    });
    std::cout << "together: " << std::accumulate(sums.begin(), sums.end(), 0) << '\n';
}
// DOC-END: together

}  // namespace

int main() {
    tendril::run([] {
        ask_three_at_a_time();
        call_what_blocks();
        compute_on_all_cores();
        all_together();
    });
}
