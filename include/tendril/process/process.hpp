// SPDX-License-Identifier: BSL-1.0
#pragma once

// A child process, which belongs to whoever holds the handle.
//
//     tendril::process sort{{
//         .program = "sort",
//         .input = tendril::redirection::pipe(),
//         .output = tendril::redirection::pipe(),
//     }};
//     auto const done = sort.communicate("b\na\n");     // its output is "a\nb\n"
//
// A child that still runs when its handle goes is killed and waited for, so none outlives the scope
// that it was started in, and none is left as a zombie; `detach` lets it go on. `wait` parks the
// greenlet only, and any number of greenlets may wait for the same child.
//
//     the handle            the child runs                     the child has ended
//     wait                  waits                              returns its status
//     poll                  nothing                            its status
//     send_signal           sends it                           does nothing
//     destroyed             kills it, waits for its end        nothing
//     detach                it goes on                         nothing
//
// A signal never reaches a stranger: the kernel refers to the child by a descriptor (pidfd), not by
// its number, which may be another process's when the child has ended. Children that somebody else
// has started are left alone, and nothing here touches SIGCHLD. Between the birth of the child and
// its program nothing runs but the C library's `posix_spawn`. While that reads the program from the
// disk, some hundred microseconds, the thread waits.
//
// All of it belongs to the thread that has started the child; one without a hub gets one.
//
// Read next: process_options.hpp, run_process.hpp, docs/processes.md.

#include <tendril/file/descriptor_stream.hpp>
#include <tendril/hub/deadline.hpp>
#include <tendril/io/error.hpp>
#include <tendril/process/completed_process.hpp>
#include <tendril/process/exit_status.hpp>
#include <tendril/process/process_options.hpp>

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string_view>

namespace tendril {

namespace detail {
class child;
}

class process {
public:
    /// Makes a handle without a child. Switches: never.
    process() noexcept = default;

    /// Starts a child. When this returns, its program has begun.
    /// Throws: system_error, which names the program, folder, file or descriptor that is to blame,
    /// and then there is no child; misuse for options that contradict each other; std::bad_alloc.
    /// Switches: never. Thread: any; it is the one that the child belongs to.
    explicit process(process_options const& options);
    process(process_options const& options, error_code& error);

    process(process&&) noexcept = default;
    /// Gives up the child that was there, as the destructor. Switches: may.
    process& operator=(process&& other) noexcept;

    /// Closes its pipes, kills the child if it runs, and waits for its end without being
    /// interrupted; where a greenlet may not park, the thread blocks. Switches: may.
    ~process();

    /// Says whether there is a child, running or not. Switches: never.
    bool valid() const noexcept { return child_ != nullptr; }

    /// The number of the child. It may be another process's once the child has been waited for.
    /// Throws: misuse when there is no child. Switches: never.
    pid_t pid() const;

    /// This end of the pipe to its input, and from its output and its error output.
    /// Throws: misuse when that is not redirected to a pipe. Switches: never.
    descriptor_stream& input();
    descriptor_stream& output();
    descriptor_stream& error_output();

    /// Waits until the child has ended, and returns how. It does not read: a child that writes more
    /// than a pipe holds (64 KiB) never ends unless somebody does (`communicate`).
    /// Throws: what was requested for the greenlet; misuse; system_error when the kernel watches no
    /// more. Switches: may.
    exit_status wait();

    /// As above, but for a while, or until a moment, at most. Returns nothing when it still runs.
    /// Switches: may.
    template <typename Rep, typename Period>
    std::optional<exit_status> wait_for(std::chrono::duration<Rep, Period> const& duration) {
        return wait_until(deadline::after(duration));
    }
    std::optional<exit_status> wait_until(deadline limit);

    /// Returns how the child has ended, or nothing when it runs. Throws: misuse. Switches: never.
    std::optional<exit_status> poll();

    /// Sends a signal. Returns whether the child could get one: false when it has ended.
    /// Throws: system_error when the signal is none, or not allowed; misuse. Switches: never.
    bool send_signal(int signal);

    /// As above, with SIGTERM, which asks a program to end, and SIGKILL, which it cannot refuse.
    bool terminate();
    bool kill();

    /// Sends a signal to all that are in the child's process group.
    /// Requires: `process_group = 0` or `new_session`, so that the group is the child's own.
    /// Returns false when nobody is left in it, or when the child has been waited for: from then on
    /// the number of the group may be a stranger's. Throws: as `send_signal`. Switches: never.
    bool send_signal_to_group(int signal);

    /// Ends the child: asks it to, waits for a while, kills it if it still runs, and waits for its
    /// end. Throws: what was requested for the greenlet, and then the child may still run.
    /// Switches: may.
    template <typename Rep, typename Period>
    exit_status stop(std::chrono::duration<Rep, Period> const& grace) {
        return stop_after(detail::saturated(grace));
    }

    /// Writes `input` to the child and closes its input, reads what it writes to the end, all at
    /// the same time, and waits for its end. What is not redirected to a pipe is left out. A child
    /// that does not read its input is no error.
    /// When it is interrupted, the child goes on, and what was read and what was not yet written
    /// are kept: a later call, whose input comes behind that, returns all. An error of one stream
    /// ends the call too. A second greenlet gets `errc::busy`, as for a stream that somebody uses.
    /// Throws: system_error; what was requested for the greenlet; std::bad_alloc; misuse.
    /// Switches: may.
    completed_process communicate(std::string_view input = {});

    /// As above, but for a while, or until a moment, at most. Throws: also process_timed_out, with
    /// what was read so far; a later call returns all. Switches: may.
    template <typename Rep, typename Period>
    completed_process communicate_for(
        std::string_view input, std::chrono::duration<Rep, Period> const& duration) {
        return communicate_until(input, deadline::after(duration));
    }
    completed_process communicate_until(std::string_view input, deadline limit);

    /// Lets the child go on without a handle, and closes its pipes here. A thread waits for its
    /// end, so it never becomes a zombie. Returns its number. Throws: std::system_error when there
    /// is no thread for that, and then nothing has changed; misuse. Switches: never.
    pid_t detach();

    /// What stands behind it, for the library. Switches: never.
    std::shared_ptr<detail::child> const& behind() const noexcept { return child_; }

private:
    detail::child& here() const;
    exit_status stop_after(std::chrono::nanoseconds grace);

    // Shared with whoever is inside a call, for the handle may go meanwhile.
    std::shared_ptr<detail::child> child_;
};

}  // namespace tendril
