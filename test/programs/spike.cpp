// SPDX-License-Identifier: BSL-1.0
//
// Many greenlets at once, and what is left of their memory when they have ended.
//
//     spike NUMBER SECONDS      prints the resident memory in bytes: before, with them, and after
//                               the hub has been idle for so long
#include <tendril/hub.hpp>
#include <tendril/sync.hpp>
#include <tendril/task.hpp>
#include <tendril/time.hpp>

#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <fstream>
#include <iostream>
#include <string>

namespace {

std::size_t resident() {
    std::ifstream file{"/proc/self/statm"};
    std::size_t all = 0;
    std::size_t touched = 0;
    file >> all >> touched;
    return touched * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

// Uses a little of the stack, as a handler does.
void wait_with_a_buffer(tendril::event& go) {
    char volatile buffer[2048];
    for (std::size_t at = 0; at < sizeof buffer; at += 256) {
        buffer[at] = 1;
    }
    go.wait();
    buffer[0] = buffer[1024];
}

// Returns the memory while all wait.
std::size_t rise_and_fall(std::size_t number) {
    tendril::event go;
    tendril::latch waiting{static_cast<std::ptrdiff_t>(number)};
    tendril::latch ended{static_cast<std::ptrdiff_t>(number)};
    for (std::size_t count = 0; count < number; ++count) {
        tendril::spawn({.where = {}}, [&] {
            waiting.count_down();
            wait_with_a_buffer(go);
            ended.count_down();
        });
    }
    waiting.wait();
    std::size_t const most = resident();
    go.set();
    ended.wait();
    return most;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::cerr << "usage: spike NUMBER SECONDS\n";
        return 2;
    }
    tendril::run([&] {
        rise_and_fall(10);
        tendril::sleep_for(std::chrono::milliseconds{10});
        std::size_t const idle = resident();
        std::size_t const most = rise_and_fall(std::stoul(argv[1]));
        tendril::sleep_for(std::chrono::seconds{std::stol(argv[2])});
        std::cout << idle << ' ' << most << ' ' << resident() << std::endl;
    });
}
