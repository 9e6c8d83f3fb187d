// SPDX-License-Identifier: BSL-1.0
#pragma once

// Calls that block, in the pool that every process has.
//
//     std::string text = tendril::run_in_thread(read_file, path);      // parks this greenlet only
//     int number = tendril::wait_for_result(library.begin_work());     // a std::future<int>
//
// The pool is made at first use, with ten threads at most, and serves all hubs and threads of the
// process. It is never destroyed, because a job may hang when the program ends: at that time it
// begins nothing more, and nobody waits for what runs. Name look-ups (net/resolver.hpp) have
// threads of their own, so jobs cannot keep them waiting, nor they jobs. Work that may wait for
// other work of the same pool, or that takes long, is better off in a `thread_pool` of its own.
//
// Read next: thread_pool.hpp, docs/threads.md.

#include <tendril/threads/thread_pool.hpp>

#include <chrono>
#include <functional>
#include <future>
#include <type_traits>
#include <utility>

namespace tendril {

/// The pool of the process. Throws: std::bad_alloc, the first time. Switches: never. Thread: any.
thread_pool& default_thread_pool();

/// Has a thread of the process call `function(arguments...)` and waits for it, as
/// `thread_pool::run`. Throws: the same. Switches: may. Thread: any; one without a hub blocks.
template <typename F, typename... Args>
requires std::is_invocable_v<F, Args...>
auto run_in_thread(F&& function, Args&&... arguments) {
    return default_thread_pool().run(std::forward<F>(function), std::forward<Args>(arguments)...);
}

/// As above, with options. Switches: may.
template <typename F, typename... Args>
requires std::is_invocable_v<std::decay_t<F>, std::decay_t<Args>...>
auto run_in_thread(job_options options, F&& function, Args&&... arguments) {
    return default_thread_pool().run(
        options, std::forward<F>(function), std::forward<Args>(arguments)...);
}

namespace detail {

template <typename Future>
auto result_of_future(thread_pool& pool, Future&& awaited) {
    TENDRIL_REQUIRE(awaited.valid(), "a future without a shared state has no result to wait for");
    check_before_job();
    if (awaited.wait_for(std::chrono::seconds{0}) != std::future_status::ready) {
        // Whoever leaves, leaves the future to the thread.
        return pool.run(
            {.abandon_on_cancel = true},
            [](std::remove_cvref_t<Future> waited_for) { return waited_for.get(); },
            std::forward<Future>(awaited));
    }
    using result = decltype(awaited.get());
    return static_cast<std::decay_t<result>>(awaited.get());
}

}  // namespace detail

/// Waits for the result of a `std::future` and returns it. One that is not ready has a thread of
/// `pool` wait, which it keeps as long as it takes. A greenlet that is asked to leave does so at
/// once, and the future stays with the thread. A deferred function is called there.
/// Throws: what the future throws; as `thread_pool::run`. Switches: may. Thread: any.
template <typename T>
T wait_for_result(std::future<T> awaited, thread_pool& pool = default_thread_pool()) {
    return detail::result_of_future(pool, std::move(awaited));
}

/// As above; returns a copy of the result. Switches: may.
template <typename T>
T wait_for_result(std::shared_future<T> awaited, thread_pool& pool = default_thread_pool()) {
    return detail::result_of_future(pool, std::move(awaited));
}

}  // namespace tendril
