// SPDX-License-Identifier: BSL-1.0
//
// Does memory grow when greenlets come and go? Ten million are created, run and destroyed, one at a
// time and ten at once; what the first tenth needed is the baseline.
#include <harness/compare.hpp>
#include <harness/memory.hpp>

#include <tendril/greenlet.hpp>

#include <cstdio>
#include <vector>

namespace {

using tendril::greenlet;

constexpr int tenth = 1'000'000;
constexpr int at_once = 10;

// A million lives: half of them alone, half of them ten at a time, suspended once in between.
void live_and_die() {
    for (int done = 0; done < tenth / 2; ++done) {
        greenlet{[] {}}.switch_to();
    }
    std::vector<greenlet> together;
    for (int done = 0; done < tenth / 2; done += at_once) {
        for (int count = 0; count < at_once; ++count) {
            together.emplace_back([caller = greenlet::current()] { caller.switch_to(); });
            together.back().switch_to();
        }
        for (greenlet const& each : together) {
            each.switch_to();
        }
        together.clear();
    }
}

}  // namespace

int main() {
    bench::ask("Does resident memory grow over ten million lives of greenlets?");
    live_and_die();
    std::size_t const before = bench::memory("VmRSS:");
    for (int count = 1; count < 10; ++count) {
        live_and_die();
    }
    std::size_t const after = bench::memory("VmRSS:");
    double const growth = after > before ? static_cast<double>(after - before) / 1024 : 0;
    std::printf(
        "    resident after the first million: %zu KiB, after the tenth: %zu KiB\n", before / 1024,
        after / 1024);
    bench::judge(1023, growth, " KiB");
}
