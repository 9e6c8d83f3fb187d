// SPDX-License-Identifier: BSL-1.0
#pragma once

// What other threads have posted to a hub, and the bell that wakes it.
//
// The mailbox is shared by the hub and its remotes, and lives as long as any of them.
//
// Actors: the hub (one thread) and posters (any thread). All shared state is behind one mutex, but
// for `has_mail`, which the hub reads every turn. Cases:
// 1. Post to a hub that is awake: the function is queued; the hub finds it in this turn or the
//    next.
// 2. Post to a hub that sleeps: queued, and the bell is rung, once for each sleep.
// 3. Post, or a ring for another reason, between the hub's last look and its falling asleep:
//    `fall_asleep` looks again behind the mutex and refuses.
// 4. Post after `close`: refused.

#include <tendril/support/unique_function.hpp>

#include <atomic>
#include <mutex>
#include <vector>

namespace tendril::detail {

class mailbox {
public:
    /// Throws: std::system_error when the process has no descriptors left.
    mailbox();
    mailbox(mailbox const&) = delete;
    mailbox& operator=(mailbox const&) = delete;
    ~mailbox();

    // Any thread.

    bool post(unique_function<void()> function);
    void add_remote() noexcept { remotes_.fetch_add(1); }
    void drop_remote() noexcept;
    /// Makes the hub look again: wakes it if it sleeps, or keeps it awake for one more turn.
    void ring() noexcept;

    // The hub's thread.

    /// The eventfd that is written to wake the hub.
    int bell() const noexcept { return bell_; }
    bool has_mail() const noexcept { return has_mail_.load(std::memory_order_relaxed); }
    bool has_remotes() const noexcept { return remotes_.load() > 0; }
    std::vector<unique_function<void()>> take_mail() noexcept;
    /// Announces a sleep; returns false, and the hub must stay awake, when there is mail, or
    /// somebody has rung since the last announcement.
    bool fall_asleep() noexcept;
    void wake_up() noexcept;
    /// Refuses everything from now on. Returns whether there is mail that has not been taken.
    bool close() noexcept;
    /// This is the child of a fork: refuses everything, and leaves the parent's bell alone. Another
    /// thread may have held the mutex, so it is made anew.
    void forked() noexcept;

private:
    void ring_locked() noexcept;

    int bell_;
    std::atomic<int> remotes_{0};
    std::atomic<bool> has_mail_{false};
    std::mutex mutex_;
    // Guarded by `mutex_`.
    std::vector<unique_function<void()>> mail_;
    bool asleep_ = false;
    // Somebody has rung since `fall_asleep` has looked.
    bool rung_ = false;
    bool closed_ = false;
};

}  // namespace tendril::detail
