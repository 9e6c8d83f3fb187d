// SPDX-License-Identifier: BSL-1.0
#pragma once

// Writing to a pipe that nobody reads, without the signal that would end the program.
//
//     ssize_t const sent = without_pipe_signal([&] { return kernel().sendfile(…); });
//
// The kernel answers with EPIPE, and with SIGPIPE, unless the call has a flag against that, as
// `send` has. Here the signal is blocked in this thread during the call, and taken away when it has
// come. So the program keeps its own way with SIGPIPE, whatever that is: another one may depend on
// it, and a child inherits it. A thread that blocks the signal itself keeps it pending.

#include <signal.h>

#include <cerrno>
#include <ctime>

namespace tendril::detail {

/// Calls a function that makes one system call, and returns its result, with its `errno`.
/// Switches: never. Thread: any.
template <typename Call>
auto without_pipe_signal(Call&& call) noexcept {
    sigset_t pipe;
    sigset_t before;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe, &before);
    auto const result = call();
    int const reason = errno;
    if (sigismember(&before, SIGPIPE) == 0) {
        if (result < 0 && reason == EPIPE) {
            timespec const at_once{};
            ::sigtimedwait(&pipe, nullptr, &at_once);
        }
        ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    }
    errno = reason;
    return result;
}

}  // namespace tendril::detail
