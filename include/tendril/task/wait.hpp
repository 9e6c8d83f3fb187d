// SPDX-License-Identifier: BSL-1.0
#pragma once

// Waiting for several tasks without asking for their results.
//
//     tendril::wait_all(t, u);                              // until all have ended
//     std::size_t first = tendril::wait_any(t, u);          // until one has: its position
//     auto found = tendril::wait_some_for(1s, 3, tasks);    // until three have, for a second
//     for (auto& done : tendril::as_completed(tasks)) {     // each as it ends
//         use(done.get());
//     }
//
//     wait_all                 until all have ended, however they did
//     wait_all_or_error        the same, but no longer than until one has thrown
//     wait_some                until so many have
//     wait_any                 until one has
//     join_all                 as wait_all, with a count and errors that are thrown, if wanted
//     kill_all                 ends them all, and waits for that
//
// Each takes tasks, of whatever types, or one range of tasks; with `_for` or `_until` a limit comes
// first. But for `join_all`, none of them throws the error of a task: that stays with the task and
// is reported if nobody asks for it. Neither a limit nor an interruption cancels a task. A task
// that is given twice counts once, at its first position.

#include <tendril/hub/deadline.hpp>
#include <tendril/task/completion_watch.hpp>

#include <chrono>
#include <cstddef>
#include <iterator>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

namespace tendril {

/// Which of several tasks have ended, and which not: their positions among those that were given.
struct wait_status {
    /// In the order in which they have ended; first those that had before the wait.
    std::vector<std::size_t> done;
    /// In the order in which they were given.
    std::vector<std::size_t> pending;

    /// Says whether all have. Switches: never.
    bool all_done() const noexcept { return pending.empty(); }
};

/// The limit of an `as_completed` has come, and tasks are left that have not ended.
class not_all_completed : public std::runtime_error {
public:
    /// Says so. Switches: never.
    not_all_completed();
};

/// What `join_all` waits for.
struct join_options {
    /// So many tasks; without it, all.
    std::size_t count = detail::wait_goal::all;
    /// Whether the first error in time is thrown, without waiting for more.
    bool raise_error = false;
    /// Until when, at most.
    deadline limit = deadline::never();
};

namespace detail {

wait_status status_of(completion_watch& watch);
[[noreturn]] TENDRIL_COLD void throw_not_all_completed();
wait_status join_watched(completion_watch& watch, join_options const& options);
void kill_for_watch(completion_watch& watch, task_core& victim);

// A watch of what a call was given: tasks, or one range of tasks.
template <typename... Given>
inline constexpr bool are_awaited = task_handles<Given...>;
template <typename Range>
inline constexpr bool are_awaited<Range> = task_handles<Range> || task_range<Range>;
template <typename... Given>
concept awaited = are_awaited<Given...>;

class wait_for_tasks : public completion_watch {
public:
    template <typename... Given>
    explicit wait_for_tasks(char const* what, Given&&... given) : completion_watch{what} {
        if constexpr (task_handles<Given...>) {
            (add(given.state()), ...);
        } else {
            (add_each(given), ...);
        }
    }

