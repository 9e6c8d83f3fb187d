// SPDX-License-Identifier: BSL-1.0
#pragma once

// A test that goes on in the child of a fork.

#include <tendril/support/config.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <exception>

namespace tendril::test {

/// Whether a child may go on; ThreadSanitizer forbids it when there were threads.
inline constexpr bool can_go_on_in_a_child = !TENDRIL_TSAN;

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
        ::_exit(holds ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace tendril::test
