// SPDX-License-Identifier: BSL-1.0
#pragma once

// Mutexes of every kind, and a semaphore, and what must hold inside them.

#include <harness/hand_over_deeds.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/sync.hpp>

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <shared_mutex>

namespace tendril::test {

class locks {
public:
    locks(verdict& judge, world_options const& options)
        : judge_{judge},
          options_{options},
          permits_{options.permits} {}

    /// Does it, if it is a deed with a lock; returns whether it is.
    bool perform(step const& what) {
        switch (what.what) {
        case deed::lock:
            lock(what);
            return true;
        case deed::lock_twice:
            lock_twice(what);
            return true;
        case deed::write:
            write(what);
            return true;
        case deed::read:
            read(what);
            return true;
        case deed::acquire:
            acquire(what);
            return true;
        default:
            return false;
        }
    }

    /// At the end, all are free.
    void judge_end();

private:
    // Whoever came earlier, and did not give up, is served earlier.
    void serve(std::uint64_t ticket, std::uint64_t& last) {
        judge_.require(
            ticket > last || !options_.order_is_known, "who comes first is served first");
        last = ticket > last ? ticket : last;
    }

    void lock(step const& what);
    void lock_twice(step const& what);
    void write(step const& what);
    void read(step const& what);
    void acquire(step const& what);

    verdict& judge_;
    world_options const options_;
    std::uint64_t tickets_ = 0;
    mutex mutex_;
    std::ptrdiff_t owners_ = 0;
    std::uint64_t last_owner_ = 0;
    recursive_mutex recursive_;
    std::ptrdiff_t recursive_owners_ = 0;
    tendril::shared_mutex shared_;
    std::ptrdiff_t writers_ = 0;
    std::ptrdiff_t readers_ = 0;
    std::uint64_t last_writer_ = 0;
    std::uint64_t last_of_both_ = 0;
    counting_semaphore<> permits_;
    std::ptrdiff_t holders_ = 0;
    std::uint64_t last_holder_ = 0;
};

inline void locks::lock(step const& what) {
    time_point const began = now();
    std::uint64_t const ticket = ++tickets_;
    if (what.limit == never) {
        mutex_.lock();
    } else if (!mutex_.try_lock_until(limit_of(what.limit))) {
        return notice(judge_, false, began, what);
    }
    std::lock_guard const held{mutex_, std::adopt_lock};
    serve(ticket, last_owner_);
    inside const counted{owners_};
    judge_.require(owners_ == 1 && mutex_.owned_by_caller(), "a mutex has one owner");
    pause(what);
}

inline void locks::lock_twice(step const& what) {
    time_point const began = now();
    if (!recursive_.try_lock_until(limit_of(what.limit))) {
        return notice(judge_, false, began, what);
    }
    std::lock_guard const held{recursive_, std::adopt_lock};
    inside const counted{recursive_owners_};
    judge_.require(recursive_owners_ == 1, "a recursive mutex has one owner");
    std::lock_guard const again{recursive_};
    pause(what);
    judge_.require(recursive_owners_ == 1, "a recursive mutex has one owner");
}

inline void locks::write(step const& what) {
    time_point const began = now();
    std::uint64_t const ticket = ++tickets_;
    if (!shared_.try_lock_until(limit_of(what.limit))) {
        return notice(judge_, false, began, what);
    }
    std::lock_guard const held{shared_, std::adopt_lock};
    serve(ticket, last_of_both_);
    last_writer_ = last_of_both_;
    inside const counted{writers_};
    judge_.require(writers_ == 1 && readers_ == 0, "a writer is alone");
    pause(what);
}

inline void locks::read(step const& what) {
    time_point const began = now();
    std::uint64_t const ticket = ++tickets_;
    if (!shared_.try_lock_shared_until(limit_of(what.limit))) {
        return notice(judge_, false, began, what);
    }
    std::shared_lock const held{shared_, std::adopt_lock};
    judge_.require(
        ticket > last_writer_ || !options_.order_is_known, "who comes first is served first");
    last_of_both_ = ticket > last_of_both_ ? ticket : last_of_both_;
    inside const counted{readers_};
    judge_.require(writers_ == 0, "no writer is beside a reader");
    pause(what);
}

inline void locks::acquire(step const& what) {
    time_point const began = now();
    std::uint64_t const ticket = ++tickets_;
    if (!permits_.try_acquire_until(limit_of(what.limit))) {
        return notice(judge_, false, began, what);
    }
    scope_exit const give_back{[this] { permits_.release(); }};
    if (options_.permits == 1) {
        serve(ticket, last_holder_);
    }
    inside const counted{holders_};
    judge_.require(holders_ <= options_.permits, "no more hold a permit than there are permits");
    pause(what);
}

inline void locks::judge_end() {
    bool const all_are_free = mutex_.try_lock() && recursive_.try_lock() && shared_.try_lock();
    judge_.require(all_are_free, "a lock is free when nobody holds it");
    if (all_are_free) {
        mutex_.unlock();
        recursive_.unlock();
        shared_.unlock();
    }
    judge_.require(permits_.available() == options_.permits, "permits do not get lost or more");
}

}  // namespace tendril::test
