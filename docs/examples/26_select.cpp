// SPDX-License-Identifier: BSL-1.0
//
// Select: a heater that listens to its thermometer, to a switch and to the time, all at once.
#include <tendril/channel.hpp>
#include <tendril/hub.hpp>
#include <tendril/scope.hpp>
#include <tendril/sync.hpp>
#include <tendril/task.hpp>
#include <tendril/testing.hpp>
#include <tendril/time.hpp>

#include <iostream>

using namespace std::chrono_literals;

namespace {

// DOC: select
void heat(tendril::channel<int>& degrees, tendril::event& off) {
    bool goes_on = true;
    while (goes_on) {
        tendril::select(
            degrees.on_receive([](int now) {
                std::cout << now << " degrees: " << (now < 20 ? "heats" : "rests") << '\n';
            }),
            off.on_set([&] {
                std::cout << "switched off\n";
                goes_on = false;
            }),
            tendril::after(1min, [] { std::cout << "no news for a minute: rests\n"; }));
    }
}
// DOC-END: select

void a_day() {
    tendril::channel<int> degrees;
    tendril::event off;
    tendril::with_task_group([&](tendril::task_group& group) {
        group.spawn([&] { heat(degrees, off); });
        degrees.send(17);
        degrees.send(21);
        tendril::sleep_for(90s);
        degrees.send(18);
        off.set();
    });

    // DOC: otherwise
    tendril::select(
        degrees.on_send(19, [] { std::cout << "somebody listens\n"; }),
        tendril::otherwise([] { std::cout << "nobody listens\n"; }));
    // DOC-END: otherwise
}

}  // namespace

int main() {
    tendril::testing::virtual_clock clock;  // the day is over in a moment
    tendril::run({.clock = &clock}, a_day);
}
