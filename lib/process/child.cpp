// SPDX-License-Identifier: BSL-1.0
//
// Invariants:
// 1. Until it was reaped here the child's number is its own: a zombie keeps it. So signals by
//    number (where there is no pidfd) are sent only before.
// 2. At most one greenlet watches the descriptor, and while one does the descriptor stays open.
// 3. When nobody watches and the child was not reaped, nobody who was not woken is in the queue.
#include "child.hpp"

#include "ending_guard.hpp"
#include "start_process.hpp"

#include <tendril/greenlet/thread_record.hpp>
#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/descriptor.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/io/error.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/support/system_calls.hpp>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <system_error>
#include <utility>

namespace tendril::detail {

bool may_wait_in_destructor() noexcept {
    if (this_thread().loop == nullptr || !this_hub().may_park()) {
        return false;
    }
    try {
        this_hub().require_not_forked();
        return true;
    } catch (misuse const&) {
        return false;
    }
}

namespace {

error_code last_error_of_child() noexcept {
    return error_code{errno, boost::system::system_category()};
}

// Returns 1 when something was told, 0 when the child runs, -1 when nobody will ever tell.
int ask_for_end(idtype_t type, id_t id, int options, siginfo_t& told) noexcept {
    int done = -1;
    do {
        told = {};
        done = kernel().waitid(type, id, &told, WEXITED | options);
    } while (done != 0 && errno == EINTR);
    return done != 0 ? -1 : told.si_pid != 0;
}

exit_status status_from(siginfo_t const& told) noexcept {
    if (told.si_code == CLD_EXITED) {
        return exit_status::of_code(told.si_status);
    }
    return exit_status::of_signal(told.si_status, told.si_code == CLD_DUMPED);
}

// A thread that blocks signals, since they are for the program's own.
template <typename F>
void start_detached_thread(F&& function) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    scope_exit const restore{[&] { ::pthread_sigmask(SIG_SETMASK, &before, nullptr); }};
    std::thread{std::forward<F>(function)}.detach();
}

// The end to read from of a pipe whose other end a thread closes when the child has ended.
owned_descriptor watch_by_thread(pid_t number) {
    std::array<owned_descriptor, 2> ends = make_pipe();
    if (!ends[0]) {
        throw system_error{last_error_of_child(), "cannot watch a child"};
    }
    start_detached_thread([number, writing = std::move(ends[1])] {
        siginfo_t told;
        ask_for_end(P_PID, static_cast<id_t>(number), WNOWAIT, told);
    });
    return std::move(ends[0]);
}

}  // namespace

child::child(process_options const& options) : program_{options.program}, parent_{::getpid()} {}

void child::take_over(started_process&& started) {
    number_ = started.number;
    scope_exit give_up{[this] {
        send_kill();
        wait_blocking();
    }};
    watched_ = owned_descriptor{kernel().pidfd_open(number_, 0)};
    is_pidfd_ = static_cast<bool>(watched_);
    if (!is_pidfd_ && errno == ESRCH) {
        // Whoever ignores SIGCHLD has asked the kernel to tell nobody.
        settle({});
    } else if (!is_pidfd_) {
        watched_ = watch_by_thread(number_);
    }
    for (std::size_t place = 0; place < streams_.size(); ++place) {
        if (started.ends[place]) {
            streams_[place] = descriptor_stream::adopt(started.ends[place].release());
            is_piped_[place] = true;
        }
    }
    give_up.dismiss();
}

void child::require_thread() const {
    TENDRIL_REQUIRE_AS(
        wrong_thread, thread_ == std::this_thread::get_id(),
        "a child belongs to the thread that has started it: post to its hub, or start it here");
}

std::optional<exit_status> const& child::poll() noexcept {
    if (!status_) {
        siginfo_t told;
        int const found = is_pidfd_
            ? ask_for_end(P_PIDFD, static_cast<id_t>(watched_.get()), WNOHANG, told)
            : ask_for_end(P_PID, static_cast<id_t>(number_), WNOHANG, told);
        if (found < 0 && errno != ECHILD) {
            // It cannot be waited for any more, so it must not go on unseen.
            send_kill();
        }
        if (found != 0) {
            settle(found > 0 ? status_from(told) : exit_status{});
        }
    }
    return status_;
}

void child::settle(exit_status status) noexcept {
    status_ = status;
    wait_for_thread();
    if (!somebody_watches_) {
        watched_.reset();
    }
    others_.wake_all();
}

