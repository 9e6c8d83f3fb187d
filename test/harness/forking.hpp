// SPDX-License-Identifier: BSL-1.0
#pragma once

// A test that goes on in the child of a fork.

#include <tendril/support/config.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <iterator>

namespace tendril::test {

/// Whether a child may go on; ThreadSanitizer forbids it when there were threads.
inline constexpr bool can_go_on_in_a_child = !TENDRIL_TSAN;

/// Whether a child may make threads; AddressSanitizer may have been in a lock of its own.
inline constexpr bool can_make_threads_in_a_child = can_go_on_in_a_child && !TENDRIL_ASAN;

/// Ends the child of a fork, at once and without running anything else. Another program takes its
/// place, so that no tool looks for leaks in what the child has left of its parent.
[[noreturn]] inline void end_child(bool holds) {
    char const* const program = holds ? "true" : "false";
    ::execlp(program, program, nullptr);
    ::_exit(1);
}

/// How many descriptors this process has open, and one more.
inline std::size_t count_of_descriptors() {
    std::filesystem::directory_iterator const all{"/proc/self/fd"};
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

/// Waits for a child. Returns whether it has ended with `end_child(true)`.
inline bool has_held(pid_t child) {
    int status = -1;
    return child > 0 && ::waitpid(child, &status, 0) == child && status == 0;
}

/// Forks, and runs `check` in the child. Returns whether it returned true there. The child ends
/// without running anything else.
template <typename F>
bool holds_in_a_child(F&& check) {
    pid_t const child = ::fork();
    if (child == 0) {
        bool holds = false;
        try {
            holds = check();
        } catch (std::exception const& error) {
            std::fprintf(stderr, "in the child: %s\n", error.what());
        }
        end_child(holds);
    }
    return has_held(child);
}

}  // namespace tendril::test
