// SPDX-License-Identifier: BSL-1.0
#pragma once

// Threads for calls that block.
//
//     tendril::thread_pool pool{{.maximum_size = 4}};
//     auto rows = pool.run([&] { return database.query(text); });     // parks this greenlet only
//
// A call that blocks would stop the whole hub. `run` has a thread make it and parks the greenlet
// meanwhile; what the call returns or throws is what `run` returns or throws. The function runs on
// another thread, so it may not touch the greenlets, tasks and local primitives of the caller's;
// what it refers to may stay where it is, because the caller waits.
//
// Threads are made when there are more jobs than threads, and end when they have had nothing to do
// for a while. Greenlets of any hub, and threads without one, may use a pool together. A job that
// calls into its own pool makes that call itself, on the thread it has: a pool cannot wait for
// itself.
//
//     the caller is asked to leave   by default              with abandon_on_cancel
//     before the job has begun       it leaves, the job never runs
//     while the job runs             it waits for the end    it leaves, the result is dropped
//     after the job has ended        it has the result       it has the result
//
// A caller that had to wait has the result, and what was requested for it comes at its next park.
// The job can learn of it (`job_cancelled`, thread_job.hpp).
//
// `spawn` gives the call to a task instead, and waits for room first: a pool takes a bounded number
// of such jobs. While somebody here waits for a job, a virtual clock stands still.
//
// After a fork the child finds the pool empty and makes threads of its own. Read next:
// run_in_thread.hpp for the pool that a process has anyhow; docs/threads.md.

