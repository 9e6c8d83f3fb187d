// SPDX-License-Identifier: BSL-1.0
//
// A bit of everything that a program needs from the library: a greenlet, whose switch is inline; a
// hub, which lives in the library; an error that is thrown in the library and caught here.

#include <tendril/greenlet/greenlet.hpp>
#include <tendril/hub/run.hpp>
#include <tendril/support/error.hpp>
#include <tendril/time/sleep.hpp>

#include <chrono>
#include <iostream>

int main() {
    int const answer = tendril::run([] {
        tendril::sleep_for(std::chrono::milliseconds{1});
        tendril::greenlet doubler{[](int x) { return 2 * x; }};
        return doubler.switch_to(21).as<int>();
    });
    try {
        tendril::run([] { tendril::run([] {}); });
    } catch (tendril::misuse const&) {
        std::cout << "the answer is " << answer << '\n';
    }
}
