// SPDX-License-Identifier: BSL-1.0
// Exercise 10: what costs a turn of the loop, and what only a detour through it?
//
// The statistics of the hub count both: turns, and switches from stack to stack. A yield is one
// switch. The budget ends a turn, and a callback between two greenlets does not: it makes two
// switches of one, to the loop and from there to the next, within the turn.
#include <tendril/hub.hpp>
#include <tendril/task.hpp>
#include <tendril/time.hpp>

#include <cstdint>
#include <iostream>

namespace {

// DOC: count_turns
struct cost {
    std::uint64_t turns;
    std::uint64_t switches;
};

enum class callbacks : bool { none, one_before_each_yield };

// Two greenlets yield to each other, so many times each.
cost measure(int yields, int budget, callbacks wanted) {
    return tendril::run({.budget = budget}, [&] {
        auto const work = [&] {
            for (int done = 0; done < yields; ++done) {
                if (wanted == callbacks::one_before_each_yield) {
                    tendril::this_hub().call_soon([] {});
                }
                tendril::yield();
            }
        };
        // Once through the loop, so that its first turn has begun.
        tendril::this_hub().call_soon([] {});
        tendril::yield();
        auto const before = tendril::this_hub().statistics();
        auto first = tendril::spawn(work);
        auto second = tendril::spawn(work);
        first.join();
        second.join();
        auto const after = tendril::this_hub().statistics();
        return cost{after.turns - before.turns, after.switches - before.switches};
    });
}
// DOC-END: count_turns

void print(char const* what, cost spent) {
    std::cout << what << ": " << spent.turns << " turns, " << spent.switches << " switches\n";
}

}  // namespace

int main() {
    print("100 yields each", measure(100, 1024, callbacks::none));
    print("with a budget of 50", measure(100, 50, callbacks::none));
    print("with a callback before each", measure(100, 1024, callbacks::one_before_each_yield));
}
