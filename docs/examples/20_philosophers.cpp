// SPDX-License-Identifier: BSL-1.0
// Five philosophers, five forks: each takes the fork on the left, then the one on the right.
//
// When all have the left one they wait in a ring, and nothing could ever wake them. The hub sees it
// and tells the main greenlet, with a list of who waits, and for what. Whoever takes all locks in
// one step, with `std::scoped_lock`, cannot get there.
#include <tendril/hub.hpp>
#include <tendril/sync.hpp>
#include <tendril/task.hpp>
#include <tendril/time.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <iostream>
#include <mutex>
#include <sstream>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace {

using forks = std::array<tendril::mutex, 5>;

// DOC: one-by-one
void eat_one_by_one(tendril::mutex& left, tendril::mutex& right) {
    std::lock_guard const first{left};
    tendril::sleep_for(1ms);  // time enough for all others to take theirs
    std::lock_guard const second{right};
    std::cout << "somebody eats\n";
}
// DOC-END: one-by-one

// DOC: in-one-step
void eat(tendril::mutex& left, tendril::mutex& right, int number) {
    std::scoped_lock const both{left, right};
    tendril::sleep_for(1ms);
    std::cout << "philosopher " << number << " eats\n";
}
// DOC-END: in-one-step

template <typename F>
std::vector<tendril::task<void>> seat_five(forks& table, F eat_with) {
    std::vector<tendril::task<void>> seated;
    for (std::size_t number = 0; number < table.size(); ++number) {
        tendril::mutex& left = table[number];
        tendril::mutex& right = table[(number + 1) % table.size()];
        seated.push_back(tendril::spawn({.name = "philosopher"}, [&left, &right, number, eat_with] {
            eat_with(left, right, static_cast<int>(number));
        }));
    }
    return seated;
}

// Each line up to where it says in which file: that depends on where this was built.
void print_without_places(std::string const& report) {
    std::istringstream lines{report};
    for (std::string line; std::getline(lines, line);) {
        auto const end = std::min(line.find(", made at"), line.find(", stands in"));
        std::cout << line.substr(0, end) << '\n';
    }
}

}  // namespace

int main() {
    forks table;  // outlives whoever still holds one when the hub ends
    tendril::run([&] {
        auto hungry = seat_five(
            table, [](auto& left, auto& right, int) { eat_one_by_one(left, right); });
        // DOC: report
        try {
            for (tendril::task<void> const& each : hungry) {
                each.join();
            }
        } catch (tendril::would_block_forever const& nobody_can_go_on) {
            print_without_places(nobody_can_go_on.what());
        }
        for (tendril::task<void> const& each : hungry) {
            each.cancel();  // which lays the forks down
        }
        // DOC-END: report
        for (tendril::task<void> const& each : hungry) {
            each.join();
        }
        for (tendril::task<void> const& each : seat_five(table, eat)) {
            each.join();
        }
    });
}
