// SPDX-License-Identifier: BSL-1.0
//
// What does the limit cost that never runs out: set and taken back, while 100,000 others are armed?
// And does it allocate?
#include <harness/compare.hpp>

#include <tendril/hub.hpp>
#include <tendril/time.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <new>
#include <random>

namespace {

std::uint64_t allocations = 0;

}  // namespace

void* operator new(std::size_t size) {
    ++allocations;
    if (void* const memory = std::malloc(size)) {
        return memory;
    }
    throw std::bad_alloc{};
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

using std::chrono::milliseconds;

constexpr int live = 100'000;

// Sets and takes back limits of such durations. Gives the nanoseconds of a pair.
template <typename Durations>
double nanoseconds_a_pair(Durations&& next) {
    double result = 0;
    tendril::run([&] {
        std::mt19937 random{1};
        std::uniform_int_distribution<int> durations{10'000, 60'000};
        std::deque<tendril::timer> others;
        for (int made = 0; made < live; ++made) {
            others.emplace_back(milliseconds{durations(random)});
        }
        constexpr int pairs = 200'000;
        std::uint64_t const before = allocations;
        double const start = bench::processor_time();
        for (int pair = 0; pair < pairs; ++pair) {
            tendril::timeout const limit{next(pair)};
        }
        result = (bench::processor_time() - start) / pairs;
        if (allocations != before) {
            std::printf("  %lu allocations\n", allocations - before);
        }
    });
    return result;
}

double median_of(double (*sample)()) {
    std::vector<double> samples;
    for (int round = 0; round < 11; ++round) {
        samples.push_back(sample());
    }
    return bench::summarise(samples).median;
}

double behind_all_others() {
    return nanoseconds_a_pair([](int) { return milliseconds{60'001}; });
}

double anywhere_among_them() {
    return nanoseconds_a_pair(
        [](int pair) { return milliseconds{10'000 + (pair * 7919) % 50'000}; });
}

double around_a_call() {
    double result = 0;
    tendril::run([&] {
        constexpr int calls = 200'000;
        // The first one of a hub makes room among its alarms.
        int sum = tendril::with_timeout(milliseconds{60'000}, [] { return 0; });
        std::uint64_t const before = allocations;
        double const start = bench::processor_time();
        for (int call = 0; call < calls; ++call) {
            sum += tendril::with_timeout(milliseconds{60'000}, [call] { return call; });
        }
        result = (bench::processor_time() - start) / calls;
        bench::keep(sum);
        if (allocations != before) {
            std::printf("  %lu allocations\n", allocations - before);
        }
    });
    return result;
}

}  // namespace

int main() {
    bench::ask("What does a limit cost that is set and taken back, among 100,000 others?");
    std::puts("  a limit that is due after all others");
    bench::judge(60, median_of(behind_all_others), "ns");
    std::puts("  limits that are due anywhere among them");
    bench::judge(60, median_of(anywhere_among_them), "ns");
    std::puts("  with_timeout around a call that does not wait");
    bench::judge(60, median_of(around_a_call), "ns");
    std::printf("  no line above says that anything was allocated\n");
}
