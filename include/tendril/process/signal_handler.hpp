// SPDX-License-Identifier: BSL-1.0
#pragma once

// A function for a signal.
//
//     tendril::signal_handler const on_hup{SIGHUP, [&] { configuration = read_configuration(); }};
//     tendril::signal_handler const on_stop{
//         {SIGINT, SIGTERM}, [&](int number) { log("signal", number); server.stop(10s); }};
//
// The function runs in a task of the handler's, never inside a signal handler of the system: it may
// wait, lock and allocate like any other code. While the object exists the signals have no other
// effect; afterwards they have their former one.
//
//     what happens                          what the handler makes of it
//     a signal comes                        calls the function, in its turn
//     one comes while the function runs     calls it again afterwards; several of one number count
//                                           as one, as in a signal_set
//     the function throws                   reports it to the hub's error handler, and goes on
//     it is destroyed                       cancels a call under way, and waits for its end
//     the function destroys it              the call goes on to its end, and is the last
//     the hub closes                        ends the call; the signals have their former effect
//     the process forks                     nothing in the parent; in the child there is no handler
//
// So the function may refer to whatever lives longer than the object, and needs no lock against
// itself. What is to run beside the next call, it spawns.
//
// A handler is a reason for the hub to go on: main may wait for what the function does, and
// `hub::join` waits as long as there is one.
//
// Read next: cancel_on_signal.hpp.

#include <tendril/support/unique_function.hpp>
#include <tendril/task/task.hpp>

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <source_location>
#include <span>
#include <utility>

namespace tendril {

namespace detail {

class signal_canceller;
enum class listening : std::uint8_t;

/// What a handler calls: a function that is told the number, or one that takes nothing.
class signal_function {
public:
    template <typename F>
    requires(std::invocable<F&, int> || std::invocable<F&>) signal_function(F function)
        : function_{adapted(std::move(function))} {}

    void operator()(int number) { function_(number); }

private:
    template <typename F>
    static auto adapted(F function) {
        if constexpr (std::invocable<F&, int>) {
            return function;
        } else {
            return [function = std::move(function)](int) mutable { function(); };
        }
    }

    unique_function<void(int)> function_;
};

}  // namespace detail

class signal_handler {
public:
    /// Calls `function` from now on when one of these signals has come: `function(number)`, or
    /// `function()` when it takes nothing.
    /// Throws: as the constructor of signal_set. Switches: never. Thread: that of the calls.
    signal_handler(
        int number, detail::signal_function function,
        std::source_location where = std::source_location::current());
    signal_handler(
        std::initializer_list<int> numbers, detail::signal_function function,
        std::source_location where = std::source_location::current());
    signal_handler(
        std::span<int const> numbers, detail::signal_function function,
        std::source_location where = std::source_location::current());
    signal_handler(signal_handler&& other) noexcept = default;

    /// Closes it first. Switches: may.
    signal_handler& operator=(signal_handler&& other) noexcept;

    /// Closes it. Switches: may. Thread: that of the calls; any when their hub has gone.
    ~signal_handler() { close(); }

    /// Gives the signals their former effect back, cancels a call under way, and waits for its end;
    /// requests for the caller wait until then. Within the call, in a callback of the hub, and
    /// where else nobody may wait, the call goes on by itself. What has come and was not handled
    /// yet is forgotten. A second call does nothing. Switches: may.
    void close() noexcept;

    /// Says whether it handles signals: it was not closed, nor its hub, and this is not the child
    /// of a fork. Switches: never.
    bool is_open() const noexcept;

private:
    friend class detail::signal_canceller;
    struct state;

    signal_handler(
        std::span<int const> numbers, detail::listening until, detail::signal_function function,
        std::source_location where);
    static void end_quietly(state& ending, task<void> const& calls) noexcept;
    std::optional<int> take_unhandled() noexcept;

    // Shared with the task. None when it was moved from.
    std::shared_ptr<state> state_;
    task<void> calls_;
};

}  // namespace tendril
