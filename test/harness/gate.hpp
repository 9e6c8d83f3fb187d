// SPDX-License-Identifier: BSL-1.0
#pragma once

// A gate at which threads stand, and not greenlets, until it is opened for good.

#include <atomic>
#include <thread>

namespace tendril::test {

class gate {
public:
    void open() noexcept {
        is_open_ = true;
        is_open_.notify_all();
    }
    void pass() noexcept {
        ++came_;
        is_open_.wait(false);
    }
    /// Blocks until so many have come.
    void await(int number) const {
        while (came_ < number) {
            std::this_thread::yield();
        }
    }

private:
    std::atomic<bool> is_open_{false};
    std::atomic<int> came_{0};
};

}  // namespace tendril::test
