// SPDX-License-Identifier: BSL-1.0
//
// What does a switch from greenlet to greenlet cost, against the bare jump below it? Two of them
// take turns in loops that inline the switch. Exception state travels with each, as always.
#include <harness/compare.hpp>
#include <harness/raw_jumps.hpp>

#include <tendril/context.hpp>
#include <tendril/greenlet.hpp>

namespace {

using namespace tendril;
using bench::raw_jumps;

void switches_without_value(std::uint64_t iterations) {
    greenlet{[iterations] {
        greenlet const other{[caller = greenlet::current()] {
            while (true) {
                caller.switch_to();
            }
        }};
        for (std::uint64_t done = 0; done < iterations; ++done) {
            other.switch_to();
        }
    }}.switch_to();
}

void switches_with_int(std::uint64_t iterations) {
    greenlet{[iterations] {
        greenlet const other{[caller = greenlet::current()](int number) {
            while (true) {
                number = caller.switch_to(number + 1).as<int>();
            }
        }};
        for (std::uint64_t done = 0; done < iterations; ++done) {
            bench::keep(other.switch_to(1).as<int>());
        }
    }}.switch_to();
}

}  // namespace

int main() {
    bench::ask("What does a switch from greenlet to greenlet cost, against the bare jump below?");
    bench::comparison switches{"ns a switch"};
    switches.add("jump_fcontext", bench::loop(2, raw_jumps));
    switches.add("switch_to()", bench::loop(2, switches_without_value), 1.35);
    switches.add("switch_to(int) that returns an int", bench::loop(2, switches_with_int), 1.5);
    switches.run();
}
