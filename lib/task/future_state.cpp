// SPDX-License-Identifier: BSL-1.0
//
// Invariants:
// 1. A future leaves `pending` once; its readers are woken and its links queued in the same step.
// 2. Nobody stands in the queue of one that is not pending, and none of its links is kept after
//    they were called or dropped: a link may hold a handle to the very future it waits for.
// 3. An error is collected by somebody, or reported once, when the state is freed. A promise that
//    was broken is no error of anybody's, so only those who ask hear of it.
#include <tendril/greenlet/greenlet_exit.hpp>
#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/task/future_state.hpp>
#include <tendril/task/task_state.hpp>

#include <utility>

namespace tendril::detail {

void settlement::fail(std::exception_ptr error) noexcept {
    stage_ = stage::failed;
    try {
        std::rethrow_exception(error);
    } catch (greenlet_exit const&) {
        stage_ = stage::cancelled;
    } catch (tendril::cancelled const&) {
        stage_ = stage::cancelled;
    } catch (broken_promise const&) {
        stage_ = stage::broken;
    } catch (...) {
        error_ = std::move(error);
    }
}

void settlement::rethrow(char const* what) const {
    switch (stage_) {
    case stage::failed:
        std::rethrow_exception(error_);
    case stage::cancelled:
        throw task_cancelled{std::string{what} + " was cancelled"};
    case stage::broken:
        throw broken_promise{
            std::string{what} + " has no promise any more: the last one has gone without a value"};
    case stage::pending:
    case stage::fulfilled:
        return;
    }
}

std::exception_ptr settlement::error(char const* what) const {
    if (stage_ != stage::broken) {
        return error_;
    }
    try {
        rethrow(what);
    } catch (...) {
        return std::current_exception();
    }
    return nullptr;
}

void settlement::report_uncollected(char const* what) noexcept {
    if (stage_ != stage::failed || std::exchange(collected_, true)) {
        return;
    }
    if (hub* const here = hub::of(this_thread())) {
        here->report_error(error_, what);
    } else {
        print_error(error_, what);
    }
}

void throw_already_settled(settlement::stage how) {
    if (how == settlement::stage::cancelled) {
        throw already_settled{
            "a promise gives something to a future that was cancelled: look at was_cancelled(), or "
            "use try_set_value() or try_set_exception()"};
    }
    throw already_settled{
        "a promise gives something a second time: when several may come first, use "
        "try_set_value() or try_set_exception()"};
}

future_core::~future_core() { settled_.report_uncollected(what_); }

void future_core::require_own_thread(char const* text) const {
    TENDRIL_REQUIRE_AS(wrong_thread, thread_ == &this_thread(), text);
}

bool future_core::wait_until(deadline limit) {
    check_interruption();
    if (done()) {
        return true;
    }
    plain_waiter me{what_};
    enlist(me);
    return me.park_until(limit);
}

void future_core::enlist(waiter& reader) {
    require_own_thread(
        "this future belongs to another thread, and its promise could not wake anybody here: use "
        "shared_promise between threads");
    readers_.push(reader);
}

void future_core::rethrow_failure() {
    settled_.mark_collected();
    settled_.rethrow(what_);
}

std::exception_ptr future_core::collect_error() {
    if (done()) {
        settled_.mark_collected();
    }
    return settled_.error(what_);
}

bool future_core::may_settle() const {
    require_own_thread(
        "a promise was used on another thread than the one that made it: use shared_promise "
        "between threads");
    return !done();
}

void future_core::require_pending() const {
    if (!may_settle()) {
        throw_already_settled(how());
    }
}

void future_core::fulfil() noexcept {
    TENDRIL_ASSERT(!done(), "future invariant 1");
    settled_.fulfil();
    tell_readers();
}

bool future_core::try_fail(std::exception_ptr error) {
    TENDRIL_REQUIRE(error != nullptr, "set_exception() needs an exception, not a null pointer");
    if (!may_settle()) {
        return false;
    }
    settled_.fail(std::move(error));
    tell_readers();
    return true;
}

bool future_core::cancel() {
    require_own_thread("cancel() from another thread: post to the hub of the future, or use "
                       "shared_promise between threads");
    settled_.mark_collected();
    if (done()) {
        return false;
    }
    settled_.cancel();
    tell_readers();
    return true;
}

void future_core::lose_last_promise() noexcept {
    if (done()) {
        return;
    }
    // Those who wait could be woken on their own thread only, and a destructor cannot refuse.
    if (thread_ != &this_thread() && !(readers_.empty() && links_.empty())) {
        destroyed_while_in_use("promise of another thread");
    }
    settled_.break_off();
    tell_readers();
}

void future_core::tell_readers() noexcept {
    readers_.wake_all();
    if (!links_.empty()) {
        schedule_links();
    }
}

void future_core::on_done(unique_function<void()> link) {
    require_own_thread(
        "on_done() from another thread: nobody would call the link there; use shared_promise "
        "between threads");
    this_hub();
    links_.push_back(std::move(link));
    if (done() && links_.size() == 1) {
        schedule_links();
    }
}

// From the hub, so that no link runs inside `on_done` or on the stack of whoever gives. When the
// hub has closed, or is gone, nobody is left to be told.
void future_core::schedule_links() noexcept {
    hub* const here = hub::of(this_thread());
    try {
        if (here != nullptr) {
            here->call_soon(link_pass{*this});
            return;
        }
    } catch (misuse const&) {
    } catch (...) {
        here->report_error(std::current_exception(), what_);
    }
    drop_links();
}

void future_core::call_links() {
    // A link may add links; they are called in this pass.
    for (std::size_t next = 0; next < links_.size(); ++next) {
        unique_function<void()> link = std::move(links_[next]);
        try {
            link();
        } catch (...) {
            this_hub().report_error(std::current_exception(), std::string{"a link of "} + what_);
        }
    }
}

}  // namespace tendril::detail
