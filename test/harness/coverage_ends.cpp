// SPDX-License-Identifier: BSL-1.0
// Counts of coverage are written when a process returns from main or calls exit. This file stands
// in for the C library where a process ends in another way: it writes them there as well, so a test
// of what aborts, and a child that leaves without cleaning up, count like any other.

#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdarg>
#include <cstddef>
#include <cstdlib>

extern "C" {

void __gcov_dump();
void __gcov_reset();

[[noreturn]] void _exit(int status) {
    // Without memory nothing can be written.
    if (void* const some = std::malloc(std::size_t{64} * 1024)) {
        std::free(some);
        __gcov_dump();
    }
    while (true) {
        ::syscall(SYS_exit_group, status);
    }
}

[[noreturn]] void abort() noexcept {
    __gcov_dump();
    std::raise(SIGABRT);
    std::signal(SIGABRT, SIG_DFL);
    std::raise(SIGABRT);
    ::_exit(127);
}

int __sigaction(int, struct sigaction const*, struct sigaction*);

// Who gives a fault back to the system is about to end by it.
int sigaction(int number, struct sigaction const* wanted, struct sigaction* previous) noexcept {
    bool const is_fault = number == SIGSEGV || number == SIGBUS;
    if (is_fault && wanted != nullptr && wanted->sa_handler == SIG_DFL) {
        __gcov_dump();
        __gcov_reset();
    }
    return __sigaction(number, wanted, previous);
}

// Counts begin anew, for the case that this program goes on.
int execlp(char const* program, char const* first, ...) noexcept {
    std::array<char*, 16> arguments{const_cast<char*>(first)};
    std::va_list rest;
    va_start(rest, first);
    for (std::size_t at = 1; at + 1 < arguments.size() && arguments[at - 1] != nullptr; ++at) {
        arguments[at] = va_arg(rest, char*);
    }
    va_end(rest);
    __gcov_dump();
    __gcov_reset();
    return ::execvp(program, arguments.data());
}

}  // extern "C"

namespace {

[[maybe_unused]] int const at_a_quick_exit = std::at_quick_exit(&__gcov_dump);

}  // namespace
