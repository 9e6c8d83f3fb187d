// SPDX-License-Identifier: BSL-1.0
#pragma once

// Waiting for signals as for anything else.
//
//     tendril::signal_set quit{SIGINT, SIGTERM};
//     int const number = quit.wait();
//
// While the set exists its signals have no other effect on the process: the handler that was there
// before is not called, and what would have ended the program does not. When the last set of a
// signal goes, its former effect is back. No code of the program runs inside a signal handler.
//
//     what comes                       what a set makes of it
//     a signal of it                   the next wait returns its number, now or later
//     the same one again, meanwhile    nothing: signals do not add up, here as in the kernel
//     several, meanwhile               one a wait, the lowest number first
//     one that is in several sets      each of them has it, also sets of other hubs
//     one that nobody takes            goes with the set
//
// The program must not change the effect of such a signal by other means meanwhile: neither by
// `sigaction`, nor by a signal set of Asio's, which puts a handler of its own in the place. What
// SIGCHLD tells of is told to children's handles too (process.hpp): they do not need the signal.
//
// A wait that has been begun is a reason for the hub to go on. In the child of a fork the set goes
// on, for whoever is left there to wait for it; the child's signals are its own.
//
// Read next: signal_handler.hpp, cancel_on_signal.hpp.

#include <tendril/hub/deadline.hpp>

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>

namespace tendril {

class signal_handler;

namespace detail {
enum class listening : std::uint8_t;
}

class signal_set {
public:
    /// Catches these signals from now on.
    /// Throws: misuse for none at all, for a number that is no signal's, for SIGKILL and SIGSTOP,
    /// which nobody can catch, for SIGSEGV, SIGBUS, SIGFPE and SIGILL, which are faults of the
    /// program, and in the child of a fork before `reset_after_fork`; system_error, std::bad_alloc.
    /// Then none of them is caught. Switches: never. Thread: that of the waits.
    signal_set(std::initializer_list<int> numbers);
    explicit signal_set(std::span<int const> numbers);
    signal_set(signal_set const&) = delete;
    signal_set& operator=(signal_set const&) = delete;

    /// Gives the signals their former effect back. Who waits gets `errc::closed`.
    /// Switches: never. Thread: that of the waits; any when their hub has gone.
    ~signal_set();

    /// Says whether this signal is in the set. Switches: never. Thread: any.
    bool contains(int number) const noexcept;

    /// Waits until one of them arrives and returns its number. One that has arrived since the set
    /// was made, or since the last wait, is returned at once. Several may wait; a signal goes to
    /// the one who came first.
    /// Throws: system_error, `errc::closed` when the hub has gone or the set goes; wrong_thread;
    /// what was requested for the greenlet. Switches: may.
    int wait() { return *wait_until(deadline::never()); }

    /// As above, but for a while, or until a moment, at most; then returns nothing. Switches: may.
    template <typename Rep, typename Period>
    std::optional<int> wait_for(std::chrono::duration<Rep, Period> const& duration) {
        return wait_until(deadline::after(duration));
    }
    std::optional<int> wait_until(time_point moment) { return wait_until(deadline::at(moment)); }
    std::optional<int> wait_until(deadline limit);

    /// Takes one that has arrived; nothing when there is none. Throws: as `wait`, but nothing that
    /// was requested. Switches: never.
    std::optional<int> try_wait();

private:
    friend class signal_handler;
    struct implementation;

    signal_set(std::span<int const> numbers, detail::listening until);

    // Shared with those who wait: they may find it gone.
    std::shared_ptr<implementation> const implementation_;
};

}  // namespace tendril
