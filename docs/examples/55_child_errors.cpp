// SPDX-License-Identifier: BSL-1.0
//
// What a parent can do about the error of a child.
#include <tendril/hub.hpp>
#include <tendril/scope.hpp>
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

using namespace std::chrono_literals;

namespace {

// DOC: child
// Takes as many seconds as the number says, and fails for one that is odd.
int half(int number) {
    tendril::sleep_for(1s * number);
    if (number % 2 != 0) {
        throw std::runtime_error{std::to_string(number) + " is odd"};
    }
    return number / 2;
}
// DOC-END: child

std::vector<tendril::task<int>> children() {
    return {tendril::spawn(half, 2), tendril::spawn(half, 3), tendril::spawn(half, 4)};
}

void raised_in_the_parent() {
    // DOC: raised
    tendril::task<int> child = tendril::spawn(half, 3);
    try {
        std::cout << child.get() << '\n';
    } catch (std::runtime_error const& error) {
        std::cout << "the parent catches: " << error.what() << '\n';
    }
    // DOC-END: raised
}

void ignored() {
    // DOC: ignored
    for (int const number : {2, 3, 4}) {
        tendril::task<int> child = tendril::spawn(half, number);
        child.join();  // however it ends
        if (child.exception()) {
            continue;
        }
        std::cout << "half of " << number << ": " << child.get() << '\n';
    }
    // DOC-END: ignored
}

void one_is_cancelled() {
    // DOC: one
    std::vector<tendril::task<int>> all = children();
    all[1].cancel();
    tendril::wait_all(all);
    for (tendril::task<int>& each : all) {
        std::cout << (each.was_cancelled() ? "cancelled" : "has run") << '\n';
    }
    // DOC-END: one
}

void all_collected() {
    // DOC: collected
    for (tendril::gathered<int> const& each : tendril::gather_results(children())) {
        try {
            int const result = each.value();
            std::cout << "a result: " << result << '\n';
        } catch (std::runtime_error const& error) {
            std::cout << "an error: " << error.what() << '\n';
        }
    }
    // DOC-END: collected
}

void first_failure_cancels() {
    // DOC: first
    try {
        tendril::with_task_group([](tendril::task_group& group) {
            for (int const number : {2, 3, 4}) {
                group.spawn([number] {
                    int const result = half(number);
                    std::cout << "half of " << number << ": " << result << '\n';
                });
            }
        });
    } catch (tendril::exception_group const& failed) {
        std::cout << failed.what() << '\n';
    }
    // DOC-END: first
}

}  // namespace

int main() {
    tendril::testing::virtual_clock clock;
    tendril::run({.clock = &clock}, [] {
        std::cout << "raised in the parent\n";
        raised_in_the_parent();
        std::cout << "ignored\n";
        ignored();
        std::cout << "one is cancelled\n";
        one_is_cancelled();
        std::cout << "all collected\n";
        all_collected();
        std::cout << "the first failure cancels the rest\n";
        first_failure_cancels();
    });
}
