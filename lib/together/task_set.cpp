// SPDX-License-Identifier: BSL-1.0
//
// Invariants:
// 1. `size_` members, and those who have taken a slot or were handed one, are `taken_` in all.
// 2. While anybody stands in `entering_`, every slot is taken; while anybody joins, one is at
//    least.
// 3. A member is in the list of its task exactly while it is in `members_`; it takes one slot and
//    gives back one.
#include <tendril/greenlet/greenlet_exit.hpp>
#include <tendril/hub/cancellation.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/together/completion_watch.hpp>
#include <tendril/together/task_set.hpp>

namespace tendril::detail {

task_set::task_set(std::ptrdiff_t slots) : thread_{this_thread()}, slots_{slots} {
    TENDRIL_REQUIRE(slots >= 0, "a pool has a number of slots that is not negative");
}

task_set::~task_set() {
    while (member* const left = members_.pop_front()) {
        delete left;
    }
}

task_set::member::~member() {
    if (task_ != nullptr) {
        task_->drop_reference();
    }
}

void task_set::require_here() const {
    TENDRIL_REQUIRE_AS(
        wrong_thread, &thread_ == &this_thread(),
        "this group or pool belongs to another thread: post to its hub and use it there");
}

bool task_set::try_take() {
    require_here();
    if (taken_ == slots_) {
        return false;
    }
    ++taken_;
    return true;
}

bool task_set::take(deadline limit) {
    check_interruption();
    if (try_take()) {
        return true;
    }
    // The text stands in the list of `would_block_forever`.
    plain_waiter me{
        contains_caller()
            ? "room in a pool, of which it takes a slot itself (apply_async does not wait)"
            : "room in a pool"};
    entering_.push(me);
    return me.park_until(limit);
}

// DOC: give_back
void task_set::give_back() noexcept {
    if (!entering_.empty()) {
        entering_.wake_one();
        return;
    }
    --taken_;
    watching_.wake_all();
    if (taken_ == 0) {
        joining_.wake_all();
    }
}
// DOC-END: give_back

void task_set::enter(std::unique_ptr<member> entering, task_core& task) {
    if (task.done() || contains(task)) {
        give_back();
        return;
    }
    task.observe(*entering);
    member& entered = *entering.release();
    task.add_reference();
    entered.task_ = &task;
    members_.push_back(entered);
    ++size_;
    if (kills_ > 0) {
        kill_member(entered);
    }
}

void task_set::discard(task_core& task) {
    require_here();
    if (completion* const found = task.observer_for(this)) {
        leave(static_cast<member&>(*found));
    }
}

void task_set::leave(member& leaving) noexcept {
    std::unique_ptr<member> const gone{&leaving};
    static_cast<list_hook<in_set>&>(leaving).unlink();
    --size_;
    give_back();
}

bool task_set::contains_caller() const noexcept {
    task_core* const running = task_core::running();
    return running != nullptr && contains(*running);
}

bool task_set::join(deadline limit) {
    require_here();
    check_interruption();
    if (taken_ == 0) {
        return true;
    }
    TENDRIL_REQUIRE(
        !contains_caller(), "a member joins its own group or pool: it would wait for itself");
    plain_waiter me{"the tasks of a group"};
    joining_.push(me);
    return me.park_until(limit);
}

void task_set::join_and_raise() {
    completion_watch watch{"the tasks of a group"};
    for (member& each : members_) {
        watch.add(each.task());
    }
    join(deadline::never());
    if (task_core* const failed = watch.first_error()) {
        failed->rethrow_failure();
    }
}

void task_set::kill_member(member& victim) {
    if (!std::exchange(victim.killed_, true)) {
        victim.task().kill(std::make_exception_ptr(greenlet_exit{}));
    }
}

// A member that was to begin later ends in the kill, and is gone. So each goes to the end of the
// list before it is killed, which leaves the order as it was.
void task_set::kill_members() {
    for (std::size_t left = size_; left > 0 && !members_.empty(); --left) {
        member& next = *members_.pop_front();
        members_.push_back(next);
        kill_member(next);
    }
}

bool task_set::kill(deadline limit) {
    require_here();
    check_interruption();
    if (taken_ == 0) {
        return true;
    }
    ++kills_;
    scope_exit const no_longer{[this] { --kills_; }};
    kill_members();
    if (taken_ == 0) {
        return true;
    }
    plain_waiter me{"the end of the tasks of a group"};
    joining_.push(me);
    return me.park_until(limit);
}

void task_set::kill_one(task_core& victim) {
    require_here();
    if (completion* const found = victim.observer_for(this)) {
        kill_member(static_cast<member&>(*found));
    }
}

std::ptrdiff_t task_set::wait_available(deadline limit) {
    require_here();
    check_interruption();
    if (taken_ == slots_) {
        plain_waiter me{"room in a pool"};
        watching_.push(me);
        me.park_until(limit);
    }
    return free();
}

}  // namespace tendril::detail