    wait_status wait_in_all(wait_goal goal, deadline limit) {
        wait(goal, limit);
        return status_of(*this);
    }
    std::optional<std::size_t> wait_for_one(deadline limit) {
        TENDRIL_REQUIRE(size() > 0, "wait_any() of nothing would wait for ever: give it a task");
        if (!wait({.count = 1}, limit)) {
            return std::nullopt;
        }
        return take_next();
    }

private:
    template <typename Range>
    void add_each(Range&& range) {
        for (auto&& each : range) {
            add(each.state());
        }
    }
};

}  // namespace detail

/// Waits until all have ended. Of nothing, it returns at once.
/// Throws: what was requested for the caller; wrong_thread for a task of another thread; misuse for
/// an empty handle and for the caller itself. Switches: may.
template <typename... Given>
requires detail::awaited<Given...> wait_status wait_all(Given&&... given) {
    return detail::wait_for_tasks{"wait_all", given...}.wait_in_all({}, deadline::never());
}

/// As above, but for a while, or until a moment, at most. Switches: may.
template <typename Rep, typename Period, typename... Given>
requires detail::awaited<Given...> wait_status
wait_all_for(std::chrono::duration<Rep, Period> const& duration, Given&&... given) {
    return wait_all_until(deadline::after(duration), given...);
}
template <typename... Given>
requires detail::awaited<Given...> wait_status wait_all_until(deadline limit, Given&&... given) {
    return detail::wait_for_tasks{"wait_all", given...}.wait_in_all({}, limit);
}

/// As `wait_all`, but returns also when one has thrown. One that was cancelled has not.
/// Switches: may.
template <typename... Given>
requires detail::awaited<Given...> wait_status wait_all_or_error(Given&&... given) {
    return wait_all_or_error_until(deadline::never(), given...);
}

/// As above, but for a while, or until a moment, at most. Switches: may.
template <typename Rep, typename Period, typename... Given>
requires detail::awaited<Given...> wait_status
wait_all_or_error_for(std::chrono::duration<Rep, Period> const& duration, Given&&... given) {
    return wait_all_or_error_until(deadline::after(duration), given...);
}
template <typename... Given>
requires detail::awaited<Given...> wait_status
wait_all_or_error_until(deadline limit, Given&&... given) {
    return detail::wait_for_tasks{"wait_all_or_error", given...}.wait_in_all(
        {.stop = detail::wait_goal::stop_at::error}, limit);
}

/// As `wait_all`, but returns when so many have ended; when all have, if there are fewer.
/// Switches: may.
template <typename... Given>
requires detail::awaited<Given...> wait_status wait_some(std::size_t count, Given&&... given) {
    return wait_some_until(deadline::never(), count, given...);
}

/// As above, but for a while, or until a moment, at most. Switches: may.
template <typename Rep, typename Period, typename... Given>
requires detail::awaited<Given...> wait_status wait_some_for(
    std::chrono::duration<Rep, Period> const& duration, std::size_t count, Given&&... given) {
    return wait_some_until(deadline::after(duration), count, given...);
}
template <typename... Given>
requires detail::awaited<Given...> wait_status
wait_some_until(deadline limit, std::size_t count, Given&&... given) {
    return detail::wait_for_tasks{"wait_some", given...}.wait_in_all({.count = count}, limit);
}

/// Waits until one has ended, and returns its position: of several, that of the first in time.
/// Throws: as `wait_all`, and misuse when there is no task. Switches: may.
template <typename... Given>
requires detail::awaited<Given...> std::size_t wait_any(Given&&... given) {
    return *wait_any_until(deadline::never(), given...);
}

/// As above, but for a while, or until a moment, at most; empty when that ran out. Switches: may.
template <typename Rep, typename Period, typename... Given>
requires detail::awaited<Given...> std::optional<std::size_t> wait_any_for(
    std::chrono::duration<Rep, Period> const& duration, Given&&... given) {
    return wait_any_until(deadline::after(duration), given...);
}
template <typename... Given>
requires detail::awaited<Given...> std::optional<std::size_t> wait_any_until(
    deadline limit, Given&&... given) {
    return detail::wait_for_tasks{"wait_any", given...}.wait_for_one(limit);
}

/// Waits for the tasks of a range as `options` says. Errors that are not thrown stay with their
/// tasks. Throws: the first error in time, if that is wanted; as `wait_all`. Switches: may.
template <detail::task_range Range>
wait_status join_all(Range&& range, join_options const& options = {}) {
    detail::wait_for_tasks watch{"join_all", range};
    return detail::join_watched(watch, options);
}

/// Ends the tasks of a range with `greenlet_exit`, all in one step, and waits until they have
/// ended; those that have not begun never do. The caller may be one of them: it is ended when it
/// waits. Throws: what was requested for the caller; wrong_thread. Switches: may.
template <detail::task_range Range>
void kill_all(Range&& range) {
    kill_all_until(deadline::never(), range);
}

/// As above, but waits for a while, or until a moment, at most. Returns whether all have ended.
/// Switches: may.
template <typename Rep, typename Period, detail::task_range Range>
bool kill_all_for(std::chrono::duration<Rep, Period> const& duration, Range&& range) {
    return kill_all_until(deadline::after(duration), range);
}
template <detail::task_range Range>
bool kill_all_until(deadline limit, Range&& range) {
    detail::completion_watch watch{"kill_all"};
    for (auto&& each : range) {
        detail::kill_for_watch(watch, each.state());
    }
    return watch.wait({}, limit);
}

/// Tasks in the order in which they end, for one walk with a range-for.
template <typename Handle>
class completed_tasks {
public:
    class iterator {
    public:
        using value_type = Handle;
        using difference_type = std::ptrdiff_t;
        iterator() noexcept = default;
        explicit iterator(completed_tasks& walked) : walked_{&walked} { walked_->go_on(); }
        Handle& operator*() const noexcept { return walked_->tasks_[walked_->present_]; }
        iterator& operator++() {
            walked_->go_on();
            return *this;
        }
        void operator++(int) { walked_->go_on(); }
        bool operator==(std::default_sentinel_t) const noexcept { return walked_->at_end_; }

    private:
        completed_tasks* walked_ = nullptr;
    };

    template <typename Range>
    completed_tasks(Range&& range, deadline limit) : limit_{limit} {
        for (auto&& each : range) {
            tasks_.push_back(each);
            watch_.add(tasks_.back().state());
        }
    }

    iterator begin() { return iterator{*this}; }
    std::default_sentinel_t end() const noexcept { return {}; }

private:
    void go_on() {
        at_end_ = taken_ == watch_.size();
        if (at_end_) {
            return;
        }
        if (!watch_.wait({.count = taken_ + 1}, limit_)) {
            detail::throw_not_all_completed();
        }
        ++taken_;
        present_ = watch_.take_next();
    }

    std::vector<Handle> tasks_;
    detail::completion_watch watch_{"as_completed"};
    deadline limit_;
    std::size_t taken_ = 0;
    std::size_t present_ = 0;
    bool at_end_ = false;
};

/// Yields handles to the tasks of a range in the order in which they end, waiting for each. Leaving
/// the walk leaves the others running.
/// Throws: wrong_thread; misuse for an empty handle and for the caller itself; each step of the
/// walk what was requested for the caller. Switches: never, but each step of the walk may.
template <detail::task_range Range>
auto as_completed(Range&& range) {
    return completed_tasks<std::ranges::range_value_t<Range>>{range, deadline::never()};
}

/// As above, but for a while, or until a moment, at most: a step that has to wait longer throws
/// not_all_completed. Switches: never, but each step of the walk may.
template <typename Rep, typename Period, detail::task_range Range>
auto as_completed_for(std::chrono::duration<Rep, Period> const& duration, Range&& range) {
    return as_completed_until(deadline::after(duration), range);
}
template <detail::task_range Range>
auto as_completed_until(deadline limit, Range&& range) {
    return completed_tasks<std::ranges::range_value_t<Range>>{range, limit};
}

}  // namespace tendril
