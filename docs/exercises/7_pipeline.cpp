// SPDX-License-Identifier: BSL-1.0
// Exercise 7: a pipeline of three greenlets: numbers, their squares, and the sums so far.
//
// Each stage asks the one before it, when it is asked itself. So nothing is computed that nobody
// wants, and the first stage can be without end. Each stage is the parent of the one before it,
// because it makes it: an error in the middle comes out at the end.
#include <tendril/greenlet.hpp>

#include <iostream>
#include <stdexcept>

using tendril::greenlet;

namespace {

// DOC: pipeline
// Sends to whoever has made the running greenlet, and is suspended until it asks again.
void send(int number) { greenlet::current().parent().switch_to(number); }

int ask(greenlet const& stage) { return stage.switch_to().as<int>(); }

void numbers(int broken) {
    for (int number = 1;; ++number) {
        if (number == broken) {
            throw std::runtime_error{"there is no such number"};
        }
        send(number);
    }
}

void squares(int broken) {
    greenlet const source{[broken] { numbers(broken); }};
    while (true) {
        int const number = ask(source);
        send(number * number);
    }
}

void sums(int broken) {
    greenlet const source{[broken] { squares(broken); }};
    for (int sum = 0;;) {
        sum += ask(source);
        send(sum);
    }
}
// DOC-END: pipeline

void print_below(int limit, int broken) {
    greenlet const stage{[broken] { sums(broken); }};
    try {
        for (int sum = ask(stage); sum < limit; sum = ask(stage)) {
            std::cout << sum << ' ';
        }
        std::cout << "are below " << limit << '\n';
    } catch (std::runtime_error const& error) {
        std::cout << "and then: " << error.what() << '\n';
    }
    // The last handle goes: the exit ends `sums`, whose frame holds the last handle to `squares`,
    // whose frame holds the last handle to `numbers`.
}

}  // namespace

int main() {
    print_below(60, 0);
    print_below(60, 4);
}
