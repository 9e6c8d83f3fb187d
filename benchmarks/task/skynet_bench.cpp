// SPDX-License-Identifier: BSL-1.0
//
// What does a node of a tree of 1,111,111 tasks cost, each with ten children whose sums it adds up,
// on one thread, against goroutines? With the usual order a task begins when its parent waits, so
// the tree grows level by level; an eager task begins at once, and the tree is walked in depth.
// Each contender is a process of its own, whose processor time and memory count from its beginning
// to its end. Go answers from a program of its own, skynet_go, which benchmarks/run.py builds
// beside this one; without it there is no answer, and that is an error.
#include <harness/compare.hpp>

#include <tendril/hub.hpp>
#include <tendril/task.hpp>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace {

constexpr long leaves = 1'000'000;
constexpr long nodes = 1'111'111;
constexpr long sum_of_leaves = leaves * (leaves - 1) / 2;
constexpr std::size_t children = 10;

struct in_the_usual_order {
    static auto spawn(long (*node)(long, long), long number, long size) {
        return tendril::spawn(node, number, size);
    }
};
struct eagerly {
    static auto spawn(long (*node)(long, long), long number, long size) {
        return tendril::spawn_eager(node, number, size);
    }
};

template <typename Way>
long skynet(long number, long size) {
    if (size == 1) {
        return number;
    }
    long const part = size / static_cast<long>(children);
    std::array<tendril::task<long>, children> parts;
    for (tendril::task<long>& each : parts) {
        each = Way::spawn(&skynet<Way>, number, part);
        number += part;
    }
    long sum = 0;
    for (tendril::task<long>& each : parts) {
        sum += each.get();
    }
    return sum;
}

template <typename Way>
void run_skynet() {
    std::printf("%ld\n", tendril::run([] { return skynet<Way>(0, leaves); }));
}

void become_go() {
    auto const folder = std::filesystem::read_symlink("/proc/self/exe").parent_path();
    std::string const program = folder / "skynet_go";
    execl(program.c_str(), program.c_str(), nullptr);
    std::fputs("there is no skynet_go beside this program: ./dev bench builds it\n", stderr);
    std::_Exit(1);
}

// Runs a contender in a child; it prints its sum. Returns the processor time in nanoseconds, and
// keeps the most memory that it has had, in MiB.
double processor_time_of(void (*contender)(), double& peak) {
    int pipe_ends[2];
    if (pipe(pipe_ends) != 0) {
        throw std::runtime_error{"no pipe"};
    }
    pid_t const child = fork();
    if (child == 0) {
        dup2(pipe_ends[1], STDOUT_FILENO);
        close(pipe_ends[0]);
        contender();
        std::fflush(stdout);
        std::_Exit(0);
    }
    close(pipe_ends[1]);
    std::FILE* const answer = fdopen(pipe_ends[0], "r");
    long sum = 0;
    bool const answered = std::fscanf(answer, "%ld", &sum) == 1;
    std::fclose(answer);
    int status = 0;
    rusage usage{};
    wait4(child, &status, 0, &usage);
    if (status != 0 || !answered || sum != sum_of_leaves) {
        throw std::runtime_error{"a contender has failed"};
    }
    peak = std::max(peak, static_cast<double>(usage.ru_maxrss) / 1024);
    auto const nanoseconds_of = [](timeval const& time) {
        return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_usec) * 1e3;
    };
    return nanoseconds_of(usage.ru_utime) + nanoseconds_of(usage.ru_stime);
}

bench::sampler contender(void (*run)(), double& peak) {
    return [=, &peak] { return processor_time_of(run, peak) / nodes; };
}

void compare() {
    bench::ask("What does a node of a tree of 1,111,111 tasks cost?");
    constexpr std::size_t rounds = 7;
    double of_go = 0;
    double in_order = 0;
    double eager = 0;
    bench::comparison trees{"ns a node", rounds};
    trees.add("Go, GOMAXPROCS=1", contender(become_go, of_go));
    trees.add("spawn", contender(run_skynet<in_the_usual_order>, in_order), 0.7);
    trees.add("spawn_eager", contender(run_skynet<eagerly>, eager), 0.12);
    trees.run();
    std::printf("  peak of the memory in MiB: Go %.0f, spawn %.0f\n", of_go, in_order);
    std::puts("  spawn_eager");
    bench::judge(20, eager, " MiB");
}

}  // namespace

int main() {
    try {
        compare();
    } catch (std::exception const& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
