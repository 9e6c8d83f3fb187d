// SPDX-License-Identifier: BSL-1.0
//
// A loop without an end, and two ways to end it: a moment that comes, and Ctrl+C.
#include <tendril/hub.hpp>
#include <tendril/process.hpp>
#include <tendril/scope.hpp>
#include <tendril/task.hpp>
#include <tendril/testing.hpp>
#include <tendril/time.hpp>

#include <chrono>
#include <csignal>
#include <iostream>

using namespace std::chrono_literals;

namespace {

// DOC: loop
void every_second() {
    while (true) {
        tendril::sleep_for(1s);
        std::cout << "a second\n";
    }
}
// DOC-END: loop

void for_five_seconds() {
    tendril::testing::virtual_clock clock;
    // DOC: later
    tendril::hub hub{{.clock = &clock}};
    tendril::task<void> loop = tendril::spawn(every_second);
    loop.on_done([&hub] { hub.stop(); });
    hub.call_later(5s, [loop] { loop.cancel(); });
    hub.run_forever();
    std::cout << "cancelled: " << (loop.was_cancelled() ? "yes" : "no") << '\n';
    hub.close();
    // DOC-END: later
}

// Stands for the user, who will press Ctrl+C.
void press_interrupt_later() {
    tendril::this_hub().call_later(5500ms, [] { std::raise(SIGINT); });
}

void until_interrupted() {
    // DOC: signal
    tendril::signal_set interrupt{SIGINT};
    press_interrupt_later();
    tendril::with_task_group([&](tendril::task_group& group) {
        group.spawn(every_second);
        interrupt.wait();
        group.cancel();
    });
    std::cout << "interrupted\n";
    // DOC-END: signal
}

}  // namespace

int main() {
    for_five_seconds();
    tendril::testing::virtual_clock clock;
    tendril::run({.clock = &clock}, until_interrupted);
}
