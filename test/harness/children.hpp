// SPDX-License-Identifier: BSL-1.0
#pragma once

// Children for tests: programs that every system has.

#include <tendril/process/process.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string>
#include <utility>

namespace tendril::test {

/// What the shell does with a line.
inline process_options shell(std::string line) {
    return {.program = "sh", .arguments = {"-c", std::move(line)}};
}

/// The same, with all three redirected to pipes.
inline process_options piped_shell(std::string line) {
    process_options made = shell(std::move(line));
    made.input = redirection::pipe();
    made.output = redirection::pipe();
    made.error_output = redirection::pipe();
    return made;
}

/// A child that ends when it is told to, and no earlier.
inline process_options waiting_child() {
    return {.program = "sleep", .arguments = {"1000000"}, .input = redirection::null()};
}

/// Waits, in real time, until a child of this process has ended, and leaves it as it is: from then
/// on whoever asks for it is told at once.
inline void wait_for_zombie(pid_t number) {
    siginfo_t told;
    while (::waitid(P_PID, static_cast<id_t>(number), &told, WEXITED | WNOWAIT) != 0 &&
           errno == EINTR) {}
}

/// Kills a child and waits until the kernel knows.
inline void kill_and_wait(pid_t number) {
    ::kill(number, SIGKILL);
    wait_for_zombie(number);
}

/// Suspends a child and waits until the kernel has done so: it gets no signal then but SIGKILL.
inline void suspend_and_wait(pid_t number) {
    ::kill(number, SIGSTOP);
    siginfo_t told;
    while (::waitid(P_PID, static_cast<id_t>(number), &told, WSTOPPED | WNOWAIT) != 0 &&
           errno == EINTR) {}
}

/// Says whether this process has a child of that number, running or not.
inline bool is_child(pid_t number) {
    siginfo_t told;
    return ::waitid(P_PID, static_cast<id_t>(number), &told, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/// Says whether this process has any child, running or not.
inline bool has_children() {
    siginfo_t told;
    return ::waitid(P_ALL, 0, &told, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/// Waits for all children of this process, each of which must be about to end.
inline void wait_for_all_children() {
    while (::waitpid(-1, nullptr, 0) > 0 || errno == EINTR) {}
}

}  // namespace tendril::test
