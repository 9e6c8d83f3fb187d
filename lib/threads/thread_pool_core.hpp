// SPDX-License-Identifier: BSL-1.0
#pragma once

// What stands behind a pool of threads: the queue, the threads, and those who wait.
//
// Actors: callers, each on its thread; workers; whoever closes. All that they share is behind one
// mutex, held for a few instructions, and no user code runs behind it. See thread_pool_core.cpp.

#include "pool_worker.hpp"

#include <tendril/support/intrusive_list.hpp>
#include <tendril/sync/shared.hpp>
#include <tendril/threads/thread_pool.hpp>

#include <pthread.h>

#include <atomic>
#include <condition_variable>
#include <system_error>

namespace tendril::detail {

class thread_pool_core {
public:
    using lock = shared_core::lock;

    explicit thread_pool_core(thread_pool_options options);
    thread_pool_core(thread_pool_core const&) = delete;
    thread_pool_core& operator=(thread_pool_core const&) = delete;
    ~thread_pool_core();

    // Callers.

    /// Waits until the job has ended.
    void run(thread_job& job);
    /// Takes a place for a job of `spawn`, or waits for one.
    void wait_for_room();
    bool take_room();
    void give_room_back() noexcept;
    bool join_until(deadline limit);
    bool close_until(deadline limit);
    /// As `close_until`, but without an end, and where nobody may park it blocks.
    void close_for_good() noexcept;
    /// The process ends: takes no more jobs, begins none, and lets the threads end by themselves.
    void stop() noexcept;
    void set_maximum_size(std::ptrdiff_t maximum);
    bool closed();
    std::ptrdiff_t maximum_size();
    thread_pool_statistics statistics();

    /// Takes a job back that has not begun. Returns whether its caller may leave.
    bool take_back(thread_job& job) noexcept;
    lock enter() { return here().mutex.enter(); }

    bool is_mine() const noexcept { return of_this_thread_ == this; }

private:
    // A place in the queue of those who wait for room.
    struct room_place final : shared_place {
        bool given = false;
    };

    // All of it is guarded by `mutex`. The child of a fork makes it anew in the same place.
    struct shared_state {
        explicit shared_state(std::ptrdiff_t most) noexcept : maximum{most} {}

        std::size_t jobs() const noexcept { return queued + running; }

        shared_core mutex{"thread_pool"};
        std::condition_variable thread_ended;
        // One of the two is empty.
        intrusive_list<thread_job> queue;
        intrusive_list<pool_worker> idle_workers;
        std::size_t queued = 0;
        std::size_t running = 0;
        std::size_t threads = 0;
        std::size_t idle = 0;
        std::size_t admitted = 0;
        std::uint64_t completed = 0;
        std::ptrdiff_t maximum;
        bool closed = false;
        // The process ends, and nobody waits for the threads.
        bool on_their_own = false;
        shared_places joiners;
        shared_places closers;
        shared_places room_seekers;
        // Threads that have ended, or are about to, and that somebody must join.
        std::vector<pthread_t> ended;
    };

    shared_state& here() noexcept {
        if (made_in_.load(std::memory_order_acquire) != present_process()) [[unlikely]] {
            make_anew();
        }
        return state_;
    }
    static unsigned present_process() noexcept;
    void make_anew() noexcept;

    void submit(shared_state& at, thread_job& job, job_caller& caller);
    int start_thread(shared_state& at) noexcept;
    void refuse_queued(shared_state& at) noexcept;
    void refuse_work(shared_state& at) noexcept;
    static void tell_idle(shared_state& at) noexcept;
    void give_room(shared_state& at) noexcept;
    void tell_joiners(shared_state& at) noexcept;
    bool has_room(shared_state const& at) const noexcept;
    bool wait_for_threads(shared_state& at, lock& entered, deadline limit);
    void join_ended(shared_state& at) noexcept;

    static void* run_thread(void* core);
    void work(shared_state& at);
    thread_job* next(shared_state& at, lock& entered, pool_worker& me);
    thread_job* wait_for_work(shared_state& at, lock& entered, pool_worker& me);
    static void begin(shared_state& at, thread_job& job) noexcept;
    void perform(shared_state& at, lock& entered, thread_job& job);
    void end(shared_state& at, lock& entered, thread_job& job) noexcept;
    void retire(shared_state& at) noexcept;
    void retire_unwound(shared_state& at) noexcept;

    static thread_local thread_pool_core const* of_this_thread_;

    thread_pool_options const options_;
    std::atomic<unsigned> made_in_;
    // What the child of a fork neither uses nor frees; it is kept for those who look for leaks.
    pthread_t const* left_behind_ = nullptr;
    timespec const idle_limit_;
    union {
        shared_state state_;
    };
};

}  // namespace tendril::detail
