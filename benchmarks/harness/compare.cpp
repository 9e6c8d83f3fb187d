// SPDX-License-Identifier: BSL-1.0
#include "compare.hpp"

#include <sched.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace bench {
namespace {

constexpr double nanoseconds_a_sample = 10e6;

// The last processor that is allowed: the first one usually serves the devices.
int pin_to_one_processor() {
    cpu_set_t allowed;
    if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) {
        return -1;
    }
    int last = CPU_SETSIZE - 1;
    while (last > 0 && !CPU_ISSET(last, &allowed)) {
        --last;
    }
    cpu_set_t chosen;
    CPU_ZERO(&chosen);
    CPU_SET(last, &chosen);
    return ::sched_setaffinity(0, sizeof chosen, &chosen) == 0 ? last : -1;
}

double time_of(std::function<void(std::uint64_t)> const& body, std::uint64_t iterations) {
    double const start = processor_time();
    body(iterations);
    return processor_time() - start;
}

// The shorter of two, so that what happens once only (the first page, the first greenlet of the
// thread) is not taken for the cost of an iteration.
std::uint64_t calibrate(std::function<void(std::uint64_t)> const& body) {
    std::uint64_t iterations = 1;
    double spent = 0;
    while (true) {
        spent = std::min(time_of(body, iterations), time_of(body, iterations));
        if (spent >= nanoseconds_a_sample / 4) {
            break;
        }
        iterations *= 2;
    }
    double const wanted = static_cast<double>(iterations) * nanoseconds_a_sample / spent;
    return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(wanted));
}

}  // namespace

void ask(char const* question) {
    // What is printed stays in order with what child processes print.
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    std::printf("%s\n", question);
    int const processor = pin_to_one_processor();
    if (processor < 0) {
        std::printf("(not pinned to a processor: the system refuses)\n");
    }
}

void judge(double bar, double measured, char const* unit) {
    std::printf(
        "      bar %.4g%s, measured %.4g%s: %s\n", bar, unit, measured, unit,
        measured <= bar ? "holds" : "does not hold");
}

double processor_time() {
    timespec taken{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &taken);
    return static_cast<double>(taken.tv_sec) * 1e9 + static_cast<double>(taken.tv_nsec);
}

spread summarise(std::vector<double> samples) {
    std::sort(samples.begin(), samples.end());
    std::size_t const last = samples.size() - 1;
    return spread{samples[last / 4], samples[last / 2], samples[last - last / 4]};
}

sampler loop(double operations, std::function<void(std::uint64_t)> body) {
    return [operations, body = std::move(body), iterations = std::uint64_t{0}]() mutable {
        if (iterations == 0) {
            iterations = calibrate(body);
        }
        return time_of(body, iterations) / (static_cast<double>(iterations) * operations);
    };
}

comparison::comparison(std::string unit, std::size_t rounds)
    : unit_{std::move(unit)},
      rounds_{rounds} {}

comparison& comparison::add(std::string name, sampler measure, double bar) {
    contenders_.push_back(contender{std::move(name), std::move(measure), bar, {}});
    return *this;
}

void comparison::run() {
    measure();
    std::printf(
        "  %zu rounds in turns; median (middle half) in %s, and against '%s'\n", rounds_,
        unit_.c_str(), contenders_.front().name.c_str());
    for (contender const& each : contenders_) {
        print(each);
    }
}

void comparison::measure() {
    for (std::size_t round = 0; round < rounds_; ++round) {
        for (contender& each : contenders_) {
            each.samples.push_back(each.measure());
        }
        std::reverse(contenders_.begin(), contenders_.end());
    }
    if (rounds_ % 2 != 0) {
        std::reverse(contenders_.begin(), contenders_.end());
    }
}

void comparison::print(contender const& shown) const {
    spread const times = summarise(shown.samples);
    std::printf(
        "    %-44s %8.2f (%.2f to %.2f)", shown.name.c_str(), times.median, times.low, times.high);
    contender const& baseline = contenders_.front();
    if (&shown == &baseline) {
        std::printf("\n");
        return;
    }
    std::vector<double> ratios(shown.samples.size());
    std::transform(
        shown.samples.begin(), shown.samples.end(), baseline.samples.begin(), ratios.begin(),
        [](double time, double base) { return time / base; });
    spread const ratio = summarise(ratios);
    std::printf("  %.2fx (%.2f to %.2f)\n", ratio.median, ratio.low, ratio.high);
    if (shown.bar > 0) {
        judge(shown.bar, ratio.median, "x");
    }
}

}  // namespace bench
