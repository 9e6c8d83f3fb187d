// SPDX-License-Identifier: BSL-1.0
#pragma once

// Signals that interrupt system calls, one every millisecond.
//
//     signal_storm const storm;
//     while (signal_storm::count() < 20) {
//         …
//     }

#include <signal.h>
#include <sys/time.h>

namespace tendril::test {

/// As long as it lives, there is a SIGALRM every millisecond, whose handler does not ask for calls
/// to be made again.
class signal_storm {
public:
    signal_storm() {
        signals = 0;
        struct sigaction counting {};
        counting.sa_handler = [](int) { signals = signals + 1; };
        ::sigaction(SIGALRM, &counting, &former_);
        itimerval const often{.it_interval = {0, 1000}, .it_value = {0, 1000}};
        ::setitimer(ITIMER_REAL, &often, nullptr);
    }
    signal_storm(signal_storm const&) = delete;
    signal_storm& operator=(signal_storm const&) = delete;
    ~signal_storm() {
        itimerval const never{};
        ::setitimer(ITIMER_REAL, &never, nullptr);
        ::sigaction(SIGALRM, &former_, nullptr);
    }

    /// How many there were since the last one was made.
    static int count() { return signals; }

private:
    static inline volatile sig_atomic_t signals = 0;
    struct sigaction former_ {};
};

}  // namespace tendril::test
