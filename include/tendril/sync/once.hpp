// SPDX-License-Identifier: BSL-1.0
#pragma once

// Something that happens once, whoever comes first, with the interface of `std::call_once`.
//
//     tendril::once_flag connected;
//     tendril::call_once(connected, [&] { connection.open(); });
//
//                 fresh                  somebody calls    done
//     call_once   calls the function     waits             returns at once
//
// Who waits goes on when the function has returned. If it throws, also because its greenlet was
// cancelled, the error goes to that caller alone, and the one that has waited longest calls its own
// function.

#include <tendril/greenlet/control_block.hpp>
#include <tendril/hub/cancellation.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/sync/wait_queue.hpp>

#include <functional>
#include <utility>

namespace tendril {

class once_flag {
public:
    once_flag() noexcept : waiters_{"flag of call_once"} {}
    once_flag(once_flag const&) = delete;
    once_flag& operator=(once_flag const&) = delete;

    /// Says whether a function has returned. Switches: never.
    bool done() const noexcept { return done_; }

private:
    template <typename F, typename... Args>
    friend void call_once(once_flag& flag, F&& function, Args&&... arguments);
    class turn;

    /// Waits until it is the caller's turn, or done. Returns whether it is the caller's turn.
    bool begin();
    void finish() noexcept;
    void give_turn_to_next() noexcept;

    wait_queue waiters_;
    // Whose turn it is.
    control_block* caller_ = nullptr;
    bool done_ = false;
};

/// Calls the function unless one has returned for this flag, and waits while another is called.
/// Throws: what the function throws; what was requested for the greenlet; misuse when the function
/// that is called for the flag asks for it again; wrong_thread. Switches: may.
template <typename F, typename... Args>
void call_once(once_flag& flag, F&& function, Args&&... arguments) {
    check_interruption();
    if (flag.done() || !flag.begin()) {
        return;
    }
    scope_exit failed{[&flag] { flag.give_turn_to_next(); }};
    std::invoke(std::forward<F>(function), std::forward<Args>(arguments)...);
    failed.dismiss();
    flag.finish();
}

}  // namespace tendril
