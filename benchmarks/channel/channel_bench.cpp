// SPDX-License-Identifier: BSL-1.0
//
// What does a message through a channel cost? From one greenlet to another and back without
// capacity, against Go's channels on one processor; and in a stream with room for 128, against
// Boost.Fiber's buffered_channel. Go answers from a program of its own, channel_go, which
// benchmarks/run.py builds beside this one; without it there is no answer, and that is an error.
#include <harness/compare.hpp>

#include <tendril/channel.hpp>
#include <tendril/hub.hpp>
#include <tendril/sync.hpp>
#include <tendril/task.hpp>

#include <boost/fiber/buffered_channel.hpp>
#include <boost/fiber/fiber.hpp>
#include <boost/fiber/unbuffered_channel.hpp>

#include <cstdio>
#include <filesystem>
#include <spawn.h>
#include <stdexcept>
#include <string>
#include <unistd.h>

namespace {

constexpr std::size_t room = 128;

void check(bool good, char const* what) {
    if (!good) {
        throw std::runtime_error{what};
    }
}

// The program in Go, asked over pipes.
class go_program {
public:
    go_program() {
        auto const path = std::filesystem::read_symlink("/proc/self/exe").parent_path();
        std::string const name = path / "channel_go";
        int to[2];
        int from[2];
        check(pipe(to) == 0 && pipe(from) == 0, "no pipe");
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, to[0], STDIN_FILENO);
        posix_spawn_file_actions_adddup2(&actions, from[1], STDOUT_FILENO);
        posix_spawn_file_actions_addclose(&actions, to[1]);
        char* const arguments[] = {const_cast<char*>(name.c_str()), nullptr};
        pid_t child;
        bool const started = posix_spawn(
                                 &child, name.c_str(), &actions, nullptr, arguments, environ) == 0;
        posix_spawn_file_actions_destroy(&actions);
        close(to[0]);
        close(from[1]);
        check(started, "there is no channel_go beside this program: ./dev bench builds it");
        questions_ = fdopen(to[1], "w");
        answers_ = fdopen(from[0], "r");
    }
    go_program(go_program const&) = delete;
    go_program& operator=(go_program const&) = delete;
    ~go_program() {
        std::fclose(questions_);
        std::fclose(answers_);
    }

    double ask(char const* name, int messages) {
        std::fprintf(questions_, "%s %d\n", name, messages);
        std::fflush(questions_);
        double answer = 0;
        check(std::fscanf(answers_, "%lf", &answer) == 1, "channel_go has ended");
        return answer;
    }

private:
    std::FILE* questions_ = nullptr;
    std::FILE* answers_ = nullptr;
};

// Each iteration is a message there and one back.

void ping_pong(std::uint64_t iterations) {
    tendril::run([=] {
        tendril::channel<int> there;
        tendril::channel<int> back;
        auto const answering = tendril::spawn([&] {
            for (std::uint64_t done = 0; done < iterations; ++done) {
                back.send(there.receive());
            }
        });
        for (std::uint64_t done = 0; done < iterations; ++done) {
            there.send(static_cast<int>(done));
            bench::keep(back.receive());
        }
        answering.join();
    });
}

void ping_pong_of_fiber(std::uint64_t iterations) {
    boost::fibers::unbuffered_channel<int> there;
    boost::fibers::unbuffered_channel<int> back;
    boost::fibers::fiber answering{[&] {
        for (std::uint64_t done = 0; done < iterations; ++done) {
            back.push(there.value_pop());
        }
    }};
    for (std::uint64_t done = 0; done < iterations; ++done) {
        there.push(static_cast<int>(done));
        bench::keep(back.value_pop());
    }
    answering.join();
}

void stream(std::uint64_t iterations) {
    tendril::run([=] {
        tendril::channel<int> items{room};
        auto const sending = tendril::spawn([&] {
            for (std::uint64_t done = 0; done < iterations; ++done) {
                items.send(static_cast<int>(done));
            }
        });
        for (std::uint64_t done = 0; done < iterations; ++done) {
            bench::keep(items.receive());
        }
        sending.join();
    });
}

void stream_of_fiber(std::uint64_t iterations) {
    boost::fibers::buffered_channel<int> items{room};
    boost::fibers::fiber sending{[&] {
        for (std::uint64_t done = 0; done < iterations; ++done) {
            items.push(static_cast<int>(done));
        }
    }};
    for (std::uint64_t done = 0; done < iterations; ++done) {
        bench::keep(items.value_pop());
    }
    sending.join();
}

constexpr int messages_of_go = 100'000;
constexpr int items_of_go = 300'000;

void compare() {
    bench::ask("What does a message through a channel cost?");
    go_program go;
    std::puts("  there and back, capacity 0");
    bench::comparison turns{"ns a message"};
    turns.add("Go, GOMAXPROCS=1", [&] { return go.ask("ping_pong", messages_of_go); });
    turns.add("channel", bench::loop(2, ping_pong), 0.28);
    turns.add("Boost.Fiber, unbuffered_channel", bench::loop(2, ping_pong_of_fiber));
    turns.run();
    std::puts("  a stream, capacity 128");
    bench::comparison items{"ns an item"};
    items.add("Boost.Fiber, buffered_channel", bench::loop(1, stream_of_fiber));
    items.add("channel", bench::loop(1, stream), 0.6);
    items.add("Go, GOMAXPROCS=1", [&] { return go.ask("stream", items_of_go); });
    items.run();
}

}  // namespace

int main() {
    try {
        compare();
    } catch (std::exception const& error) {
        std::fprintf(stderr, "channel_bench: %s\n", error.what());
        return 1;
    }
}
