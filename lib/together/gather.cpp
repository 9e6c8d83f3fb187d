// SPDX-License-Identifier: BSL-1.0
//
// Who is interrupted while it gathers has children that nobody waits for any more. They are
// cancelled, and the interruption goes on when the first of them has ended (`gather`) or all have
// (`gather_results`): until then nothing else is delivered to the one who gathers.
#include <tendril/support/error.hpp>
#include <tendril/together/gather.hpp>

namespace tendril::detail {
namespace {

enum class leave_after { first_end, all_ends };

void end_children(completion_watch& watch, leave_after when) {
    if (watch.done() == watch.size()) {
        return;
    }
    // One that was to begin later ends in the cancel.
    std::size_t const first = watch.done() + 1;
    watch.waive_errors();
    watch.cancel_pending();
    watch.wait_shielded({.count = when == leave_after::first_end ? first : wait_goal::all});
}

void await_children(completion_watch& watch, wait_goal goal, leave_after when) {
    try {
        watch.wait(goal, deadline::never());
    } catch (misuse const&) {
        // A wait where nobody may wait is no reason to end the children.
        throw;
    } catch (...) {
        end_children(watch, when);
        throw;
    }
}

}  // namespace

void await_results(completion_watch& watch) {
    await_children(watch, {.stop = wait_goal::stop_at::failure}, leave_after::first_end);
    if (task_core* const failed = watch.first_failure()) {
        watch.waive_errors();
        failed->rethrow_failure();
    }
}

void await_ends(completion_watch& watch) { await_children(watch, {}, leave_after::all_ends); }

}  // namespace tendril::detail
