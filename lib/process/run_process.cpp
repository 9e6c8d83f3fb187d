// SPDX-License-Identifier: BSL-1.0
#include "child.hpp"
#include "ending_guard.hpp"
#include "exchange.hpp"

#include <tendril/hub/cancellation.hpp>
#include <tendril/process/process.hpp>
#include <tendril/process/run_process.hpp>
#include <tendril/support/scope_exit.hpp>

#include <string>
#include <utility>

namespace tendril {
namespace {

process_options with_pipes(process_options options, bool has_input) {
    detail::replace_usual(options.input, has_input ? redirection::pipe() : redirection::null());
    detail::replace_usual(options.output, redirection::pipe());
    detail::replace_usual(options.error_output, redirection::pipe());
    return options;
}

// Ends a child whose limit has come, and reads on meanwhile.
completed_process end_in_time(process& late, std::chrono::nanoseconds grace) {
    late.terminate();
    try {
        return late.communicate_for({}, grace);
    } catch (process_timed_out const&) {}
    late.kill();
    completed_process result{late.wait(), {}, {}};
    detail::child& child = *late.behind();
    detail::take_what_is_there(child.stream(1), child.talk().output);
    detail::take_what_is_there(child.stream(2), child.talk().error_output);
    result.output = std::move(child.talk().output);
    result.error_output = std::move(child.talk().error_output);
    return result;
}

}  // namespace

completed_process run_process(process_options options, run_options const& how) {
    check_interruption();
    deadline const limit = deadline::after(how.limit);
    process child{with_pipes(std::move(options), !how.input.empty())};
    scope_exit const on_the_way_out{[&] {
        detail::end_all_after({&child.behind(), 1}, how.grace);
    }};
    completed_process done;
    bool late = false;
    try {
        done = child.communicate_until(how.input, limit);
    } catch (process_timed_out const&) {
        late = true;
    }
    std::string const& program = child.behind()->program();
    if (late) {
        throw process_timed_out{program, end_in_time(child, how.grace)};
    }
    if (how.check && !done.status.success()) {
        throw process_failed{program, std::move(done)};
    }
    return done;
}

}  // namespace tendril
