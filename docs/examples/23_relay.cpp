// SPDX-License-Identifier: BSL-1.0
// Runners who get ready (a latch), run in step (a barrier), and find that one has given up (a
// broken barrier). Somebody watches until the race is over (an event).
#include <tendril/hub.hpp>
#include <tendril/scope.hpp>
#include <tendril/sync.hpp>
#include <tendril/task.hpp>
#include <tendril/testing.hpp>
#include <tendril/time.hpp>

#include <iostream>

using namespace std::chrono_literals;

namespace {

// DOC: latch
void get_ready(tendril::latch& all_ready, int number) {
    tendril::sleep_for(number * 1ms);
    std::cout << "runner " << number << " is ready\n";
    all_ready.arrive_and_wait();
}
// DOC-END: latch

// DOC: barrier
template <typename Barrier>
void run_laps(Barrier& lap, int number, int enough) {
    try {
        for (int ended = 0; ended < enough; ++ended) {
            tendril::sleep_for(number * 1ms);
            lap.arrive_and_wait();  // nobody begins a lap before all have ended theirs
        }
        std::cout << "runner " << number << " has had enough\n";
        lap.abort();  // the others would wait for ever
    } catch (tendril::broken_barrier const&) {
        std::cout << "runner " << number << " stops\n";
    }
}
// DOC-END: barrier

// DOC: event
void watch(tendril::event& over) {
    while (!over.wait_for(1h)) {
        std::cout << "they still run\n";
    }
    std::cout << "the race is over\n";
}
// DOC-END: event

}  // namespace

int main() {
    tendril::testing::virtual_clock clock;  // the hour is over in a moment
    tendril::run({.clock = &clock}, [] {
        int laps = 0;
        tendril::event over;
        tendril::latch all_ready{2};
        tendril::barrier lap{2, [&]() noexcept { std::cout << "lap " << ++laps << '\n'; }};
        tendril::with_task_group([&](tendril::task_group& all) {
            all.spawn([&] { watch(over); });
            // Who is cancelled on the way is waited for by the other, but not for ever.
            tendril::move_on_after(1h, [&] {
                tendril::with_task_group([&](tendril::task_group& runners) {
                    runners.spawn([&] {
                        get_ready(all_ready, 1);
                        run_laps(lap, 1, 100);
                    });
                    runners.spawn([&] {
                        get_ready(all_ready, 2);
                        run_laps(lap, 2, 3);
                    });
                });
            });
            over.set();
        });
    });
}
