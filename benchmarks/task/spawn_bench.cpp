// SPDX-License-Identifier: BSL-1.0
//
// What does it cost to spawn a task that does nothing, and to wait for its end? One at a time, and
// a thousand at once.
#include <tendril/hub.hpp>
#include <tendril/task.hpp>

#include <benchmark/benchmark.h>

#include <vector>

namespace {

using namespace tendril;

void spawn_and_join(benchmark::State& state) {
    run([&] {
        for (auto _ : state) {
            spawn([] {}).join();
        }
    });
}
BENCHMARK(spawn_and_join);

void spawn_a_thousand(benchmark::State& state) {
    run([&] {
        std::vector<task<void>> tasks;
        for (auto _ : state) {
            for (int count = 0; count < 1000; ++count) {
                tasks.push_back(spawn([] {}));
            }
            for (task<void>& each : tasks) {
                each.join();
            }
            tasks.clear();
        }
        state.SetItemsProcessed(state.iterations() * 1000);
    });
}
BENCHMARK(spawn_a_thousand);

}  // namespace

BENCHMARK_MAIN();
