// SPDX-License-Identifier: BSL-1.0
#pragma once

// A child from its start to its end, in one call.
//
//     auto const done = tendril::run_process({.program = "git", .arguments = {"status"}});
//     if (done.status.success()) { show(done.output); }
//
//     tendril::run_process({.program = "make"}, {.limit = 10min, .check = true});
//
// The child's input is what it is given, or empty; its output and its error output are collected,
// in memory. Where the options redirect one of them otherwise, that counts. However the call ends,
// the child has ended:
//
//     what happens                 the child                             the call
//     it ends                      has ended                             returns, or with `check`
//                                                                        throws process_failed
//     its limit runs out           is terminated, killed when the        throws process_timed_out
//                                  grace is over, and waited for;        with all that it wrote
//                                  meanwhile it is read from
//     the greenlet is asked to     its pipes are closed; terminated,     throws what was requested
//     leave (cancel, kill, …)      killed, and waited for, the same
//
// Read next: pipeline.hpp, docs/processes.md.

#include <tendril/process/completed_process.hpp>
#include <tendril/process/process_options.hpp>

#include <chrono>
#include <string>

namespace tendril {

/// How a child is run.
struct run_options {
    /// What it reads.
    std::string input = {};
    /// How long it may take; nothing means for ever.
    std::chrono::nanoseconds limit = std::chrono::nanoseconds::max();
    /// How long it has to end after it was asked to (SIGTERM), before it is killed.
    std::chrono::nanoseconds grace = std::chrono::seconds{5};
    /// Whether another end than with code 0 throws.
    bool check = false;
};

/// Runs a child.
/// Throws: system_error when it cannot be started; process_failed; process_timed_out; what was
/// requested for the greenlet; misuse; std::bad_alloc. Switches: may. Thread: any; one without a
/// hub gets one.
completed_process run_process(process_options options, run_options const& how = {});

}  // namespace tendril
