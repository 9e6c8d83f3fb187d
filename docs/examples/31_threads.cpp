// SPDX-License-Identifier: BSL-1.0
// Calls that block, in threads of a pool: only the greenlet that makes them waits.
#include <tendril/hub.hpp>
#include <tendril/task.hpp>
#include <tendril/time.hpp>

#include <chrono>
#include <fstream>
#include <future>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;

// DOC: run
// Reads a file as any program does. The thread that calls it blocks.
std::size_t count_lines(char const* path) {
    std::ifstream file{path};
    std::size_t lines = 0;
    for (std::string line; std::getline(file, line);) {
        ++lines;
    }
    return lines;
}

void read_in_a_thread() {
    bool waiting = true;
    auto others = tendril::spawn([&] {
        while (waiting) {
            tendril::yield();  // the hub goes on
        }
    });
    std::size_t const lines = tendril::run_in_thread(count_lines, "/dev/null");
    waiting = false;
    others.join();
    std::cout << "the empty file has " << lines << " lines\n";
}
// DOC-END: run

// DOC: pool
void use_a_pool_of_its_own() {
    tendril::thread_pool pool{{.maximum_size = 2, .name = "squares"}};
    std::vector<int> const numbers{1, 2, 3, 4};
    for (int square : pool.map(numbers, [](int number) { return number * number; })) {
        std::cout << square << ' ';
    }
    auto sum = pool.spawn([&] { return numbers[0] + numbers[3]; });  // a task<int>
    std::cout << "and " << sum.get() << '\n';
}
// DOC-END: pool

// DOC: cancel
void give_up(tendril::thread_pool& pool) {
    std::promise<void> begun;
    auto search = tendril::spawn([&] {
        pool.run([&] {
            begun.set_value();
            while (!tendril::job_cancelled()) {  // in its thread
                std::this_thread::yield();
            }
        });
        std::cout << "the job has ended, and only then its caller goes on\n";
        tendril::yield();  // throws `cancelled`
    });
    tendril::wait_for_result(begun.get_future());
    search.cancel();
    search.join();
    std::cout << "cancelled: " << search.was_cancelled() << '\n';
}
// DOC-END: cancel

}  // namespace

int main() {
    tendril::run([] {
        read_in_a_thread();
        use_a_pool_of_its_own();
        tendril::thread_pool pool;
        give_up(pool);
    });
}
