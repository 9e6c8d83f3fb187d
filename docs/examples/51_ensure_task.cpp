// SPDX-License-Identifier: BSL-1.0
//
// A task of whatever will have a result: a function, a task, a future.
#include <tendril/hub.hpp>
#include <tendril/task.hpp>
#include <tendril/testing.hpp>
#include <tendril/time.hpp>

#include <chrono>
#include <iostream>
#include <string>
#include <utility>

using namespace std::chrono_literals;

namespace {

// DOC: given
std::string brew() {
    tendril::sleep_for(1s);
    return "tea";
}

// What somebody else will bring: this end of it is a future.
tendril::future<std::string> order() {
    tendril::promise<std::string> brought;
    tendril::future<std::string> cake = brought.get_future();
    tendril::this_hub().call_later(
        2s, [brought = std::move(brought)]() mutable { brought.set_value("cake"); });
    return cake;
}
// DOC-END: given

}  // namespace

int main() {
    tendril::testing::virtual_clock clock;
    tendril::run({.clock = &clock}, [&] {
        auto const seconds = [&] { return clock.elapsed() / 1s; };
        // DOC: ensure
        tendril::task<std::string> tea = tendril::ensure_task(brew);      // calls it
        tendril::task<std::string> same = tendril::ensure_task(tea);      // is the same one
        tendril::task<std::string> cake = tendril::ensure_task(order());  // waits for it
        std::cout << "the same task: " << (same == tea ? "yes" : "no") << '\n';
        std::cout << tea.get() << " after " << seconds() << " s\n";
        std::cout << cake.get() << " after " << seconds() << " s\n";
        // DOC-END: ensure
    });
}
