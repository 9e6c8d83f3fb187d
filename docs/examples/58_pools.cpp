// SPDX-License-Identifier: BSL-1.0
//
// A pool of tasks for what waits, and a pool of threads for what computes.
#include <tendril/hub.hpp>
#include <tendril/testing.hpp>
#include <tendril/threads.hpp>
#include <tendril/time.hpp>
#include <tendril/together.hpp>

#include <chrono>
#include <iostream>
#include <numeric>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace {

// DOC: work
// Waits for the network: a task does that, and costs little more than its stack.
std::string download(std::string const& name) {
    tendril::sleep_for(1s);
    return "all about " + name;
}

// Would keep the hub from its work, if the text were long: a thread does that.
int checksum(std::string const& text) { return std::accumulate(text.begin(), text.end(), 0); }
// DOC-END: work

}  // namespace

int main() {
    tendril::testing::virtual_clock clock;
    tendril::run({.clock = &clock}, [&] {
        // DOC: pools
        tendril::thread_pool processors{{.maximum_size = 2}};
        tendril::pool connections{3};
        std::vector<std::string> const names{"apples", "bread", "cheese", "dates", "eggs", "figs"};

        auto const checksum_of = [&](std::string const& name) {
            std::string const text = download(name);
            return name + ": " + std::to_string(processors.run(checksum, text));
        };
        for (std::string const& line : connections.map(names, checksum_of)) {
            std::cout << line << '\n';
        }
        std::cout << "six downloads, three at a time: " << clock.elapsed() / 1s << " s\n";
        // DOC-END: pools
    });
}
