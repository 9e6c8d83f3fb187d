// SPDX-License-Identifier: BSL-1.0
//
// Several tasks at once: all results, all outcomes, whichever comes first, and work that goes on
// when the one who waits for it does not.
#include <tendril/hub.hpp>
#include <tendril/task.hpp>
#include <tendril/testing.hpp>
#include <tendril/time.hpp>
#include <tendril/together.hpp>

#include <chrono>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;

int weigh(std::string const& what) {
    sleep_for(1ms * what.size());
    return what == "stone" ? throw std::runtime_error{"too heavy"} : static_cast<int>(what.size());
}

void all_results() {
    // DOC: gather
    task<int> apple = spawn(weigh, "apple");
    auto [weight, label] = gather(apple, [] { return std::string{"apples"}; });
    std::cout << label << " weigh " << weight << '\n';

    std::vector<task<int>> fruits{spawn(weigh, "fig"), spawn(weigh, "date")};
    for (int const each : gather(fruits)) {
        std::cout << "and " << each << '\n';
    }
    // DOC-END: gather
}

void first_failure() {
    // DOC: failure
    task<int> cherry = spawn(weigh, "a bowl of cherries");
    try {
        gather(cherry, [] { return weigh("stone"); });
    } catch (std::runtime_error const& error) {
        std::cout << error.what() << ", while the other " << (cherry.done() ? "is done" : "goes on")
                  << '\n';
    }
    std::cout << "cherries weigh " << cherry.get() << '\n';
    // DOC-END: failure
}

void all_outcomes() {
    // DOC: outcomes
    std::vector<task<int>> const mixed{spawn(weigh, "plum"), spawn(weigh, "stone")};
    for (gathered<int> const& each : gather_results(mixed)) {
        if (each.succeeded()) {
            std::cout << "weighs " << each.value() << '\n';
        } else {
            std::cout << "has failed\n";
        }
    }
    // DOC-END: outcomes
}

void in_order_of_time() {
    // DOC: completed
    std::vector<task<int>> const tasks{
        spawn(weigh, "grapefruit"), spawn(weigh, "lime"), spawn(weigh, "orange")};
    std::cout << "first comes number " << wait_any(tasks) << '\n';
    for (task<int>& each : as_completed(tasks)) {
        std::cout << "done: " << each.get() << '\n';
    }
    // DOC-END: completed
}

void shielded() {
    // DOC: shield
    task<void> worker = spawn([] {
        shield([] {
            sleep_for(2ms);
            std::cout << "saved\n";
        });
    });
    yield();
    worker.cancel();
    worker.join();
    std::cout << "the worker was cancelled\n";
    // DOC-END: shield
    sleep_for(3ms);
}

}  // namespace

int main() {
    testing::virtual_clock clock;  // nobody waits for real
    run({.clock = &clock}, [] {
        all_results();
        first_failure();
        all_outcomes();
        in_order_of_time();
        shielded();
    });
}
