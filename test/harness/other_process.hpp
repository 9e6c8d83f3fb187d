// SPDX-License-Identifier: BSL-1.0
#pragma once

// Another process, which can be stopped as a whole and go on later, and how late others are then.

#include <harness/forking.hpp>

#include <gtest/gtest.h>

#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <utility>

namespace tendril::test {

/// A child that runs a function, and is killed in the end if it is still there.
class other_process {
public:
    template <typename F>
    explicit other_process(F&& function) : child_{::fork()} {
        if (child_ == 0) {
            bool holds = false;
            try {
                holds = std::forward<F>(function)();
            } catch (std::exception const& error) {
                std::fprintf(stderr, "in the other process: %s\n", error.what());
            }
            end_child(holds);
        }
    }
    other_process(other_process const&) = delete;
    other_process& operator=(other_process const&) = delete;
    ~other_process() {
        if (child_ > 0) {
            ::kill(child_, SIGKILL);
            ::waitpid(child_, nullptr, 0);
        }
    }

    /// Stops it, and waits until it stands.
    bool stop() {
        ::kill(child_, SIGSTOP);
        return wait_until_it_stands();
    }
    /// Waits until it has stopped itself.
    bool wait_until_it_stands() {
        int status = 0;
        return ::waitpid(child_, &status, WUNTRACED) == child_ && WIFSTOPPED(status);
    }
    void go_on() { ::kill(child_, SIGCONT); }

    /// Waits for its end. Returns what the function returned.
    bool has_held() { return test::has_held(std::exchange(child_, -1)); }

private:
    pid_t child_;
};

/// A descriptor that listens on the loopback interface, for whichever process.
inline int listening_descriptor() {
    int const made = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(made, reinterpret_cast<sockaddr const*>(&any), sizeof any);
    ::listen(made, 16);
    return made;
}
inline std::uint16_t port_of(int descriptor) {
    sockaddr_in name{};
    socklen_t size = sizeof name;
    ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&name), &size);
    return ntohs(name.sin_port);
}

/// The shortest lateness of a call with a limit, of several tries: a machine may be busy. `call`
/// returns whether it ended at its limit.
template <typename F>
std::chrono::nanoseconds lateness_of(std::chrono::nanoseconds limit, F&& call) {
    std::chrono::nanoseconds shortest = std::chrono::hours{1};
    for (int tries = 0; tries < 5 && shortest > std::chrono::milliseconds{200}; ++tries) {
        auto const before = std::chrono::steady_clock::now();
        EXPECT_TRUE(call());
        auto const took = std::chrono::steady_clock::now() - before;
        EXPECT_GE(took, limit);
        shortest = std::min<std::chrono::nanoseconds>(shortest, took - limit);
    }
    return shortest;
}

}  // namespace tendril::test
