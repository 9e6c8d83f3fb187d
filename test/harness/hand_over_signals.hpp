// SPDX-License-Identifier: BSL-1.0
#pragma once

// What greenlets wait for until another one gives a sign, and what must hold of it.

#include <harness/hand_over_deeds.hpp>
#include <tendril/sync.hpp>

#include <cstddef>
#include <mutex>

namespace tendril::test {

class signals {
public:
    signals(verdict& judge, world_options const& options)
        : judge_{judge},
          options_{options},
          latch_{options.expected},
          to_count_{options.expected},
          barrier_{options.expected, phase_counter{&phases_}} {}

    /// Does it, if it is a deed with a signal; returns whether it is.
    bool perform(step const& what);

    /// Checks that a greenlet may wait in this deed although nobody can go on any more; returns
    /// whether it is one of these.
    bool judge_wait(deed of);

    /// Gives every sign.
    void close(std::size_t workers);

    /// At the end, each sign was heard as often as it should.
    void judge_end();

private:
    struct phase_counter {
        int* completed;
        void operator()() const noexcept { ++*completed; }
    };

    void take_token(step const& what);
    void give_token();
    void set_auto_reset() {
        auto_given_ += auto_reset_.is_set() ? 0 : 1;
        auto_reset_.set();
    }
    void wait_for_auto_reset(step const& what);
    void wait_for_latch(step const& what);
    void count_down() {
        if (to_count_ > 0) {
            --to_count_;
            latch_.count_down();
        }
    }
    void pass_barrier(step const& what);
    void call_function_once(step const& what);

    verdict& judge_;
    world_options const options_;
    bool closing_ = false;
    mutex token_mutex_;
    condition_variable token_given_;
    int tokens_ = 0;
    int tokens_given_ = 0;
    int tokens_taken_ = 0;
    event event_;
    auto_reset_event auto_reset_;
    int auto_given_ = 0;
    int auto_taken_ = 0;
    latch latch_;
    std::ptrdiff_t to_count_;
    int phases_ = 0;
    std::ptrdiff_t passed_ = 0;
    std::ptrdiff_t arrived_ = 0;
    barrier<phase_counter> barrier_;
    once_flag once_;
    std::ptrdiff_t callers_ = 0;
    int calls_ = 0;
};

inline void signals::take_token(step const& what) {
    std::unique_lock held{token_mutex_};
    time_point const began = now();
    bool const woken = token_given_.wait_until(
        held, limit_of(what.limit), [this] { return tokens_ > 0 || closing_; });
    judge_.require(token_mutex_.owned_by_caller(), "a wait ends with its mutex locked");
    notice(judge_, woken, began, what);
    if (tokens_ > 0) {
        --tokens_;
        ++tokens_taken_;
    }
}

inline void signals::give_token() {
    std::lock_guard const held{token_mutex_};
    ++tokens_;
    ++tokens_given_;
    token_given_.notify_one();
}

inline void signals::pass_barrier(step const& what) {
    time_point const began = now();
    bool const passed = barrier_.arrive_and_wait_until(limit_of(what.limit));
    passed_ += passed ? 1 : 0;
    notice(judge_, passed, began, what);
}

inline void signals::call_function_once(step const& what) {
    call_once(once_, [&] {
        inside const counted{callers_};
        judge_.require(callers_ == 1, "one at a time is inside call_once");
        pause(what);
        ++calls_;
    });
    judge_.require(once_.done() && calls_ == 1, "call_once has called once when it returns");
}

inline void signals::wait_for_auto_reset(step const& what) {
    time_point const began = now();
    bool const woken = auto_reset_.wait_until(limit_of(what.limit));
    auto_taken_ += woken ? 1 : 0;
    notice(judge_, woken, began, what);
}

inline void signals::wait_for_latch(step const& what) {
    time_point const began = now();
    bool const open = latch_.wait_until(limit_of(what.limit));
    judge_.require(!open || to_count_ == 0, "a latch opens when all have counted");
    notice(judge_, open, began, what);
}

inline bool signals::perform(step const& what) {
    time_point const began = now();
    switch (what.what) {
    case deed::take_token:
        take_token(what);
        return true;
    case deed::give_token:
        give_token();
        return true;
    case deed::wait_for_event:
        notice(judge_, event_.wait_until(limit_of(what.limit)), began, what);
        return true;
    case deed::set_event:
        event_.set();
        return true;
    case deed::reset_event:
        event_.reset();
        return true;
    case deed::wait_for_auto_reset:
        wait_for_auto_reset(what);
        return true;
    case deed::set_auto_reset:
        set_auto_reset();
        return true;
    case deed::wait_for_latch:
        wait_for_latch(what);
        return true;
    case deed::count_down:
        count_down();
        return true;
    case deed::pass_barrier:
        pass_barrier(what);
        return true;
    case deed::call_once:
        call_function_once(what);
        return true;
    default:
        return false;
    }
}

inline bool signals::judge_wait(deed of) {
    switch (of) {
    case deed::take_token:
        judge_.require(tokens_ == 0, waits_in_vain);
        return true;
    case deed::wait_for_event:
        judge_.require(!event_.is_set(), waits_in_vain);
        return true;
    case deed::wait_for_auto_reset:
        judge_.require(!auto_reset_.is_set(), waits_in_vain);
        return true;
    case deed::wait_for_latch:
        judge_.require(to_count_ > 0, waits_in_vain);
        return true;
    case deed::pass_barrier:
        judge_.require(++arrived_ < options_.expected, waits_in_vain);
        return true;
    default:
        return false;
    }
}

inline void signals::close(std::size_t workers) {
    closing_ = true;
    event_.set();
    for (std::size_t count = 0; count < workers; ++count) {
        set_auto_reset();
    }
    while (to_count_ > 0) {
        count_down();
    }
    token_given_.notify_all();
    barrier_.abort();
}

inline void signals::judge_end() {
    judge_.require(tokens_given_ == tokens_taken_ + tokens_, "tokens are taken once");
    judge_.require(
        auto_given_ == auto_taken_ + (auto_reset_.is_set() ? 1 : 0),
        "each set() of an auto_reset_event lets one pass");
    judge_.require(passed_ == phases_ * options_.expected, "whole phases pass a barrier");
    judge_.require(calls_ <= 1 && (calls_ == 1) == once_.done(), "call_once calls once");
}

}  // namespace tendril::test
