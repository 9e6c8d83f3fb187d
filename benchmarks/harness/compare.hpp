// SPDX-License-Identifier: BSL-1.0
#pragma once

// Comparisons of a few ways to do the same thing, made so that a busy machine spoils them little.
//
//     int main() {
//         bench::ask("What does a switch cost, against the bare jump below it?");
//         bench::comparison switches{"ns a switch"};
//         switches.add("jump_fcontext", bench::loop(2, raw_jump));            // the baseline
//         switches.add("switch_to()", bench::loop(2, switch_to), 1.35);       // and the bar
//         switches.run();
//     }
//
// All contenders are measured in every round, forwards and backwards in turn, on one processor. A
// ratio is taken within its round, where both sides met the same machine, and the median of these
// ratios is the result. Beside a median stands the middle half of the rounds, as its spread. Times
// are processor time, which goes on only while the program runs: what others take of the processor
// is not in it, though what they leave in its caches is.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace bench {

/// Prints the question that a program answers, and pins the process to one processor.
void ask(char const* question);

/// Prints whether a bar holds. A missed bar is a result and no error.
void judge(double bar, double measured, char const* unit);

/// A median, with the limits of the middle half.
struct spread {
    double low;
    double median;
    double high;
};

/// Summarises samples in any order.
spread summarise(std::vector<double> samples);

/// The processor time that this thread has taken, in nanoseconds.
double processor_time();

/// Takes one sample; its unit is up to the comparison.
using sampler = std::function<double()>;

/// Makes a sampler that runs `body(iterations)` for about 10 ms and gives the nanoseconds of one
/// operation, of which an iteration has `operations`. What the body does before its loop must be
/// short.
sampler loop(double operations, std::function<void(std::uint64_t iterations)> body);

class comparison {
public:
    static constexpr std::size_t usual_rounds = 21;

    explicit comparison(std::string unit, std::size_t rounds = usual_rounds);

    /// Adds a contender. The first is the baseline. A bar is the largest good ratio to it; 0 means
    /// that the contender is only shown.
    comparison& add(std::string name, sampler measure, double bar = 0);

    /// Measures and prints a line for each contender and a verdict below each that has a bar.
    void run();

private:
    struct contender {
        std::string name;
        sampler measure;
        double bar;
        std::vector<double> samples;
    };

    void measure();
    void print(contender const& shown) const;

    std::string unit_;
    std::size_t rounds_;
    std::vector<contender> contenders_;
};

/// Keeps the compiler from leaving out the computation of `result`.
template <typename T>
[[gnu::always_inline]] inline void keep(T const& result) {
    asm volatile("" : : "r,m"(result) : "memory");
}

}  // namespace bench