#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/deadline.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/task/spawn.hpp>
#include <tendril/task/task.hpp>
#include <tendril/threads/thread_job.hpp>

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <ranges>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace tendril {

/// How a pool is made.
struct thread_pool_options {
    /// How many threads it may have.
    std::ptrdiff_t maximum_size = 10;
    /// How many jobs of `spawn` may be there beyond that number before `spawn` waits.
    std::size_t queue_limit = 1;
    /// How long a thread waits for a job before it ends; nothing means for ever.
    std::optional<std::chrono::nanoseconds> idle_time = std::chrono::seconds{10};
    /// What the threads are called in debuggers; the system keeps fifteen characters.
    std::string name = "tendril pool";
};

/// How a job is run.
struct job_options {
    /// Whether a caller that is asked to leave while the job runs leaves at once. The function and
    /// its arguments are then copied or moved into the job.
    bool abandon_on_cancel = false;
};

/// The numbers of one moment.
struct thread_pool_statistics {
    /// Threads, and those of them that wait for a job.
    std::size_t threads = 0;
    std::size_t idle = 0;
    /// Jobs that wait for a thread, and those that run.
    std::size_t queued = 0;
    std::size_t running = 0;
    /// Jobs of `spawn` that have not ended, whether they have begun or not.
    std::size_t admitted = 0;
    /// Jobs that have ended since the pool was made.
    std::uint64_t completed = 0;
};

namespace detail {

class thread_pool_core;

/// Makes the threads of all pools, as pthread_create does, unless a test puts another in its place.
using thread_maker = int (*)(pthread_t*, pthread_attr_t const*, void* (*)(void*), void*);
extern std::atomic<thread_maker> make_pool_thread;

// The place that a job of `spawn` takes, until it has ended or will never run.
class pool_room {
public:
    /// Takes over a place. Requires: it was taken. Switches: never.
    explicit pool_room(std::shared_ptr<thread_pool_core> where) noexcept
        : where_{std::move(where)} {}
    pool_room(pool_room&&) noexcept = default;
    pool_room& operator=(pool_room&&) = delete;
    ~pool_room();

    thread_pool_core& where() const noexcept { return *where_; }

private:
    std::shared_ptr<thread_pool_core> where_;
};

/// Says whether the calling thread is one of this pool's. Switches: never.
bool runs_on(thread_pool_core const& pool) noexcept;
/// Waits until a thread has made the call. Switches: may.
void wait_for_job(thread_pool_core& pool, thread_job& job);
/// Delivers what is pending, on a thread with a hub. Switches: may.
void check_before_job();

template <typename Call>
auto call_in_pool(thread_pool_core& pool, Call& call) {
    using result = std::invoke_result_t<Call&>;
    static_assert(
        !std::is_reference_v<result>,
        "a result is carried from one thread to another, so a job must return a value and not a "
        "reference");
    check_before_job();
    if (runs_on(pool)) {
        return call();
    }
    frame_job<result, Call> job{call};
    wait_for_job(pool, job);
    return job.take();
}

template <typename Call>
auto call_and_may_abandon(thread_pool_core& pool, Call call) {
    using job = abandonable_job<std::invoke_result_t<Call&>, Call>;
    check_before_job();
    if (runs_on(pool)) {
        return call();
    }
    typename job::handle mine = std::make_unique<job>(std::move(call));
    mine->owner = &mine;
    wait_for_job(pool, *mine);
    return mine->take();
}

// A function with its arguments, which it gives away.
template <typename F, typename... Args>
auto bind_job(F&& function, Args&&... arguments) {
    return [call = std::tuple<std::decay_t<F>, std::decay_t<Args>...>{
                std::forward<F>(function), std::forward<Args>(arguments)...}]() mutable {
        return std::apply(
            []<typename... Parts>(Parts&&... parts) -> decltype(auto) {
                return std::invoke(std::forward<Parts>(parts)...);
            },
            std::move(call));
    };
}

// The tasks of one `map`, none of which outlives it.
template <typename Result>
class mapped_tasks {
public:
    mapped_tasks() = default;
    mapped_tasks(mapped_tasks const&) = delete;
    mapped_tasks& operator=(mapped_tasks const&) = delete;
    ~mapped_tasks() {
        interruption_shield const shield;
        for (task<Result>& each : tasks_) {
            each.cancel();
        }
        for (task<Result>& each : tasks_) {
            each.join();
            // The first error in order is thrown; the others are not reported.
            static_cast<void>(each.exception());
        }
    }

    // Its place is made first: a task that has none would outlive what it refers to.
    template <typename F>
    void add_made_by(F&& make) {
        tasks_.emplace_back();
        scope_exit const give_up{[this] {
            if (!tasks_.back().valid()) {
                tasks_.pop_back();
            }
        }};
        tasks_.back() = make();
    }

    auto results() {
        if constexpr (std::is_void_v<Result>) {
            for (task<Result>& each : tasks_) {
                each.get();
            }
        } else {
            std::vector<Result> all;
            all.reserve(tasks_.size());
            for (task<Result>& each : tasks_) {
                all.push_back(std::move(each.get()));
            }
            return all;
        }
    }

private:
    std::vector<task<Result>> tasks_;
};

}  // namespace detail

class thread_pool {
public:
    /// Makes a pool without threads. Throws: misuse for a maximum below one. Switches: never.
    /// Thread: any.
    explicit thread_pool(thread_pool_options options = {});
    thread_pool(thread_pool const&) = delete;
    thread_pool& operator=(thread_pool const&) = delete;

    /// Closes it and waits for its threads, without being interrupted; where a greenlet may not
    /// park, the thread blocks. Requires: no other call on the pool. Switches: may.
    ~thread_pool();

    /// Has a thread call `function(arguments...)` and waits for it; the caller's own objects are
    /// used, not copies. In a thread of this pool the call is made at once.
    /// Throws: what the function throws; system_error with errc::closed when the pool has closed
    /// before the job began, or the system's code when it gives no thread and there is none; what
    /// was requested for the greenlet, and then the job never runs; misuse in a callback of a hub.
    /// Switches: may. Thread: any; one without a hub blocks.
    template <typename F, typename... Args>
    requires std::is_invocable_v<F, Args...>
    auto run(F&& function, Args&&... arguments) {
        auto call = [&]() -> std::invoke_result_t<F, Args...> {
            return std::invoke(std::forward<F>(function), std::forward<Args>(arguments)...);
        };
        return detail::call_in_pool(*core_, call);
    }

    /// As above, but the caller may leave a job that runs, and uses copies. Switches: may.
    template <typename F, typename... Args>
    requires std::is_invocable_v<std::decay_t<F>, std::decay_t<Args>...>
    auto run(job_options options, F&& function, Args&&... arguments) {
        auto call = detail::bind_job(std::forward<F>(function), std::forward<Args>(arguments)...);
        return options.abandon_on_cancel ? detail::call_and_may_abandon(*core_, std::move(call))
                                         : detail::call_in_pool(*core_, call);
    }

    /// Waits for room, and makes a task that has a thread call copies of what it is given. A task
    /// that is cancelled before its job begins gives its place to another.
    /// Throws: system_error with errc::closed; what was requested for the greenlet; misuse in a
    /// callback of the hub when it would have to wait; std::bad_alloc. Switches: may. Thread: hub.
    template <typename F, typename... Args>
    requires std::is_invocable_v<std::decay_t<F>, std::decay_t<Args>...>
    auto spawn(F&& function, Args&&... arguments) {
        detail::pool_room room = wait_for_room();
        return start(
            std::move(room),
            detail::bind_job(std::forward<F>(function), std::forward<Args>(arguments)...));
    }

    /// As above, but returns an empty handle when there is no room. Throws: system_error with
    /// errc::closed; std::bad_alloc. Switches: never. Thread: hub.
    template <typename F, typename... Args>
    requires std::is_invocable_v<std::decay_t<F>, std::decay_t<Args>...>
    auto try_spawn(F&& function, Args&&... arguments) {
        using job = decltype(detail::bind_job(
            std::forward<F>(function), std::forward<Args>(arguments)...));
        std::optional<detail::pool_room> room = take_room();
        if (!room) {
            return task<std::invoke_result_t<job&>>{};
        }
        return start(
            *std::move(room),
            detail::bind_job(std::forward<F>(function), std::forward<Args>(arguments)...));
    }

    /// Calls `function` for each element of a range, on several threads at a time, and returns the
    /// results in the order of the range. Elements and function are used where they are. On the
    /// first error in that order, or when the caller is interrupted, what has not begun never does,
    /// and what runs is waited for. In a thread of this pool the calls are made one by one.
    /// Throws: what `function` throws; as `spawn`; misuse where nobody may wait. Switches: may.
    /// Thread: hub.
    template <std::ranges::input_range Range, typename F>
    requires std::is_invocable_v<F&, std::ranges::range_reference_t<Range>>
    auto map(Range&& range, F&& function) {
        using element = std::ranges::range_reference_t<Range>;
        // Whatever happens, its tasks are waited for.
        this_hub().require_not_forked();
        this_hub().require_may_park();
        detail::mapped_tasks<std::decay_t<std::invoke_result_t<F&, element>>> tasks;
        for (auto at = std::ranges::begin(range); at != std::ranges::end(range); ++at) {
            tasks.add_made_by([&] {
                return spawn([&function, each = std::tuple<element>{*at}]() mutable {
                    return std::apply(function, std::move(each));
                });
            });
        }
        return tasks.results();
    }

    /// Waits until no job is queued and none runs. Throws: what was requested for the greenlet;
    /// misuse in a job of this pool. Switches: may. Thread: any; one without a hub blocks.
    void join() { join_until(deadline::never()); }

    /// As above, but for a while, or until a moment, at most. Returns whether there is none.
    /// Switches: may.
    template <typename Rep, typename Period>
    bool join_for(std::chrono::duration<Rep, Period> const& duration) {
        return join_until(deadline::after(duration));
    }
    bool join_until(deadline limit);

    /// Takes no more jobs, refuses those that have not begun, and waits until the threads have
    /// ended, each after the job that it makes. It is closed also when the wait is left. A second
    /// call waits too. Throws: what was requested for the greenlet; misuse in a job of this pool.
    /// Switches: may. Thread: any; one without a hub blocks.
    void close() { close_until(deadline::never()); }

    /// As above, but waits for a while, or until a moment, at most. Returns whether all threads
    /// have ended. Switches: may.
    template <typename Rep, typename Period>
    bool close_for(std::chrono::duration<Rep, Period> const& duration) {
        return close_until(deadline::after(duration));
    }
    bool close_until(deadline limit);

    /// Says whether it was closed. Switches: never. Thread: any.
    bool closed() const;

    /// How many threads there are at this moment. Switches: never. Thread: any.
    std::size_t size() const { return statistics().threads; }

    /// How many threads there may be. Switches: never. Thread: any.
    std::ptrdiff_t maximum_size() const;

    /// Allows more threads, and lets those go on who wait for room; or fewer, and then idle threads
    /// end at once and the others after their job. Throws: misuse below one, and then nothing has
    /// changed. Switches: never. Thread: any.
    void set_maximum_size(std::ptrdiff_t maximum);

    /// Returns the numbers of this moment. Switches: never. Thread: any.
    thread_pool_statistics statistics() const;

    /// What stands behind it, for the library. Switches: never.
    detail::thread_pool_core& core() const noexcept { return *core_; }

private:
    detail::pool_room wait_for_room();
    std::optional<detail::pool_room> take_room();

    // Has a task make the call.
    template <typename Call>
    static auto start(detail::pool_room room, Call call) {
        return tendril::spawn([room = std::move(room), call = std::move(call)]() mutable {
            return detail::call_in_pool(room.where(), call);
        });
    }

    std::shared_ptr<detail::thread_pool_core> core_;
};

}  // namespace tendril
