// SPDX-License-Identifier: BSL-1.0
//
// What does one step of a generator cost, against Boost's stackful coroutine and a state machine
// written by hand? Each gives the next number.
#include <harness/compare.hpp>

#include <tendril/coroutine/generator.hpp>

#include <boost/coroutine2/coroutine.hpp>

namespace {

void coroutines2(std::uint64_t iterations) {
    using coroutine = boost::coroutines2::coroutine<int>;
    coroutine::pull_type numbers{[](coroutine::push_type& yield) {
        for (int number = 0;; ++number) {
            yield(number);
        }
    }};
    for (std::uint64_t done = 0; done < iterations; ++done) {
        bench::keep(numbers.get());
        numbers();
    }
}

void generators(std::uint64_t iterations) {
    tendril::generator<int> numbers{[](auto& yield) {
        for (int number = 0;; ++number) {
            yield(number);
        }
    }};
    for (std::uint64_t done = 0; done < iterations; ++done) {
        bench::keep(*numbers.next());
    }
}

struct state_machine {
    int number = 0;
    int const* next() {
        ++number;
        return &number;
    }
};

void state_machines(std::uint64_t iterations) {
    state_machine numbers;
    for (std::uint64_t done = 0; done < iterations; ++done) {
        bench::keep(*numbers.next());
    }
}

}  // namespace

int main() {
    bench::ask("What does one step of a generator cost?");
    bench::comparison steps{"ns a step"};
    steps.add("boost::coroutines2", bench::loop(1, coroutines2));
    steps.add("generator", bench::loop(1, generators), 1.0);
    steps.add("state machine by hand", bench::loop(1, state_machines));
    steps.run();
}
