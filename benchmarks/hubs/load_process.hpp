// SPDX-License-Identifier: BSL-1.0
#pragma once

// The load generator of io/load.cpp as a process of its own beside a server in this one.

#include <sys/resource.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace bench {

/// What a load has done, and what it has used of a processor itself.
struct load_result {
    double requests = 0;
    double seconds = 0;
    double p99_us = 0;
    double processor_seconds = 0;
};

/// What the children of this process that have ended have used of a processor.
inline double processor_of_children() {
    rusage used{};
    ::getrusage(RUSAGE_CHILDREN, &used);
    auto const in_seconds = [](timeval const& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return in_seconds(used.ru_utime) + in_seconds(used.ru_stime);
}

/// Runs the generator, which stands in the folder of this program, and waits for it.
inline load_result run_load(
    std::string const& program, std::uint16_t port, std::size_t connections, double seconds) {
    std::string const folder = program.substr(0, program.find_last_of('/') + 1);
    std::string const command = folder + "load " + std::to_string(port) + ' ' +
        std::to_string(connections) + ' ' + std::to_string(seconds);
    double const before = processor_of_children();
    std::FILE* const output = ::popen(command.c_str(), "r");
    load_result result;
    int const read = output == nullptr
        ? 0
        : std::fscanf(
              output, "requests %lf seconds %lf p50_us %*f p99_us %lf", &result.requests,
              &result.seconds, &result.p99_us);
    if (output == nullptr || ::pclose(output) != 0 || read != 3) {
        std::fprintf(stderr, "the load could not be run: %s\n", command.c_str());
        std::exit(1);
    }
    result.processor_seconds = processor_of_children() - before;
    return result;
}

/// Prints whether a bar holds that a measured number must reach, or must not exceed.
inline void print_verdict(char const* what, double measured, char const* how, double bar) {
    bool const at_least = std::string_view{how} == "at least";
    bool const good = at_least ? measured >= bar : measured <= bar;
    std::printf("    %s: %.3f, %s %.3f: %s\n", what, measured, how, bar, good ? "good" : "MISSED");
}

}  // namespace bench
