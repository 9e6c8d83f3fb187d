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

group_core::group_core() : hub_{this_hub()}, waiting_{"task group"} { node_.hang_here(); }

group_core::~group_core() {
    // Children that a closed hub has left behind never run again.
    bool const hub_is_there = hub::of(this_thread()) == &hub_;
    if (running_ > 0 && hub_is_there) {
        if (!hub_.may_park() || caller_is_child()) {
            destroyed_while_in_use("task group");
        }
        begin_to_end("its group was destroyed");
        wait_for_children_shielded();
    }
    if (is_block_) {
        node_.leave();
    }
    constexpr char const* whose = "a task group that nobody has joined";
    for (std::exception_ptr const& each : errors_) {
        hub_is_there ? hub_.report_error(each, whose) : print_error(each, whose);
    }
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

void group_core::join() {
    require_own_thread();
    TENDRIL_REQUIRE(
        !is_block_,
        "the group of a with_task_group is joined by hand: the end of its block does that, or wait "
        "for single children");
    TENDRIL_REQUIRE(
        !caller_is_child(), "a child joins its own task group: it would wait for itself");
    if (running_ > 0) {
        hub_.require_may_park();
    }
    conclude(nullptr);
}

void group_core::conclude(std::exception_ptr left_by) {
    // What came from outside and goes its way when all have ended. Several may join.
    std::exception_ptr passing;
    if (left_by != nullptr) {
        passing = sort(std::move(left_by));
    }
    if (stage_ == stage::open) {
        passing = wait_for_children();
    }
    wait_for_children_shielded();
    bool const absorbs = leave_scope();
    stage_ = stage::ended;
    if (!errors_.empty()) {
        throw_errors();
    }
    if (passing != nullptr) {
        try {
            std::rethrow_exception(passing);
        } catch (scope_cancelled const&) {
            if (!absorbs) {
                throw;
            }
        }
    }
}

// They stay here until the group of them is made: for want of memory the destructor reports them.
void group_core::throw_errors() {
    std::string const count = std::to_string(errors_.size());
    exception_group all{
        "in a task group: " + count + (errors_.size() == 1 ? " error" : " errors"), errors_};
    errors_.clear();
    throw all;  // a copy, which needs no memory
}

// What has ended the block: an error of its own, or something from outside, which is returned.
std::exception_ptr group_core::sort(std::exception_ptr error) {
    bool from_outside = false;
    try {
        std::rethrow_exception(error);
    } catch (cancelled const&) {
        from_outside = true;
    } catch (greenlet_exit const&) {
        from_outside = true;
    } catch (timed_out const& late) {
        // Not one that comes as the error of an older task: it is no limit of this block.
        from_outside = node_.was_timed_out_from_outside(late.depth());
    } catch (...) {}
    if (from_outside) {
        begin_to_end("the block of its group was cancelled");
        return error;
    }
    errors_.reserve(errors_.size() + running_ + 1);
    fail(std::move(error));
    return nullptr;
}

// Returns what came from outside meanwhile.
std::exception_ptr group_core::wait_for_children() {
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
            return sort(std::current_exception());
        }
        begin_to_end("the one who waits for its group was interrupted");
        return std::current_exception();
    }
    return nullptr;
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
