// SPDX-License-Identifier: BSL-1.0
#pragma once

// Waiting for signals as for anything else.
//
//     tendril::signal_set quit{SIGINT, SIGTERM};
//     int number = quit.wait();
//
// While the set exists its signals have no other effect on the process. No code of the program runs
// inside a signal handler.

#include <initializer_list>
#include <memory>

namespace tendril {

class signal_set {
public:
    /// Catches these signals from now on. Throws: system_error for a number that cannot be caught.
    /// Switches: never.
    signal_set(std::initializer_list<int> numbers);
    signal_set(signal_set const&) = delete;
    signal_set& operator=(signal_set const&) = delete;

    /// Gives the signals their former effect back. Switches: never.
    ~signal_set();

    /// Waits until one of them arrives and returns its number. One that has arrived since the set
    /// was made, or since the last wait, is returned at once.
    /// Throws: what was requested for the greenlet. Switches: may.
    int wait();

private:
    struct implementation;
    std::unique_ptr<implementation> const implementation_;
};

}  // namespace tendril
