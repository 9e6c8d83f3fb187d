// SPDX-License-Identifier: BSL-1.0
#pragma once

// The start of a child, from options to a number.

#include "owned_descriptor.hpp"

#include <tendril/io/error.hpp>
#include <tendril/process/process_options.hpp>

#include <sys/types.h>

#include <array>
#include <string>

namespace tendril::detail {

struct started_process {
    pid_t number = 0;
    /// Our ends of the pipes to 0, and from 1 and 2; non-blocking.
    std::array<owned_descriptor, 3> ends = {};
};

/// What a start has failed with, and what is to blame.
struct start_failure {
    error_code error = {};
    std::string text = {};
};

/// Starts a child. On failure there is none, and `failure` says why.
/// Throws: misuse; std::bad_alloc. Switches: never. Thread: any.
started_process start_process(process_options const& options, start_failure& failure);

/// Makes a pipe whose ends are closed when this process executes another program. Returns the end
/// to read from and the end to write to; none when there are no more descriptors.
std::array<owned_descriptor, 2> make_pipe() noexcept;

}  // namespace tendril::detail
