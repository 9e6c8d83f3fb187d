// SPDX-License-Identifier: BSL-1.0
#pragma once

// Words that many tests of greenlets share.

#include <harness/tendril_test.hpp>
#include <tendril/greenlet/greenlet.hpp>
#include <tendril/support/scope_exit.hpp>

#include <functional>
#include <semaphore>
#include <string>
#include <thread>
#include <utility>

namespace tendril::test {

/// Suspends the running greenlet and continues its parent, with the arguments.
template <typename... Args>
value switch_to_parent(Args&&... args) {
    return greenlet::current().parent().switch_to(std::forward<Args>(args)...);
}

/// Writes a word into a transcript when it is destroyed. A moved one writes nothing.
class note_at_end {
public:
    note_at_end(transcript& seen, std::string word) : seen_{&seen}, word_{std::move(word)} {}
    note_at_end(note_at_end&& other) noexcept
        : seen_{std::exchange(other.seen_, nullptr)},
          word_{std::move(other.word_)} {}
    ~note_at_end() {
        if (seen_ != nullptr) {
            seen_->push_back(word_);
        }
    }

private:
    transcript* seen_;
    std::string word_;
};

/// Counts how often it is copied and moved, and how many of it exist.
struct traveller {
    static inline int copies = 0;
    static inline int moves = 0;
    static inline int alive = 0;
    static void start() { copies = moves = alive = 0; }

    explicit traveller(int number) : luggage{number} { ++alive; }
    traveller(traveller const& other) : luggage{other.luggage} {
        ++copies;
        ++alive;
    }
    traveller(traveller&& other) noexcept : luggage{std::exchange(other.luggage, -1)} {
        ++moves;
        ++alive;
    }
    ~traveller() { --alive; }

    int luggage;
};

/// Makes a greenlet that suspends at once and counts one in `ended` when it has unwound.
inline greenlet suspended_greenlet(int& ended) {
    greenlet made{[&ended] {
        scope_exit const count{[&ended] { ++ended; }};
        switch_to_parent();
    }};
    made.switch_to();
    return made;
}

/// Runs a function on a thread of its own and waits for the thread to end.
template <typename F>
void on_new_thread(F&& function) {
    std::thread{std::forward<F>(function)}.join();
}

/// A thread that runs what it is given, piece by piece, until it is ended.
class second_thread {
public:
    second_thread() : thread_{[this] { serve(); }} {}
    second_thread(second_thread const&) = delete;
    second_thread& operator=(second_thread const&) = delete;
    ~second_thread() { end(); }

    /// Runs a function there and waits until it has returned.
    void run(std::function<void()> work) {
        work_ = std::move(work);
        begin_.release();
        done_.acquire();
    }
    /// Lets the thread end and waits for that.
    void end() {
        if (thread_.joinable()) {
            begin_.release();
            thread_.join();
        }
    }

private:
    void serve() {
        for (begin_.acquire(); work_; begin_.acquire()) {
            std::exchange(work_, nullptr)();
            done_.release();
        }
    }
    std::function<void()> work_;
    std::binary_semaphore begin_{0};
    std::binary_semaphore done_{0};
    std::thread thread_;
};

}  // namespace tendril::test
