// SPDX-License-Identifier: BSL-1.0
// Exercise 7: a pipeline of three greenlets: numbers, their squares, and the sums so far.
//
// Each stage asks the one before it, when it is asked itself. So nothing is computed that nobody
// wants, and the first stage can be without end. Each stage is the parent of the one before it,
// because it makes it: an error in the middle comes out at the end. A child keeps its parent alive,
// so it is not enough to drop a handle: each stage says goodbye to the one before it.
#include <tendril/greenlet.hpp>

#include <iostream>
#include <stdexcept>
#include <utility>

using tendril::greenlet;

namespace {

// DOC: pipeline
// Sends to whoever has made the running greenlet, and is suspended until it asks again.
void send(int number) { greenlet::current().parent().switch_to(number); }

class stage {
public:
    template <typename F>
    explicit stage(F function) : runs_{std::move(function)} {}
    stage(stage const&) = delete;
    stage& operator=(stage const&) = delete;
    // Ends it, and with its frame the stage before it.
    ~stage() {
        if (runs_) {
            runs_.throw_into();
        }
    }

    int ask() const { return runs_.switch_to().as<int>(); }

private:
    greenlet runs_;
};

void numbers(int broken) {
    for (int number = 1;; ++number) {
        if (number == broken) {
            throw std::runtime_error{"there is no such number"};
        }
        send(number);
    }
}

void squares(int broken) {
    stage const source{[broken] { numbers(broken); }};
    while (true) {
        int const number = source.ask();
        send(number * number);
    }
}

void sums(int broken) {
    stage const source{[broken] { squares(broken); }};
    for (int sum = 0;;) {
        sum += source.ask();
        send(sum);
    }
}
// DOC-END: pipeline

void print_below(int limit, int broken) {
    stage const last{[broken] { sums(broken); }};
    try {
        for (int sum = last.ask(); sum < limit; sum = last.ask()) {
            std::cout << sum << ' ';
        }
        std::cout << "are below " << limit << '\n';
    } catch (std::runtime_error const& error) {
        std::cout << "and then: " << error.what() << '\n';
    }
}  // `sums` ends here, and `squares` with it, and `numbers` with that

}  // namespace

int main() {
    print_below(60, 0);
    print_below(60, 4);
}
