// SPDX-License-Identifier: BSL-1.0
#include <tendril/file/pipe.hpp>
#include <tendril/io/stream_state.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/support/system_calls.hpp>

#include <fcntl.h>

#include <utility>

namespace tendril {
namespace {

// The mode belongs to what the kernel has behind an end, and each end of a new pipe has its own.
descriptor_stream end_of_pipe(int descriptor, bool blocks, error_code& error) {
    descriptor_options const options{.set_nonblocking = !blocks, .open_anew = false};
    return descriptor_stream::adopt(descriptor, error, options);
}

}  // namespace

pipe_ends make_pipe(error_code& error, pipe_options const& options) {
    int ends[2] = {-1, -1};
    bool const both = !options.reader_blocks && !options.writer_blocks;
    error = {};
    if (kernel().pipe2(ends, O_CLOEXEC | (both ? O_NONBLOCK : 0)) != 0) {
        error = detail::last_system_error();
        return {};
    }
    scope_exit close_second{[&] { kernel().close(ends[1]); }};
    pipe_ends made;
    made.reader = end_of_pipe(ends[0], options.reader_blocks, error);
    if (error.failed()) {
        return {};
    }
    close_second.dismiss();
    made.writer = end_of_pipe(ends[1], options.writer_blocks, error);
    return error.failed() ? pipe_ends{} : std::move(made);
}

pipe_ends make_pipe(pipe_options const& options) {
    error_code error;
    pipe_ends made = make_pipe(error, options);
    detail::throw_if(error, "cannot make a pipe");
    return made;
}

}  // namespace tendril
