// SPDX-License-Identifier: BSL-1.0
#pragma once

// What tests of signals share.

#include <csignal>

namespace tendril::test {

/// A handler that counts, for the duration of a test.
class counting_handler {
public:
    explicit counting_handler(int number) : number_{number} {
        caught_ = 0;
        struct sigaction action {};
        action.sa_handler = &note;
        ::sigaction(number_, &action, &former_);
    }
    counting_handler(counting_handler const&) = delete;
    counting_handler& operator=(counting_handler const&) = delete;
    ~counting_handler() { ::sigaction(number_, &former_, nullptr); }

    /// How often it was called.
    int count() const noexcept { return caught_; }

    /// Says whether it is what the signal has as its effect now.
    bool is_in_place() const noexcept {
        struct sigaction now {};
        ::sigaction(number_, nullptr, &now);
        return now.sa_handler == &note;
    }

private:
    static void note(int) { caught_ = caught_ + 1; }

    static inline volatile std::sig_atomic_t caught_ = 0;
    int number_;
    struct sigaction former_ {};
};

}  // namespace tendril::test
