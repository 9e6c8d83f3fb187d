// SPDX-License-Identifier: BSL-1.0
//
// Many tasks, and at most so many at a time.
#include <tendril/hub.hpp>
#include <tendril/task.hpp>
#include <tendril/testing.hpp>
#include <tendril/time.hpp>
#include <tendril/together.hpp>

#include <chrono>
#include <iostream>
#include <string>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;

std::size_t fetch(std::string const& page) {
    sleep_for(10ms * page.size());
    return page.size();
}

void look_after() {
    // DOC: group
    group watchers;
    watchers.spawn({.name = "clock"}, [] { sleep_for(1h); });
    watchers.spawn({.name = "door"}, [] { sleep_for(1ms); });
    sleep_for(10ms);
    for (any_task const& each : watchers.tasks()) {
        std::cout << "still there: " << each.name() << '\n';
    }
    watchers.kill();
    // DOC-END: group
}

void spawn_in_turn() {
    // DOC: spawn
    pool two{2};
    for (std::string const page : {"a", "bb", "ccc"}) {
        two.spawn([page] {
            std::size_t const size = fetch(page);
            std::cout << "fetched " << size << '\n';
        });
        std::cout << "started " << page << ", free: " << two.free_count() << '\n';
    }
    two.join();
    // DOC-END: spawn
}

void map_all() {
    // DOC: map
    pool connections{2};
    std::vector<std::string> const pages{"ccccc", "a", "bb"};
    for (std::size_t const size : connections.map(pages, fetch)) {
        std::cout << "in order: " << size << '\n';
    }
    for (std::size_t const size : connections.imap_unordered(pages, fetch, {.max_unread = 10})) {
        std::cout << "as they come: " << size << '\n';
    }
    // DOC-END: map
}

}  // namespace

int main() {
    testing::virtual_clock clock;  // nobody waits for real
    run({.clock = &clock}, [] {
        look_after();
        spawn_in_turn();
        map_all();
    });
}