// The thread that watches has seen the end too, and closes its end of the pipe in a moment. It is
// waited for also where a test lets every call fail: no descriptor outlives the child by chance.
void child::wait_for_thread() noexcept {
    if (!is_pidfd_ && watched_) {
        char nothing = 0;
        while (real_kernel().read(watched_.get(), &nothing, 1) < 0 && errno == EINTR) {}
    }
}

bool child::wait_until(deadline limit) {
    check_interruption();
    while (!poll()) {
        if (!somebody_watches_) {
            if (!watch(limit)) {
                return poll().has_value();
            }
            continue;
        }
        plain_waiter me{"a child process"};
        others_.push(me);
        if (!me.park_until(limit)) {
            return poll().has_value();
        }
    }
    return true;
}

bool child::watch(deadline limit) {
    somebody_watches_ = true;
    scope_exit const hand_over{[this] {
        somebody_watches_ = false;
        if (poll()) {
            watched_.reset();
        } else {
            others_.wake_one();
        }
    }};
    try {
        return wait_readable_until(watched_.get(), limit);
    } catch (std::system_error const& failed) {
        throw system_error{error_code{failed.code()}, "cannot watch " + program_};
    }
}

bool child::send_signal(int signal) {
    if (poll()) {
        return false;
    }
    int const done = is_pidfd_ ? kernel().pidfd_send_signal(watched_.get(), signal, nullptr, 0)
                               : kernel().kill(number_, signal);
    if (done != 0 && errno != ESRCH) {
        throw system_error{
            last_error_of_child(),
            "cannot send signal " + std::to_string(signal) + " to " + program_};
    }
    return done == 0;
}

bool child::send_signal_to_group(int signal) {
    if (poll()) {
        return false;
    }
    if (kernel().kill(-number_, signal) == 0) {
        return true;
    }
    if (errno == ESRCH) {
        return false;
    }
    throw system_error{
        last_error_of_child(),
        "cannot send signal " + std::to_string(signal) + " to the group of " + program_};
}

// The kernel tells its end in a moment: only a call on a disk that hangs can hold it up.
void child::wait_blocking() noexcept {
    siginfo_t told;
    int const found = ask_for_end(P_PID, static_cast<id_t>(number_), 0, told);
    settle(found > 0 ? status_from(told) : exit_status{});
}

void child::close_streams() noexcept {
    for (descriptor_stream& each : streams_) {
        each = {};
    }
}

void child::kill_quietly() noexcept {
    if (status_ || parent_ != ::getpid() || poll()) {
        return;
    }
    send_kill();
}

void child::send_kill() noexcept {
    int const done = is_pidfd_ ? kernel().pidfd_send_signal(watched_.get(), SIGKILL, nullptr, 0)
                               : kernel().kill(number_, SIGKILL);
    if (done != 0 && errno != ESRCH) {
        // The last resort, also where a test lets every call fail: no child goes on unseen.
        real_kernel().kill(number_, SIGKILL);
    }
}

void child::end_now() noexcept {
    close_streams();
    kill_quietly();
    if (status_ || parent_ != ::getpid()) {
        return;
    }
    if (may_wait_in_destructor()) {
        interruption_shield const shield;
        try {
            wait_until(deadline::never());
        } catch (std::exception const&) {
            // The kernel watches no more: as where there is no hub.
        }
    }
    if (!status_) {
        wait_blocking();
    }
}

void end_all_after(
    std::span<std::shared_ptr<child> const> ended, std::chrono::nanoseconds grace) noexcept {
    if (may_wait_in_destructor()) {
        interruption_shield const shield;
        try {
            for (std::shared_ptr<child> const& each : ended) {
                each->send_signal(SIGTERM);
            }
            deadline const limit = deadline::after(grace);
            for (std::shared_ptr<child> const& each : ended) {
                each->close_streams();
                each->wait_until(limit);
            }
        } catch (std::exception const&) {
            // They are killed without grace.
        }
    }
    for (std::shared_ptr<child> const& each : ended) {
        each->kill_quietly();
    }
    for (std::shared_ptr<child> const& each : ended) {
        each->end_now();
    }
}

void child::leave_to_a_thread() {
    TENDRIL_REQUIRE(
        !somebody_watches_ && others_.empty(),
        "a child for which somebody waits cannot be detached: nobody would learn of its end");
    if (!poll() && parent_ == ::getpid()) {
        start_detached_thread([number = number_] {
            siginfo_t told;
            ask_for_end(P_PID, static_cast<id_t>(number), 0, told);
        });
        // A thread that watches sees the end by itself.
        watched_.reset();
        settle({});
    }
    close_streams();
}

}  // namespace tendril::detail
