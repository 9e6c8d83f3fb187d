// SPDX-License-Identifier: BSL-1.0
//
// What does it cost to spawn a task that does nothing, and to wait for its end? One at a time, and
// a thousand at once. The baseline is a greenlet that is created, run and destroyed by hand.
#include <harness/compare.hpp>

#include <tendril/hub.hpp>
#include <tendril/task.hpp>

#include <vector>

namespace {

using namespace tendril;

constexpr int thousand = 1000;

void greenlets(std::uint64_t iterations) {
    for (std::uint64_t done = 0; done < iterations; ++done) {
        greenlet{[] {}}.switch_to();
    }
}

void tasks_one_at_a_time(std::uint64_t iterations) {
    run([=] {
        for (std::uint64_t done = 0; done < iterations; ++done) {
            spawn([] {}).join();
        }
    });
}

void tasks_by_the_thousand(std::uint64_t iterations) {
    run([=] {
        std::vector<task<void>> tasks;
        for (std::uint64_t done = 0; done < iterations; ++done) {
            for (int count = 0; count < thousand; ++count) {
                tasks.push_back(spawn([] {}));
            }
            for (task<void>& each : tasks) {
                each.join();
            }
            tasks.clear();
        }
    });
}

}  // namespace

int main() {
    bench::ask("What does it cost to spawn a task that does nothing, and to wait for its end?");
    bench::comparison lives{"ns a life"};
    lives.add("greenlet, by hand", bench::loop(1, greenlets));
    lives.add("task, one at a time", bench::loop(1, tasks_one_at_a_time));
    lives.add("task, a thousand at once", bench::loop(thousand, tasks_by_the_thousand));
    lives.run();
}
