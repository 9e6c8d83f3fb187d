// SPDX-License-Identifier: BSL-1.0
#pragma once

// What other threads have posted to a hub, and the bell that wakes it.
//
// The mailbox is shared by the hub and its remotes, and lives as long as any of them.
//
// Actors: the hub (one thread) and posters (any thread). What they share is one word: the newest of
// the letters that the hub has not collected, and two marks. Letters link themselves, so a post
// allocates nothing and cannot fail, and it takes no lock. Cases:
// 1. Post to a hub that is awake: the letter is queued; the hub finds it in this turn or the next.
// 2. Post to a hub that sleeps: queued, and the mark is gone with the same step; so whoever took it
//    rings the bell, once for each sleep.
// 3. Post, or a ring for another reason, between the hub's last look and its falling asleep: the
//    mark is set only while no letter is there, and `fall_asleep` then looks for rings once more.
// 4. Post after `close`: refused.
//
// The hub collects what has come once in a turn, and opens a bounded number of letters; the others
// stay collected, before all that comes later.

#include <tendril/hub/remote.hpp>

#include <atomic>
#include <cstdint>

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
        return !collected_.empty() || newest_in(word_.load(std::memory_order_relaxed)) != nullptr;
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
    /// Ends the sleep, and collects. Returns whether it was a post or a ring that has ended it.
    bool wake_up() noexcept;
    /// Refuses everything from now on. Returns whether there is mail that has not been taken.
    bool close() noexcept;
    /// As `close`, and discards what has not been taken.
    void close_for_good() noexcept;
    /// This is the child of a fork: refuses everything, and leaves the parent's bell alone.
    void forked() noexcept;
    /// Closes the child's copy of the parent's bell. Requires: `forked` was called.
    void close_bell() noexcept;

private:
    // Letters in the order they came, linked by themselves.
    class letter_list {
    public:
        bool empty() const noexcept { return first_ == nullptr; }
        void append_newest_first(letter* newest) noexcept;
        letter* pop_front() noexcept;

    private:
        letter* first_ = nullptr;
        letter* last_ = nullptr;
    };

    // What the word holds beside the address of a letter.
    static constexpr std::uintptr_t asleep = 1;
    static constexpr std::uintptr_t closed = 2;
    static_assert(alignof(letter) > (asleep | closed));

    static letter* newest_in(std::uintptr_t word) noexcept {
        return reinterpret_cast<letter*>(word & ~(asleep | closed));
    }
    std::uintptr_t take_all(std::uintptr_t left) noexcept;
    void write_bell() const noexcept;

    int bell_;
    // The hub's.
    letter_list collected_;
    // Any thread's.
    std::atomic<int> remotes_{0};
    std::atomic<std::uintptr_t> word_{0};
    // Somebody has rung since the hub has looked.
    std::atomic<bool> rung_{false};
    // The hub's: whether the mark is in the word.
    bool closed_ = false;
};

}  // namespace tendril::detail
