// SPDX-License-Identifier: BSL-1.0
// Sitting 1: stacks that pass values to each other.
//
// A greenlet is a function with a stack of its own. `switch_to` suspends whoever calls it and
// continues the other one; what it returns is whatever is sent back later.
#include <tendril/greenlet.hpp>

#include <iostream>
#include <string>

using tendril::greenlet;

int main() {
    // DOC: first_switch
    greenlet doubler{[](int number) {
        auto caller = greenlet::current().parent();
        std::cout << "doubler was given " << number << '\n';
        auto word = caller.switch_to(number * 2).as<std::string>();  // suspended here
        std::cout << "doubler was given \"" << word << "\"\n";
        return word + word;
    }};

    int number = doubler.switch_to(21).as<int>();
    std::cout << "main was given " << number << '\n';

    auto word = doubler.switch_to(std::string{"tick"}).as<std::string>();
    std::cout << "main was given \"" << word << "\"\n";
    // DOC-END: first_switch

    std::cout << "doubler is " << (doubler.dead() ? "dead" : "alive") << '\n';

    // DOC: siblings
    // Nobody is above anybody: greenlets switch to each other as they like. Only when one ends does
    // its parent matter.
    greenlet pong;
    greenlet ping{[&] {
        for (int round = 1; round <= 3; ++round) {
            std::cout << "ping " << round << '\n';
            pong.switch_to();
        }
    }};
    pong = greenlet{[&] {
        while (true) {
            std::cout << "pong\n";
            ping.switch_to();
        }
    }};
    ping.switch_to();
    // DOC-END: siblings

    // pong is suspended in its loop. The last handle to it goes away here, which ends it.
    std::cout << "ping is " << (ping.dead() ? "dead" : "alive") << ", pong is "
              << (pong.dead() ? "dead" : "alive") << '\n';
}
