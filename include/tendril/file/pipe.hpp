// SPDX-License-Identifier: BSL-1.0
#pragma once

// Pipes.
//
//     auto [reader, writer] = tendril::make_pipe();
//     writer.write(boost::asio::buffer("through", 7));
//     writer.close();                                     // the reader comes to its end
//
// Both ends are streams (descriptor_stream.hpp), for greenlets of this hub. An end that another
// process is to have, which expects one that blocks, is made so:
//
//     auto [reader, writer] = tendril::make_pipe({.writer_blocks = true});
//     start_child(writer.native_handle());                // as its standard output
//     writer.close();                                     // ours, or the reader never ends
//
// Every end is closed when the process executes another program, unless it is passed on by `dup2`.
//
// Read next: descriptor_stream.hpp.

#include <tendril/file/descriptor_stream.hpp>
#include <tendril/io/error.hpp>

namespace tendril {

struct pipe_ends {
    descriptor_stream reader;
    descriptor_stream writer;
};

/// How a pipe is made.
struct pipe_options {
    /// Whether the end is for a program that expects it to block. Here it can be used all the same.
    bool reader_blocks = false;
    bool writer_blocks = false;
};

/// Makes a pipe. Throws: system_error; std::bad_alloc. Switches: never.
pipe_ends make_pipe(pipe_options const& options = {});
pipe_ends make_pipe(error_code& error, pipe_options const& options = {});

}  // namespace tendril
