// SPDX-License-Identifier: BSL-1.0
//
// Invariants:
// 1. Nothing runs between looking at the tasks and parking, so no end is missed.
// 2. A place is in the list of its task, or in `ended_`, or was taken from there.
// 3. `waiting_` is set exactly while somebody waits, and is woken when the goal is met.
#include <tendril/hub/cancellation.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/sync/wait_queue.hpp>
#include <tendril/task/completion_watch.hpp>

#include <algorithm>

namespace tendril::detail {

void completion_watch::add(task_core& task) {
    TENDRIL_REQUIRE(
        !task.is_running(),
        "a task waits for several tasks and is one of them: it would wait for ever");
    std::size_t const position = positions_++;
    if (knows(task)) {
        return;
    }
    place& added = places_.emplace_back(*this, task, position);
    try {
        task.observe(added);
    } catch (...) {
        places_.pop_back();
        throw;
    }
    if (task.done()) {
        // It stays in the list of its task, where a second position of the task finds it.
        note(added);
    }
}

bool completion_watch::knows(task_core& task) noexcept {
    return task.observer_for(this) != nullptr;
}

void completion_watch::note(place& ended) noexcept {
    task_core& task = ended.task();
    ended_.push_back(ended);
    ++done_;
    bool const has_failed = task.how() == task_core::stage::failed;
    if (task.how() != task_core::stage::returned && first_failure_ == nullptr) {
        first_failure_ = &task;
    }
    if (has_failed && first_error_ == nullptr) {
        first_error_ = &task;
    }
    if (waiting_ != nullptr && is_met()) {
        waiting_->wake();
    }
}

bool completion_watch::is_met() const noexcept {
    switch (goal_.stop) {
    case wait_goal::stop_at::error:
        if (first_error_ != nullptr) {
            return true;
        }
        break;
    case wait_goal::stop_at::failure:
        if (first_failure_ != nullptr) {
            return true;
        }
        break;
    case wait_goal::stop_at::nothing:
        break;
    }
    return done_ >= std::min(goal_.count, size());
}

bool completion_watch::wait(wait_goal goal, deadline limit) {
    check_interruption();
    goal_ = goal;
    if (is_met()) {
        return true;
    }
    plain_waiter me{what_};
    scope_exit const leave{[this] { waiting_ = nullptr; }};
    waiting_ = &me;
    me.park_until(limit);
    // Who ends while the caller waits for its turn behind its limit counts too.
    return is_met();
}

void completion_watch::wait_shielded(wait_goal goal) {
    goal_ = goal;
    if (is_met()) {
        return;
    }
    plain_waiter me{what_};
    scope_exit const leave{[this] { waiting_ = nullptr; }};
    waiting_ = &me;
    me.park_shielded();
}

void completion_watch::cancel_pending() {
    for_each_pending([](task_core& task, std::size_t) { task.cancel(); });
}

void completion_watch::waive_errors() noexcept {
    for (place& each : places_) {
        each.task().waive_error();
    }
}

}  // namespace tendril::detail
