// SPDX-License-Identifier: BSL-1.0
//
// Invariants:
// 1. `running_` children have not ended, and each tells of its end once.
// 2. `errors_` has room for an error of each of them and for that of the block, so that recording
//    one cannot fail.
// 3. A group that is ending has a cancelled node; one that has ended has no children.
// 4. An error is thrown by `conclude`, or reported by the destructor.
#include <tendril/greenlet/greenlet_exit.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/scope/task_group.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/time/timeout.hpp>

#include <cxxabi.h>

#include <string>
#include <utility>

namespace tendril::detail {

void start_report::report() {
    settled_ = true;
    reported_ = true;
    waiting_.wake_all();
}

void start_report::give_up(std::exception_ptr error) noexcept {
    settled_ = true;
    error_ = std::move(error);
    waiting_.wake_all();
}

void start_report::wait() {
    plain_waiter me{"the start of a task"};
    waiting_.push(me);
    me.park();
}

group_core::group_core() : hub_{this_hub()}, waiting_{"task group"} { node_.hang_here(); }

group_core::~group_core() {
    if (running_ > 0) {
        if (!hub_.may_park()) {
            destroyed_while_in_use("task group");
        }
        begin_to_end("its group was destroyed");
        wait_for_children_shielded();
    }
    if (is_block_) {
        node_.leave();
    }
    for (std::exception_ptr const& each : errors_) {
        hub_.report_error(each, "a task group that nobody has joined");
    }
}

void group_core::enter() {
    node_.enter();
    is_block_ = true;
}

void group_core::require_own_thread() const {
    TENDRIL_REQUIRE_AS(
        wrong_thread, &hub_.thread() == &this_thread(),
        "this task group is on another thread: post to that thread's hub and use it there");
}

void group_core::cancel(char const* reason) {
    require_own_thread();
    if (stage_ == stage::open) {
        begin_to_end(reason == nullptr ? "its group was cancelled" : reason);
    }
}

void group_core::require_open() {
    require_own_thread();
    if (stage_ != stage::open) {
        throw task_group_closed{
            stage_ == stage::ending
                ? "a task group that was cancelled, or in which a child has failed, takes no more "
                  "children"
                : "a task group that has been joined takes no more children"};
    }
    errors_.reserve(errors_.size() + running_ + 2);
}

void group_core::begin_to_end(char const* reason) noexcept {
    if (stage_ == stage::open) {
        stage_ = stage::ending;
    }
    node_.cancel(reason);
}

void group_core::fail(std::exception_ptr error) noexcept {
    errors_.push_back(std::move(error));
    begin_to_end("another task of its group has failed");
}

void group_core::ended(task_core& child, start_report* start) noexcept {
    --running_;
    std::exception_ptr error = child.collect_error();
    if (start != nullptr && !start->settled()) {
        start->give_up(std::move(error));
    } else if (error != nullptr) {
        fail(std::move(error));
    }
    if (running_ == 0) {
        waiting_.wake_all();
    }
}

void group_core::wait_for_start(start_report& start, task_core& child) {
    try {
        check_interruption();
        if (!start.settled()) {
            start.wait();
        }
    } catch (abi::__forced_unwind const&) {
        throw;
    } catch (...) {
        child.cancel();
        interruption_shield const shielded;
        child.wait_until(deadline::never());
        if (start.error() != nullptr) {
            fail(start.error());
        }
        throw;
    }
    if (start.reported()) {
        return;
    }
    if (start.error() != nullptr) {
        std::rethrow_exception(start.error());
    }
    child.rethrow_failure();
    throw never_started{"a task has ended without saying that it has started"};
}

bool group_core::conclude(std::exception_ptr left_by) {
    require_own_thread();
    if (left_by != nullptr) {
        sort(std::move(left_by));
    }
    if (stage_ == stage::open) {
        wait_for_children();
    }
    wait_for_children_shielded();
    bool const absorbs = leave_scope();
    stage_ = stage::ended;
    if (!errors_.empty()) {
        std::string const count = std::to_string(errors_.size());
        throw exception_group{
            "in a task group: " + count + (errors_.size() == 1 ? " error" : " errors"),
            std::exchange(errors_, {})};
    }
    if (std::exception_ptr const passing = std::exchange(passing_, nullptr)) {
        try {
            std::rethrow_exception(passing);
        } catch (scope_cancelled const&) {
            if (!absorbs) {
                throw;
            }
        }
    }
    return absorbs;
}

// What has ended the block: an error of its own, or something from outside.
void group_core::sort(std::exception_ptr error) {
    bool from_outside = false;
    try {
        std::rethrow_exception(error);
    } catch (cancelled const&) {
        from_outside = true;
    } catch (greenlet_exit const&) {
        from_outside = true;
    } catch (timed_out const& late) {
        from_outside = late.depth() < node_.depth();
    } catch (...) {}
    if (from_outside) {
        passing_ = std::move(error);
        begin_to_end("the block of its group was cancelled");
    } else {
        errors_.reserve(errors_.size() + running_ + 1);
        fail(std::move(error));
    }
}

void group_core::wait_for_children() {
    try {
        check_interruption();
        while (running_ > 0) {
            plain_waiter me{"the tasks of a group"};
            waiting_.push(me);
            me.park();
        }
    } catch (abi::__forced_unwind const&) {
        throw;
    } catch (...) {
        if (is_block_) {
            sort(std::current_exception());
        } else {
            passing_ = std::current_exception();
            begin_to_end("the one who waits for its group was interrupted");
        }
    }
}

void group_core::wait_for_children_shielded() noexcept {
    while (running_ > 0) {
        plain_waiter me{"the tasks of a group"};
        waiting_.push(me);
        me.park_shielded();
    }
}

// Returns whether what its node has thrown ends here.
bool group_core::leave_scope() noexcept {
    if (!std::exchange(is_block_, false)) {
        return false;
    }
    bool const absorbs = node_.was_cancelled() && !node_.cancelled_from_above();
    node_.leave();
    return absorbs;
}

}  // namespace tendril::detail
