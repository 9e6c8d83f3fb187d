// SPDX-License-Identifier: BSL-1.0
//
// Invariants:
// 1. A placed task counts as load of its hub from before it is posted until it has ended, was
//    refused, or was discarded: once, in `count_out`.
// 2. It is in the list of its hub exactly as long as its task lives.
// 3. The load is counted out before the promise is settled, so whoever has the result finds the
//    numbers up to date. The hub cannot end in between: both happen in one step of its thread.
#include "hub_group_core.hpp"

#include <tendril/hubs/placed_task.hpp>
#include <tendril/support/scope_exit.hpp>

#include <memory>

namespace tendril::detail {

placed_task::placed_task(spawn_options&& options)
    : completion{nullptr},
      options_{std::move(options)},
      context_{this_thread().current->context} {}

void placed_task::open() {
    if (where_->ends_tasks) {
        discard();
        return;
    }
    try {
        begin_in_context();
    } catch (...) {
        std::exception_ptr const error = std::current_exception();
        where_->group.note_error(error);
        leave(error);
    }
}

void placed_task::begin_in_context() {
    scope_exit const carry_nothing{[carries = context_.get() != nullptr] {
        if (carries) {
            set_context(greenlet::current(), {});
        }
    }};
    if (context_.get() != nullptr) {
        set_context(greenlet::current(), context_);
    }
    if (!begin(std::move(options_))) {
        discard();
        return;
    }
    where_->tasks.push_back(*this);
}

void placed_task::discard() noexcept { leave(nullptr); }

// It has no task, or none that has begun.
void placed_task::leave(std::exception_ptr const& error) noexcept {
    std::unique_ptr<placed_task> const until_left{this};
    stop_watching();
    where_->group.count_out(*where_);
    give_up(error);
}

void placed_task::completed(task_core&) noexcept {
    std::unique_ptr<placed_task> const until_settled{this};
    list_hook<>::unlink();
    hub_member& here = *where_;
    here.completed.fetch_add(1, std::memory_order_relaxed);
    here.group.count_out(here);
    std::exception_ptr const error = settle();
    if (error != nullptr && here.group.note_error(error)) {
        waive_error();
    }
}

}  // namespace tendril::detail
