// SPDX-License-Identifier: BSL-1.0
#pragma once

// How a thread of a pool waits for its next job.
//
// The worker stands in its own frame and, while it has nothing to do, in the list of the idle.
// Whoever takes it out of that list, behind the mutex of the pool, must tell it, and may have given
// it a job before. A worker that finds itself taken out waits until it has been told: so whoever
// tells it is done with its frame but for the address, at which the kernel looks for sleepers.

#include <tendril/support/intrusive_list.hpp>
#include <tendril/threads/thread_job.hpp>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <ctime>

namespace tendril::detail {

class pool_worker : public list_hook<> {
public:
    /// Lets it go on. Requires: it was taken out of the list of the idle.
    void tell() noexcept {
        std::atomic<std::uint32_t>* const word = &told_;
        word->store(1, std::memory_order_release);
        ::syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
    }

    /// Waits until it was told, or for a while at most if that is not null. Returns whether it was
    /// told.
    bool wait(timespec const* most) noexcept {
        while (told_.load(std::memory_order_acquire) == 0) {
            long const ended = ::syscall(
                SYS_futex, &told_, FUTEX_WAIT_PRIVATE, 0, most, nullptr, 0);
            if (ended != 0 && errno == ETIMEDOUT) {
                return false;
            }
        }
        told_.store(0, std::memory_order_relaxed);
        return true;
    }

    // Guarded by the mutex of the pool, and the worker's own once it was told.

    /// What whoever has told it wants it to call; null to look for itself.
    thread_job* given = nullptr;

private:
    // The word that the kernel looks at: 1 when it was told.
    std::atomic<std::uint32_t> told_{0};
};

static_assert(std::atomic<std::uint32_t>::is_always_lock_free);

}  // namespace tendril::detail
