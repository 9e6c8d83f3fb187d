// SPDX-License-Identifier: BSL-1.0
#pragma once

// A child process, shared by its handle and by whoever is inside a call on it.
//
// Any number of greenlets wait for it, but a descriptor has one reader: so one of them watches the
// descriptor, and the others stand in a queue. Whoever stops watching before the end wakes the next
// one, which then watches.
//
// The descriptor becomes readable when the child has ended. It is a pidfd, or, where the kernel has
// none or a filter of system calls refuses it, a pipe whose other end a thread closes when it has
// seen the end.

#include "owned_descriptor.hpp"

#include <tendril/file/descriptor_stream.hpp>
#include <tendril/hub/deadline.hpp>
#include <tendril/process/exit_status.hpp>
#include <tendril/process/process_options.hpp>
#include <tendril/sync/wait_queue.hpp>

#include <sys/types.h>

#include <array>
#include <optional>
#include <string>
#include <thread>

namespace tendril::detail {

struct started_process;

/// What `communicate` has to do and has done, kept from one call to the next.
struct conversation {
    /// What the child has not been given yet.
    std::string input;
    std::string output;
    std::string error_output;
    bool under_way = false;
};

class child {
public:
    /// Makes room for a child before there is one, so that none is left for want of memory.
    explicit child(process_options const& options);

    /// Takes over what was started. Throws: system_error, std::bad_alloc, and then it was killed.
    /// Switches: never.
    void take_over(started_process&& started);
    child(child const&) = delete;
    child& operator=(child const&) = delete;
    ~child() = default;

    /// Throws: wrong_thread.
    void require_thread() const;

    pid_t number() const noexcept { return number_; }
    std::string const& program() const noexcept { return program_; }
    descriptor_stream& stream(std::size_t place) noexcept { return streams_[place]; }
    bool is_piped(std::size_t place) const noexcept { return is_piped_[place]; }
    conversation& talk() noexcept { return talk_; }

    /// Learns whether it has ended; reaps it then. Switches: never.
    std::optional<exit_status> const& poll() noexcept;

    /// Waits until it has ended. Returns whether it has. Switches: may.
    bool wait_until(deadline limit);

    /// Returns whether it can get one. Throws: system_error. Switches: never.
    bool send_signal(int signal);
    bool send_signal_to_group(int signal);

    /// Closes the streams. Switches: never.
    void close_streams() noexcept;

    /// Kills it if it runs, and does not wait for that. Switches: never.
    void kill_quietly() noexcept;

    /// Closes the streams, kills it, and waits for its end. Switches: may.
    void end_now() noexcept;

    /// Has a thread wait for its end; from then on nobody else does. Throws: std::system_error,
    /// misuse when somebody waits for it.
    void leave_to_a_thread();

private:
    bool watch(deadline limit);
    void settle(exit_status status) noexcept;
    void send_kill() noexcept;
    void wait_for_thread() noexcept;
    void wait_blocking() noexcept;

    std::string program_;
    pid_t number_ = 0;
    std::thread::id const thread_ = std::this_thread::get_id();
    // A fork of this process is no parent of it.
    pid_t const parent_;
    // Readable when it has ended; none once it was reaped and nobody watches.
    owned_descriptor watched_;
    // Whether that is a pidfd.
    bool is_pidfd_ = false;
    bool somebody_watches_ = false;
    wait_queue others_{"a child process"};
    std::optional<exit_status> status_;
    std::array<descriptor_stream, 3> streams_;
    // They may have been closed since.
    std::array<bool, 3> is_piped_{};
    conversation talk_;
};

/// Says whether a destructor may park here. Switches: never.
bool may_wait_in_destructor() noexcept;

}  // namespace tendril::detail
