// SPDX-License-Identifier: BSL-1.0
#pragma once

// What other threads have posted to a hub, and the bell that wakes it.
//
// The mailbox is shared by the hub and its remotes, and lives as long as any of them.
//
// Actors: the hub (one thread) and posters (any thread). All shared state is behind one mutex, but
// for `has_mail`, which the hub reads every turn. Letters link themselves, so a post allocates
// nothing and cannot fail. Cases:
// 1. Post to a hub that is awake: the letter is queued; the hub finds it in this turn or the next.
// 2. Post to a hub that sleeps: queued, and the bell is rung, once for each sleep.
// 3. Post, or a ring for another reason, between the hub's last look and its falling asleep:
//    `fall_asleep` looks again behind the mutex and refuses.
// 4. Post after `close`: refused.
//
// The hub collects what has come once in a turn, and opens a bounded number of letters; the others
// stay collected, before all that comes later.

#include <tendril/hub/remote.hpp>

#include <atomic>
#include <mutex>

namespace tendril::detail {

class mailbox {
public:
    /// Throws: std::system_error when the process has no descriptors left.
    mailbox();
    mailbox(mailbox const&) = delete;
    mailbox& operator=(mailbox const&) = delete;
    ~mailbox();

    // Any thread.

    bool post(letter& added) noexcept;
    void add_remote() noexcept { remotes_.fetch_add(1); }
    void drop_remote() noexcept;
    /// Makes the hub look again: wakes it if it sleeps, or keeps it awake for one more turn.
    void ring() noexcept;

    // The hub's thread.

    /// The eventfd that is written to wake the hub.
    int bell() const noexcept { return bell_; }
    /// Says whether there are letters that the hub has not taken.
    bool has_mail() const noexcept {
        return !collected_.empty() || has_mail_.load(std::memory_order_relaxed);
    }
    /// Says whether somebody may still post.
    bool has_remotes() const noexcept { return remotes_.load() > 0 && !closed_; }
    /// Makes what has come until now available to `take`.
    void collect() noexcept;
    /// Takes the oldest of what was collected; null when there is none.
    letter* take() noexcept { return collected_.pop_front(); }
    /// Announces a sleep; returns false, and the hub must stay awake, when there is mail, or
    /// somebody has rung since the last announcement.
    bool fall_asleep() noexcept;
    void wake_up() noexcept;
    /// Refuses everything from now on. Returns whether there is mail that has not been taken.
    bool close() noexcept;
    /// As `close`, and discards what has not been taken.
    void close_for_good() noexcept;
    /// This is the child of a fork: refuses everything, and leaves the parent's bell alone. Another
    /// thread may have held the mutex, so it is made anew.
    void forked() noexcept;

private:
    // Letters in the order they came, linked by themselves.
    class letter_list {
    public:
        bool empty() const noexcept { return first_ == nullptr; }
        void push_back(letter& added) noexcept;
        void append_all_of(letter_list& other) noexcept;
        letter* pop_front() noexcept;

    private:
        letter* first_ = nullptr;
        letter* last_ = nullptr;
    };

    void collect_locked() noexcept;
    bool must_write() noexcept;
    void write_bell() const noexcept;

    int bell_;
    // The hub's.
    letter_list collected_;
    // Any thread's.
    std::atomic<int> remotes_{0};
    std::atomic<bool> has_mail_{false};
    std::mutex mutex_;
    // Guarded by `mutex_`.
    letter_list mail_;
    bool asleep_ = false;
    // Somebody has rung since `fall_asleep` has looked.
    bool rung_ = false;
    // Changed by the hub's thread only, which therefore reads it without the mutex.
    bool closed_ = false;
};

}  // namespace tendril::detail
