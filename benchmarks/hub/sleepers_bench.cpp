// SPDX-License-Identifier: BSL-1.0
//
// What do 100,000 sleepers of 1 to 1000 ms cost in processor time, start and end included, against
// goroutines and against as many timers of Asio? And how late do they wake? Whoever makes them
// makes a hundred and then lets others run, as a server does that accepts; in one go, the first to
// wake would stand behind all those that have not begun. Each contender is a process of its own. Go
// answers from a program of its own, sleepers_go, which benchmarks/run.py builds beside this one;
// without it there is no answer, and that is an error.
#include <harness/compare.hpp>

#include <tendril/hub.hpp>
#include <tendril/time.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int sleepers = 100'000;
constexpr int at_a_time = 100;

class random_naps {
public:
    milliseconds next() { return milliseconds{naps_(random_)}; }

private:
    std::mt19937 random_{1};
    std::uniform_int_distribution<int> naps_{1, 1000};
};

// How late each woke, in milliseconds; the p99 of them.
class lateness {
public:
    lateness() { all_.reserve(sleepers); }
    void woke(steady_clock::time_point wanted) {
        all_.push_back(
            std::chrono::duration<double, std::milli>(steady_clock::now() - wanted).count());
    }
    double p99() {
        auto const rank = all_.begin() + static_cast<std::ptrdiff_t>(all_.size() * 99 / 100);
        std::nth_element(all_.begin(), rank, all_.end());
        return *rank;
    }

private:
    std::vector<double> all_;
};

double greenlets() {
    lateness late;
    tendril::run([&] {
        random_naps naps;
        for (int made = 0; made < sleepers; ++made) {
            tendril::this_hub().spawn_raw([&late, nap = naps.next()] {
                auto const wanted = steady_clock::now() + nap;
                tendril::sleep_until(wanted);
                late.woke(wanted);
            });
            if (made % at_a_time == 0) {
                tendril::yield();
            }
        }
        tendril::this_hub().join();
    });
    return late.p99();
}

double timers_of_asio() {
    lateness late;
    boost::asio::io_context io{1};
    random_naps naps;
    std::deque<boost::asio::steady_timer> timers;
    for (int made = 0; made < sleepers; ++made) {
        auto const wanted = steady_clock::now() + naps.next();
        timers.emplace_back(io, wanted).async_wait([&late, wanted](auto) { late.woke(wanted); });
        if (made % at_a_time == 0) {
            io.poll();
        }
    }
    io.run();
    return late.p99();
}

[[noreturn]] void become_go() {
    auto const folder = std::filesystem::read_symlink("/proc/self/exe").parent_path();
    std::string const program = folder / "sleepers_go";
    execl(program.c_str(), program.c_str(), nullptr);
    std::fputs("there is no sleepers_go beside this program: ./dev bench builds it\n", stderr);
    std::_Exit(1);
}

// Runs a contender in a child; it prints its p99. Returns the processor time in milliseconds.
template <typename F>
double processor_time_of(F&& contender, double& p99) {
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
    bool const answered = std::fscanf(answer, "%lf", &p99) == 1;
    std::fclose(answer);
    int status = 0;
    rusage usage{};
    wait4(child, &status, 0, &usage);
    if (status != 0 || !answered) {
        throw std::runtime_error{"a contender has failed"};
    }
    auto const milliseconds_of = [](timeval const& time) {
        return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
    };
    return milliseconds_of(usage.ru_utime) + milliseconds_of(usage.ru_stime);
}

bench::sampler contender(double (*run)(), double& worst) {
    return [=, &worst] {
        double p99 = 0;
        double const time = processor_time_of([=] { std::printf("%f\n", run()); }, p99);
        worst = std::max(worst, p99);
        return time;
    };
}

void compare() {
    bench::ask("What do 100,000 sleepers of 1 to 1000 ms cost?");
    constexpr std::size_t rounds = 5;
    double ours = 0;
    double ignored = 0;
    bench::comparison against_go{"ms of processor time", rounds};
    against_go.add("Go", [&] { return processor_time_of(become_go, ignored); });
    against_go.add("greenlets", contender(greenlets, ours), 1.0);
    against_go.run();
    bench::comparison against_timers{"ms of processor time", rounds};
    against_timers.add("steady_timer callbacks", contender(timers_of_asio, ignored));
    against_timers.add("greenlets", contender(greenlets, ours), 1.0);
    against_timers.run();
    std::puts("  worst p99 of how late a greenlet woke");
    bench::judge(5, ours, "ms");
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
