// SPDX-License-Identifier: BSL-1.0
//
// What does a post from another thread cost: how many allocations, how many writes to the bell of
// the hub, and how much time, against a mutex and a vector that the hub's thread empties?
#include <harness/compare.hpp>

#include <tendril/hub.hpp>
#include <tendril/support/system_calls.hpp>
#include <tendril/time.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <new>
#include <thread>
#include <vector>

namespace {

using namespace tendril;

thread_local long allocations_here = 0;
std::atomic<long> bell_writes{0};

constexpr int burst = 1000;
constexpr int bursts = 100;
constexpr long most_writes_a_burst = 10;

struct counts {
    double allocations_a_post = 0;
    long most_writes = 0;
};

// The hub is busy: its greenlets yield to each other until all has come.
template <typename Function>
counts count_bursts(Function function) {
    counts result;
    std::atomic<int> arrived{0};
    run([&] {
        bool over = false;
        this_hub().spawn_raw([&] {
            while (!over) {
                yield();
            }
        });
        yield();
        std::thread poster{[&, door = this_hub().remote()] {
            long allocations = 0;
            for (int lap = 1; lap <= bursts; ++lap) {
                long const writes_before = bell_writes;
                long const before = allocations_here;
                for (int number = 0; number < burst; ++number) {
                    door.post([&arrived, function] { arrived += function(); });
                }
                allocations += allocations_here - before;
                while (arrived < lap * burst) {
                    std::this_thread::yield();
                }
                result.most_writes = std::max(result.most_writes, bell_writes - writes_before);
            }
            result.allocations_a_post = double(allocations) / (burst * bursts);
        }};
        while (arrived < burst * bursts) {
            yield();
        }
        over = true;
        poster.join();
    });
    return result;
}

// Prints the counts of one kind of function; returns whether they are within the bar.
bool print(char const* name, counts const& found) {
    bool const good = found.allocations_a_post <= 1 && found.most_writes <= most_writes_a_burst;
    std::printf(
        "  %-28s %5.2f allocations a post, at most %ld writes a burst of %d: %s\n", name,
        found.allocations_a_post, found.most_writes, burst, good ? "good" : "MISSED");
    return good;
}

constexpr std::uint64_t batch = 256;

// In the thread of the hub, so that only the posts and the calls are measured.
double nanoseconds_a_post() {
    double time = 0;
    run([&] {
        remote const door = this_hub().remote();
        std::uint64_t called = 0;
        double const start = bench::processor_time();
        for (int lap = 0; lap < 400; ++lap) {
            for (std::uint64_t number = 0; number < batch; ++number) {
                door.post([&called] { ++called; });
            }
            sleep_for(std::chrono::nanoseconds{1});
        }
        time = bench::processor_time() - start;
        bench::keep(called);
    });
    return time / (400 * batch);
}

double nanoseconds_with_a_vector() {
    std::mutex guard;
    std::vector<std::function<void()>> posted;
    std::uint64_t called = 0;
    double const start = bench::processor_time();
    for (int lap = 0; lap < 400; ++lap) {
        for (std::uint64_t number = 0; number < batch; ++number) {
            std::lock_guard const lock{guard};
            posted.emplace_back([&called] { ++called; });
        }
        std::vector<std::function<void()>> taken;
        {
            std::lock_guard const lock{guard};
            taken.swap(posted);
        }
        for (auto& each : taken) {
            each();
        }
    }
    double const time = bench::processor_time() - start;
    bench::keep(called);
    return time / (400 * batch);
}

}  // namespace

// Not inlined: the compiler would see `free` where it expects the partner of `new`, and warn.
[[gnu::noinline]] void* operator new(std::size_t size) {
    ++allocations_here;
    if (void* const memory = std::malloc(size)) {
        return memory;
    }
    throw std::bad_alloc{};
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

int main() {
    system_calls table = kernel();
    table.write = [](int fd, void const* data, std::size_t size) {
        ++bell_writes;
        return real_kernel().write(fd, data, size);
    };
    bool good = true;
    {
        // First, while the process may still use all processors.
        replaced_system_calls const until_end{table};
        std::puts("What does a post from another thread allocate, and how often does it ring?");
        std::array<int, 64> large{};
        good &= print("a small function", count_bursts([] { return 1; }));
        good &= print("a function of 256 bytes", count_bursts([large] { return 1 + large[0]; }));
    }
    bench::ask("What do a post and its call cost, against a mutex and a vector?");
    bench::comparison posts{"ns a post"};
    posts.add("mutex and vector", nanoseconds_with_a_vector);
    posts.add("remote::post()", nanoseconds_a_post);
    posts.run();
    return good ? 0 : 1;
}
