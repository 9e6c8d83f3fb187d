// SPDX-License-Identifier: BSL-1.0
// Exercise 12: run a program once in every order in which its greenlets could take turns.
//
// A `ready_order` is asked whenever somebody has to be chosen. It notes what it has answered, and
// how many answers there were. The next run gives the same answers up to the last that could have
// been another one, and there the next one: that visits every path of the tree once.
#include <tendril/hub.hpp>
#include <tendril/sync.hpp>
#include <tendril/task.hpp>

#include <cstddef>
#include <iostream>
#include <mutex>
#include <vector>

namespace {

// DOC: every_order
class every_order final : public tendril::ready_order {
public:
    std::size_t choose(std::size_t count) noexcept override {
        if (asked_ == choices_.size()) {
            choices_.push_back({0, count});
        }
        return choices_[asked_++].answer;
    }

    // Goes to the next path. Returns false when there is none.
    bool next() {
        asked_ = 0;
        while (!choices_.empty() && ++choices_.back().answer == choices_.back().count) {
            choices_.pop_back();
        }
        return !choices_.empty();
    }

private:
    struct choice {
        std::size_t answer;
        std::size_t count;
    };
    std::vector<choice> choices_;
    std::size_t asked_ = 0;
};

// Runs `program` in every order, and counts in how many of them it returns false.
template <typename F>
void explore(char const* name, F program) {
    every_order order;
    int orders = 0;
    int failures = 0;
    do {
        ++orders;
        failures += tendril::run({.order = &order}, program) ? 0 : 1;
    } while (order.next());
    std::cout << name << ": wrong in " << failures << " of " << orders << " orders\n";
}
// DOC-END: every_order

struct no_lock {
    void lock() {}
    void unlock() {}
};

// Waits for somebody else. (A yield would not do: it promises that all who are ready run first, so
// it leaves nothing to choose.)
void ask_somebody() {
    tendril::spawn([] {}).join();
}

// Two greenlets add one to a number, with a wait in the middle.
template <typename Lock>
bool adds_two() {
    int number = 0;
    Lock guard;
    auto const add = [&] {
        std::lock_guard const locked{guard};
        int const seen = number;
        ask_somebody();
        number = seen + 1;
    };
    auto first = tendril::spawn(add);
    auto second = tendril::spawn(add);
    first.join();
    second.join();
    return number == 2;
}

}  // namespace

int main() {
    explore("without a lock", adds_two<no_lock>);
    explore("with a mutex", adds_two<tendril::mutex>);
}
