// SPDX-License-Identifier: BSL-1.0
#pragma once

// What every wait for several tasks stands on: hears of the end of each, and lets one greenlet wait
// for so many of them.
//
//     detail::completion_watch watch{"tasks"};
//     watch.add(t.state());
//     watch.add(u.state());
//     watch.wait({.count = 1}, deadline::never());
//
// A task that is added twice counts once, and keeps the position at which it came first. The watch
// refers to its tasks, so handles may go meanwhile. When it is destroyed it has left them all; they
// go on. It never takes an error: who waits asks for that.
//
// Read next: gather.hpp, wait.hpp.

#include <tendril/hub/deadline.hpp>
#include <tendril/hub/waiter.hpp>
#include <tendril/support/intrusive_list.hpp>
#include <tendril/task/task.hpp>
#include <tendril/task/task_state.hpp>

#include <cstddef>
#include <deque>
#include <limits>
#include <ranges>
#include <type_traits>

namespace tendril {

namespace detail {

template <typename T>
inline constexpr bool is_task = false;
template <typename T>
inline constexpr bool is_task<task<T>> = true;

template <typename... Handles>
concept task_handles = sizeof...(Handles) > 0 && (is_task<std::remove_cvref_t<Handles>> && ...);

template <typename Range>
concept task_range = std::ranges::input_range<Range> && is_task<std::ranges::range_value_t<Range>>;

// What a wait for several tasks is for.
struct wait_goal {
    enum class stop_at : std::uint8_t {
        nothing,
        // One that has thrown; a cancelled one has not.
        error,
        // One that has no result, for whichever reason.
        failure,
    };

    static constexpr std::size_t all = std::numeric_limits<std::size_t>::max();
    // So many have ended; more than there are means all.
    std::size_t count = all;
    // Or one of these has come.
    stop_at stop = stop_at::nothing;
};

class completion_watch {
public:
    // `what` names what is waited for, in dumps: a literal.
    explicit completion_watch(char const* what) : what_{what} {}
    completion_watch(completion_watch const&) = delete;
    completion_watch& operator=(completion_watch const&) = delete;

    // Throws: std::bad_alloc; wrong_thread; misuse for the task that calls. Switches: never.
    void add(task_core& task);

    // Waits for that, until `limit` at most. Returns whether it has come. Throws: what was
    // requested for the caller. Switches: may.
    bool wait(wait_goal goal, deadline limit);
    // As above, but nothing is delivered. Switches: may.
    void wait_shielded(wait_goal goal);

    // How many positions there are, with those that repeat a task; how many tasks; how many of
    // them have ended.
    std::size_t positions() const noexcept { return positions_; }
    std::size_t size() const noexcept { return places_.size(); }
    std::size_t done() const noexcept { return done_; }

    // The first one that has ended without a result, or with an error; null when none has.
    task_core* first_failure() const noexcept { return first_failure_; }
    task_core* first_error() const noexcept { return first_error_; }

    // Calls `use(task, position)` for those that have ended, in the order in which they did, or for
    // those that have not, in the order in which they were added.
    template <typename F>
    void for_each_done(F&& use) {
        for (place& each : ended_) {
            use(each.task(), each.position());
        }
    }
    template <typename F>
    void for_each_pending(F&& use) {
        for (place& each : places_) {
            if (!each.task().done()) {
                use(each.task(), each.position());
            }
        }
    }

    // Takes out the position of the one that has ended first. Requires: there is one.
    bool has_next() const noexcept { return !ended_.empty(); }
    std::size_t take_next() noexcept { return ended_.pop_front()->position(); }

    // Cancels those that have not ended.
    void cancel_pending();
    // From now on, nobody is told of errors in any of them.
    void waive_errors() noexcept;

private:
    struct in_ended;
    class place final : public completion, public list_hook<in_ended> {
    public:
        place(completion_watch& watch, task_core& task, std::size_t position) noexcept
            : completion{&watch},
              watch_{watch},
              task_{task},
              position_{position} {
            task.add_reference();
        }
        ~place() {
            // The list in which it stands may go with the task.
            completion::unlink();
            task_.drop_reference();
        }

        void completed(task_core&) noexcept override { watch_.note(*this); }
        task_core& task() const noexcept { return task_; }
        std::size_t position() const noexcept { return position_; }

    private:
        completion_watch& watch_;
        task_core& task_;
        std::size_t position_;
    };

    bool knows(task_core& task) noexcept;
    void note(place& ended) noexcept;
    bool is_met() const noexcept;

    std::deque<place> places_;
    // In the order in which they have ended.
    intrusive_list<place, in_ended> ended_;
    std::size_t positions_ = 0;
    std::size_t done_ = 0;
    task_core* first_failure_ = nullptr;
    task_core* first_error_ = nullptr;
    wait_goal goal_;
    waiter* waiting_ = nullptr;
    char const* what_;
};

}  // namespace detail

}  // namespace tendril
