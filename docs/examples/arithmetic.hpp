// SPDX-License-Identifier: BSL-1.0
#pragma once

// The first part of the demo: what a parked greenlet, a switch and a request cost on this machine,
// and whether the three laws of docs/arithmetic.md hold for what is measured. Takes two seconds.

#include <tendril/tendril.hpp>

#include <time.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <vector>

namespace arithmetic {

using namespace std::chrono_literals;
using seconds = std::chrono::duration<double>;

/// What a number of greenlets has done in a stretch of time.
struct work_done {
    double per_second = 0;
    /// From the beginning of a request to its end, on average.
    seconds latency{};
    /// How many requests were under way, on average.
    double in_flight = 0;
    /// How much of one processor they have used.
    double processor = 0;
};

/// The time that this thread has spent computing.
inline seconds processor_time() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec};
}

inline double resident_bytes() {
    std::ifstream statm{"/proc/self/statm"};
    double pages = 0;
    double resident = 0;
    statm >> pages >> resident;
    return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

/// Computes for some twenty microseconds, and waits for nothing.
inline void compute() {
    std::uint64_t mixed = 1;
    for (int i = 0; i < 20'000; ++i) {
        mixed = mixed * 6'364'136'223'846'793'005U + 1'442'695'040'888'963'407U;
        asm volatile("" : "+r"(mixed));
    }
}

/// Counts requests and measures them, from `begin` to `end`.
class ledger {
public:
    void begin() {
        counted_ = 0;
        total_ = {};
        samples_ = 0;
        sampled_ = 0;
        start_ = tendril::now();
        processor_ = processor_time();
    }
    template <typename F>
    void request(F const& answer) {
        auto const begun = tendril::now();
        ++in_flight_;
        answer();
        --in_flight_;
        ++counted_;
        total_ += tendril::now() - begun;
    }
    void sample() {
        ++samples_;
        sampled_ += static_cast<double>(in_flight_);
    }
    work_done end() const {
        seconds const passed = tendril::now() - start_;
        double const answers = static_cast<double>(counted_);
        return {
            answers / passed.count(), seconds{total_} / answers, sampled_ / samples_,
            (processor_time() - processor_) / passed};
    }

private:
    tendril::time_point start_;
    seconds processor_{};
    std::chrono::nanoseconds total_{};
    std::size_t counted_ = 0;
    std::size_t in_flight_ = 0;
    double samples_ = 0;
    double sampled_ = 0;
};

/// Lets so many greenlets wait, and returns how many bytes the process has grown for each.
inline double bytes_of_a_parked_greenlet(std::size_t count) {
    tendril::event enough;
    double const before = resident_bytes();
    double grown = 0;
    tendril::with_task_group([&](tendril::task_group& group) {
        for (std::size_t i = 0; i < count; ++i) {
            group.spawn([&] { enough.wait(); });
        }
        tendril::sleep_for(1ms);  // all have begun, and wait
        grown = resident_bytes() - before;
        enough.set();
    });
    return grown / static_cast<double>(count);
}

/// Lets two greenlets hand over to each other.
inline seconds time_of_a_switch() {
    auto const hand_over = [] {
        for (int i = 0; i < 500'000; ++i) {
            tendril::yield();
        }
    };
    auto const switches = tendril::this_hub().statistics().switches;
    seconds const before = processor_time();
    tendril::with_task_group([&](tendril::task_group& group) {
        group.spawn(hand_over);
        group.spawn(hand_over);
    });
    seconds const passed = processor_time() - before;
    return passed / static_cast<double>(tendril::this_hub().statistics().switches - switches);
}

// DOC: arrive
/// Ten requests arrive in each millisecond, whoever is done or not; each waits for a while.
inline work_done let_arrive(std::chrono::milliseconds waits) {
    ledger counts;
    tendril::with_task_group([&](tendril::task_group& group) {
        tendril::ticker beat{1ms};
        auto const go_on_for = [&](std::chrono::milliseconds duration) {
            auto const end = tendril::now() + duration;
            while (tendril::now() < end) {
                for (auto due = 10 * beat.wait(); due > 0; --due) {
                    group.spawn([&] { counts.request([&] { tendril::sleep_for(waits); }); });
                }
                counts.sample();
            }
        };
        go_on_for(waits + 50ms);  // until as many end as begin
        counts.begin();
        go_on_for(300ms);
    });
    return counts.end();
}
// DOC-END: arrive

// DOC: load
/// So many clients ask, again and again; each request waits for 10 ms and then computes.
inline work_done load(std::size_t clients) {
    ledger counts;
    work_done measured;
    tendril::with_task_group([&](tendril::task_group& group) {
        for (std::size_t i = 0; i < clients; ++i) {
            group.spawn([&] {
                while (true) {
                    counts.request([] {
                        tendril::sleep_for(10ms);
                        compute();
                    });
                }
            });
        }
        tendril::sleep_for(100ms);
        counts.begin();
        auto const end = tendril::now() + 300ms;
        while (tendril::now() < end) {
            counts.sample();
            tendril::sleep_for(1ms);
        }
        measured = counts.end();
        group.cancel();
    });
    return measured;
}
// DOC-END: load

inline void print_law(char const* what, work_done const& done) {
    std::printf(
        "  %s %9.0f a second x %6.1f ms = %7.1f  in flight %7.1f\n", what, done.per_second,
        1000 * done.latency.count(), done.per_second * done.latency.count(), done.in_flight);
}

inline void print_load(std::size_t clients, work_done const& done) {
    std::printf(
        "  %6zu clients %9.0f a second, latency %6.1f ms, processor %3.0f %%, %5.1f us each\n",
        clients, done.per_second, 1000 * done.latency.count(), 100 * done.processor,
        1e6 * done.processor / done.per_second);
}

/// Measures and prints everything. Switches: may.
inline void print() {
    double const bytes = bytes_of_a_parked_greenlet(10'000);
    seconds const a_switch = time_of_a_switch();
    std::printf("The arithmetic of this machine, one hub on one processor (docs/arithmetic.md):\n");
    std::printf("a parked greenlet     %10.0f bytes\n", bytes);
    std::printf("parked in a GiB       %10.0f\n", 1024.0 * 1024 * 1024 / bytes);
    std::printf("a switch              %10.1f ns\n", 1e9 * a_switch.count());
    std::printf("Little's law: rate x latency is what is in flight\n");
    print_law("waits  50 ms", let_arrive(50ms));
    print_law("waits 200 ms", let_arrive(200ms));
    std::printf("processor time of a request, and the most that a processor can answer\n");
    work_done const light = load(50);
    print_load(50, light);
    work_done const full = load(2000);
    print_load(2000, full);
    double const most = light.per_second / light.processor;
    std::printf(
        "  foretold by the first line: %.0f a second of a whole processor, %.0f of the %.0f %% "
        "that "
        "this program was given\n\n",
        most, most * full.processor, 100 * full.processor);
}

}  // namespace arithmetic
