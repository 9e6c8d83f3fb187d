// SPDX-License-Identifier: BSL-1.0
//
// Who sees what when something is cancelled: the one that is, the one who asks for its result, and
// the one who has set a limit.
#include <tendril/hub.hpp>
#include <tendril/scope.hpp>
#include <tendril/task.hpp>
#include <tendril/testing.hpp>
#include <tendril/time.hpp>

#include <chrono>
#include <exception>
#include <iostream>

using namespace std::chrono_literals;

namespace {

// DOC: sleeper
void sleep_long() {
    try {
        tendril::sleep_for(1h);
    } catch (std::exception const&) {
        std::cout << "never printed: a cancellation is no such error\n";
    } catch (tendril::cancelled const&) {
        std::cout << "who sleeps: cancelled\n";
        throw;
    }
}
// DOC-END: sleeper

void request() {
    // DOC: request
    tendril::task<void> sleeper = tendril::spawn(sleep_long);
    tendril::yield();  // it begins, and sleeps
    sleeper.cancel();
    std::cout << "who cancels: nothing is thrown, and done is " << sleeper.done() << '\n';
    try {
        sleeper.get();
    } catch (tendril::task_cancelled const& error) {
        std::cout << "who asks: " << error.what() << '\n';
    }
    // DOC-END: request
}

void limit() {
    // DOC: limit
    try {
        tendril::fail_after(1s, sleep_long);
    } catch (tendril::timed_out const& late) {
        std::cout << "who has set the limit: " << late.what() << '\n';
    }
    // DOC-END: limit
}

}  // namespace

int main() {
    tendril::testing::virtual_clock clock;
    tendril::run({.clock = &clock}, [] {
        request();
        limit();
    });
}
