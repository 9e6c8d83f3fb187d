// SPDX-License-Identifier: BSL-1.0
//
// Who is interrupted while it gathers has children that nobody waits for any more. They are
// cancelled, and the interruption goes on when the first of them has ended (`gather`) or all have
// (`gather_results`): until then nothing else is delivered to the one who gathers.
#include <tendril/task/gather.hpp>

namespace tendril::detail {
namespace {

void end_children(completion_watch& watch, std::size_t how_many) {
    if (watch.done() == watch.size()) {
        return;
    }
    watch.waive_errors();
    watch.cancel_pending();
    watch.wait_shielded({.count = how_many});
}

}  // namespace

void await_results(completion_watch& watch) {
    try {
        watch.wait({.stop = wait_goal::stop_at::failure}, deadline::never());
    } catch (...) {
        end_children(watch, watch.done() + 1);
        throw;
    }
    if (task_core* const failed = watch.first_failure()) {
        watch.waive_errors();
        failed->rethrow_failure();
    }
}

void await_ends(completion_watch& watch) {
    try {
        watch.wait({}, deadline::never());
    } catch (...) {
        end_children(watch, wait_goal::all);
        throw;
    }
}

}  // namespace tendril::detail
