// SPDX-License-Identifier: BSL-1.0
// Exercise 27: the first answer of all hubs, and an end to the search on the others.
//
// Every hub searches its share. The first that finds something gives the answer to one promise: the
// first to give decides. The others learn of it by a cancel, which reaches a task only where it may
// wait, so a search that computes says `yield` now and then.
#include <tendril/hub.hpp>
#include <tendril/hubs.hpp>
#include <tendril/support.hpp>
#include <tendril/task.hpp>
#include <tendril/time.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace {

// DOC: first
// `search(index, count, found)` looks through one share of several, and calls `found` with a hit.
template <typename Search>
std::optional<std::uint64_t> first_answer(tendril::hub_group& hubs, Search search) {
    tendril::shared_promise<std::optional<std::uint64_t>> answer;
    auto const left = std::make_shared<std::atomic<std::size_t>>(hubs.size());
    std::vector<tendril::shared_future<void>> searching;
    tendril::scope_exit const end_the_others{[&] {
        for (auto const& each : searching) {
            each.cancel();  // goes to the hub of the task
        }
    }};
    for (std::size_t index = 0; index < hubs.size(); ++index) {
        searching.push_back(hubs.spawn_on(index, [=, count = hubs.size()] {
            search(index, count, [&](std::uint64_t hit) { answer.try_set_value(hit); });
            if (--*left == 0) {
                answer.try_set_value(std::nullopt);  // nobody has found any
            }
        }));
    }
    return answer.get_future().get();
}
// DOC-END: first

// Looks for the root of a square.
void search_for_root(
    std::size_t index, std::size_t count, std::function<void(std::uint64_t)> const& found) {
    for (std::uint64_t number = index; number < 2'000'000; number += count) {
        if (number * number == 1'522'758'468'001) {
            found(number);
        }
        if (number / count % 1000 == 0) {
            tendril::yield();  // throws `cancelled` when another hub was faster
        }
    }
}

}  // namespace

int main() {
    tendril::run([] {
        tendril::hub_group hubs{{.size = 2}};
        auto const root = first_answer(hubs, search_for_root);
        std::cout << "the root is " << (root ? std::to_string(*root) : "not there") << '\n';
        auto const nothing = first_answer(hubs, [](std::size_t, std::size_t, auto const&) {});
        std::cout << "and then " << (nothing ? "something" : "nothing") << '\n';
    });
}
