// SPDX-License-Identifier: BSL-1.0
#pragma once

// What is left of a child: how it ended, and what it wrote.
//
//     try {
//         tendril::run_process({.program = "make"}, {.limit = 10min, .check = true});
//     } catch (tendril::process_timed_out const& error) {     // has been ended meanwhile
//         show(error.result().output);
//     } catch (tendril::process_failed const& error) {
//         show(error.result().error_output);
//     }
//
// Read next: run_process.hpp.

#include <tendril/process/exit_status.hpp>

#include <stdexcept>
#include <string>
#include <utility>

namespace tendril {

/// How a child ended, and what it wrote where that was redirected to pipes.
struct completed_process {
    exit_status status = {};
    std::string output = {};
    std::string error_output = {};
};

/// A child has not ended with code 0. The text names the program, how it ended, and the last line
/// of its error output.
class process_failed : public std::runtime_error {
public:
    /// Throws: std::bad_alloc. Switches: never.
    process_failed(std::string const& program, completed_process result);

    /// What is left of it. Switches: never.
    completed_process const& result() const noexcept { return result_; }

protected:
    process_failed(std::string const& text, completed_process&& result, int);

private:
    completed_process result_;
};

/// A child was not done at its limit. The result has what it wrote so far; its status is known when
/// it was ended for that.
class process_timed_out : public process_failed {
public:
    /// Throws: std::bad_alloc. Switches: never.
    process_timed_out(std::string const& program, completed_process result);
};

}  // namespace tendril
