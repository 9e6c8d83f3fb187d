// SPDX-License-Identifier: BSL-1.0
#pragma once

// Several children in a row, the output of each being the input of the next.
//
//     auto const done = tendril::run_pipeline(
//         {{.program = "sort"}, {.program = "uniq", .arguments = {"-c"}}}, {.input = "b\na\nb\n"});
//
//     tendril::pipeline stages{{{.program = "zcat", .input = redirection::file("log.gz")},
//                               {.program = "grep", .arguments = {"error"},
//                                .output = redirection::pipe()}}};
//     stages.output().read_some(…);
//     stages.wait();
//
// The pipes between them are the children's alone, so each reads the end of its input when the one
// before it has ended, and a child that nobody reads from any more is ended by SIGPIPE. What holds
// for one child (process.hpp, run_process.hpp) holds for all of them: however the handle goes, they
// have all ended.
//
// Read next: docs/processes.md.

#include <tendril/file/descriptor_stream.hpp>
#include <tendril/hub/deadline.hpp>
#include <tendril/process/completed_process.hpp>
#include <tendril/process/exit_status.hpp>
#include <tendril/process/process.hpp>
#include <tendril/process/process_options.hpp>
#include <tendril/process/run_process.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tendril {

/// How the children of a pipeline ended, and what they wrote where that was redirected to pipes.
struct completed_pipeline {
    /// One for each child, in their order.
    std::vector<exit_status> statuses = {};
    /// What the last one wrote.
    std::string output = {};
    /// What each wrote to its error output.
    std::vector<std::string> error_outputs = {};

    /// Says whether all have ended with code 0, where those before the last may have been ended by
    /// SIGPIPE too: nobody wanted the rest of their output. Switches: never.
    bool success() const noexcept;
};

class pipeline {
public:
    /// Starts the children from the first to the last. When one cannot be started, those before it
    /// are killed.
    /// Throws: as `process`; misuse when there is none, or when one redirects an input or output
    /// that is between two of them. Switches: may.
    explicit pipeline(std::vector<process_options> const& stages);
    pipeline(pipeline&&) noexcept = default;
    pipeline& operator=(pipeline&&) noexcept = default;

    /// Kills those that still run, and waits for all, as `~process`. Switches: may.
    ~pipeline();

    /// How many children there are, and one of them. Throws: misuse when there is none of that
    /// number. Switches: never.
    std::size_t size() const noexcept { return stages_.size(); }
    process& stage(std::size_t number);

    /// This end of the pipe to the first one's input, and from the last one's output.
    /// Throws: misuse when that is not redirected to a pipe. Switches: never.
    descriptor_stream& input() { return stage(0).input(); }
    descriptor_stream& output() { return stage(size() - 1).output(); }

    /// Waits until all have ended, and returns how, in their order. Throws: as `process::wait`.
    /// Switches: may.
    std::vector<exit_status> wait();

    /// As above, but for a while, or until a moment, at most. Returns nothing when one still runs.
    /// Switches: may.
    template <typename Rep, typename Period>
    std::optional<std::vector<exit_status>> wait_for(
        std::chrono::duration<Rep, Period> const& duration) {
        return wait_until(deadline::after(duration));
    }
    std::optional<std::vector<exit_status>> wait_until(deadline limit);

    /// Sends a signal to all that run. Throws: as `process::send_signal`. Switches: never.
    void send_signal(int signal);
    void terminate();
    void kill();

    /// Writes to the first, reads what the last one writes, and what all write as errors, to the
    /// end, and waits for all, as `process::communicate`. What was read is kept when it is
    /// interrupted or comes to its limit. Throws: as `process::communicate`; process_timed_out has
    /// the error outputs in a row. Switches: may.
    completed_pipeline communicate(std::string_view input = {});
    template <typename Rep, typename Period>
    completed_pipeline communicate_for(
        std::string_view input, std::chrono::duration<Rep, Period> const& duration) {
        return communicate_until(input, deadline::after(duration));
    }
    completed_pipeline communicate_until(std::string_view input, deadline limit);

    /// The programs in a row, for messages: "sort | uniq". Throws: std::bad_alloc.
    /// Switches: never.
    std::string text() const;

private:
    std::vector<process> stages_;
};

/// Runs a pipeline from its start to its end, as `run_process` does one child: the input of the
/// first, the output of the last, and all error outputs are given and collected where the options
/// say nothing else. With `check` the first child that has failed (`completed_pipeline::success`)
/// is told of as `process_failed`. Throws: as `run_process`. Switches: may.
completed_pipeline run_pipeline(std::vector<process_options> stages, run_options const& how = {});

}  // namespace tendril
