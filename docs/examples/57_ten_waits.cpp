// SPDX-License-Identifier: BSL-1.0
//
// Ten waits of a second take ten seconds one after another, and one second at once.
#include <tendril/hub.hpp>
#include <tendril/task.hpp>
#include <tendril/testing.hpp>
#include <tendril/time.hpp>
#include <tendril/together.hpp>

#include <chrono>
#include <iostream>
#include <vector>

using namespace std::chrono_literals;

namespace {

void wait() { tendril::sleep_for(1s); }

// DOC: sequence
void one_after_another() {
    for (int number = 0; number < 10; ++number) {
        wait();
    }
}
// DOC-END: sequence

// DOC: at_once
void at_once() {
    std::vector<void (*)()> const ten(10, wait);
    tendril::gather(ten);  // a task for each
}
// DOC-END: at_once

}  // namespace

int main() {
    tendril::testing::virtual_clock clock;
    tendril::run({.clock = &clock}, [&] {
        auto const start = tendril::this_hub().now();
        one_after_another();
        auto const middle = tendril::this_hub().now();
        at_once();
        auto const end = tendril::this_hub().now();
        std::cout << "one after another: " << (middle - start) / 1s << " s\n"
                  << "at once: " << (end - middle) / 1s << " s\n";
    });
}
