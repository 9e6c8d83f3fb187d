// SPDX-License-Identifier: BSL-1.0
// Exercise 19: a race of two functions. The first to return wins, and the other is ended.
//
// One that fails is out of the race, and the other goes on. Nobody is left running, whoever leaves
// and why: that is the group's affair. What the group cannot know is that both may have won: a
// result of the same turn beats the cancel, so the second one looks whether it is late.
#include <tendril/hub.hpp>
#include <tendril/scope.hpp>
#include <tendril/task.hpp>
#include <tendril/testing.hpp>
#include <tendril/time.hpp>

#include <iostream>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

using namespace std::chrono_literals;

namespace {

// DOC: race
// Throws: exception_group when nobody wins, of what both have thrown; task_cancelled when neither
// has a result nor an error; what was requested for the caller.
template <typename F, typename G>
std::invoke_result_t<F&> race(F one, G other) {
    std::optional<std::invoke_result_t<F&>> winner;
    std::vector<std::exception_ptr> errors;
    // Not within the block, whose own variables are gone while the group still waits.
    auto const run = [&](auto& function, tendril::task_group& group) {
        try {
            auto result = function();
            if (!winner) {
                winner.emplace(std::move(result));
                group.cancel("somebody has won the race");
            }
        } catch (std::exception const&) {  // lets `cancelled` pass
            errors.push_back(std::current_exception());
        }
    };
    tendril::with_task_group([&](tendril::task_group& group) {
        group.spawn([&] { run(one, group); });
        group.spawn([&] { run(other, group); });
    });
    if (winner) {
        return *std::move(winner);
    }
    if (errors.empty()) {
        throw tendril::task_cancelled{"both were cancelled"};
    }
    throw tendril::exception_group{"nobody has won the race", errors};
}
// DOC-END: race

// A runner who says how the race ended for it.
auto runner(std::string name, std::chrono::milliseconds takes) {
    return [name, takes] {
        try {
            tendril::sleep_for(takes);
        } catch (tendril::scope_cancelled const& why) {
            std::cout << name << " stops: " << why.reason() << '\n';
            throw;
        }
        return name;
    };
}

auto loser(std::string name) {
    return [name]() -> std::string { throw std::runtime_error{name + " has fallen"}; };
}

}  // namespace

int main() {
    tendril::testing::virtual_clock clock;
    tendril::run({.clock = &clock}, [] {
        std::cout << race(runner("hare", 1h), runner("tortoise", 1s)) << " wins\n";
        std::cout << race(loser("horse"), runner("mule", 1s)) << " wins\n";
        std::cout << race(runner("twin", 1s), runner("other twin", 1s)) << " wins\n";
        try {
            race(loser("ox"), loser("ass"));
        } catch (tendril::exception_group const& all) {
            std::cout << all.what() << '\n';
        }
        bool const finished = tendril::move_on_after(
            1s, [] { race(runner("snail", 1h), runner("slug", 2h)); });
        std::cout << (finished ? "finished" : "nobody waits for snails") << '\n';
    });
}
