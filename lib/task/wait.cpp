// SPDX-License-Identifier: BSL-1.0
#include <tendril/greenlet/greenlet_exit.hpp>
#include <tendril/task/wait.hpp>

namespace tendril {

not_all_completed::not_all_completed()
    : std::runtime_error{"the limit came before all of the tasks had ended"} {}

namespace detail {

void throw_not_all_completed() { throw not_all_completed{}; }

wait_status status_of(completion_watch& watch) {
    wait_status found;
    watch.for_each_done([&](task_core&, std::size_t at) { found.done.push_back(at); });
    watch.for_each_pending([&](task_core&, std::size_t at) { found.pending.push_back(at); });
    return found;
}

wait_status join_watched(completion_watch& watch, join_options const& options) {
    using stop_at = wait_goal::stop_at;
    stop_at const stop = options.raise_error ? stop_at::error : stop_at::nothing;
    watch.wait({.count = options.count, .stop = stop}, options.limit);
    if (options.raise_error && watch.first_error() != nullptr) {
        watch.first_error()->rethrow_failure();
    }
    return status_of(watch);
}

void kill_for_watch(completion_watch& watch, task_core& victim) {
    victim.kill(std::make_exception_ptr(greenlet_exit{}));
    // The caller is thrown out of its wait.
    if (!victim.is_running()) {
        watch.add(victim);
    }
}

}  // namespace detail
}  // namespace tendril
