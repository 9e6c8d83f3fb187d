// SPDX-License-Identifier: BSL-1.0
// Exercise 26: a map that is divided among hubs, each key on one of them.
//
// The hub of a key alone touches its entry, so there is no mutex: whoever wants something of a key
// has its hub do it and waits for the result. Steps on one key never overlap unless they wait.
#include <tendril/hub.hpp>
#include <tendril/hubs.hpp>
#include <tendril/task.hpp>

#include <cstddef>
#include <functional>
#include <iostream>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace {

// DOC: map
class sharded_map {
public:
    explicit sharded_map(tendril::hub_group& hubs) : hubs_{hubs}, shards_(hubs.size()) {}

    // Calls `step(value)` on the hub of the key; the future has what it returns.
    template <typename F>
    auto update(std::string key, F step) {
        std::size_t const home = std::hash<std::string>{}(key) % shards_.size();
        return hubs_.spawn_on(
            home, [this, home, key = std::move(key), step = std::move(step)]() mutable {
                return step(shards_[home][std::move(key)]);
            });
    }

    // One hub after the other adds its share; nobody sees all at one moment.
    long sum() {
        long sum = 0;
        for (long const each : hubs_.for_each_hub([this](std::size_t home) {
                 long share = 0;
                 for (auto const& [key, value] : shards_[home]) {
                     share += value;
                 }
                 return share;
             })) {
            sum += each;
        }
        return sum;
    }

private:
    tendril::hub_group& hubs_;
    // The one of a number belongs to the hub of that number.
    std::vector<std::map<std::string, long>> shards_;
};
// DOC-END: map

}  // namespace

int main() {
    tendril::hub_group hubs{{.size = 2}};
    sharded_map stock{hubs};
    // Without a hub this thread blocks in `get`; the calls are the same.
    std::vector<tendril::shared_future<void>> added;
    for (int number = 0; number < 300; ++number) {
        std::string const key(1, "abc"[number % 3]);
        added.push_back(stock.update(key, [number](long& value) { value += number; }));
    }
    for (auto const& each : added) {
        each.get();
    }
    for (char const* key : {"a", "b", "c"}) {
        std::cout << key << ": " << stock.update(key, [](long& value) { return value; }).get()
                  << '\n';
    }
    std::cout << "all: " << stock.sum() << '\n';
    // The tasks refer to the map, which goes before the group.
    hubs.close();
}
