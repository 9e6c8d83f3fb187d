// SPDX-License-Identifier: BSL-1.0
#pragma once

// Ctrl+C as a cancellation.
//
//     int main() {
//         return tendril::run([] {
//             auto const number = tendril::cancel_on_signal({SIGINT, SIGTERM}, [] { serve(); });
//             return number ? 128 + *number : 0;
//         });
//     }
//
// The block is a cancel scope (cancel_scope.hpp). When one of the signals comes, every park within
// it throws, in the tasks of groups beneath it too: destructors run, what shields itself finishes,
// and the call returns the number. Tasks that were made by `spawn`, and not in a group, are not
// within it.
//
//     the signal                      the block                     the call
//     comes                           is left by the cancellation   returns the number
//     comes                           returns all the same          returns the number
//     comes                           throws an error               throws it
//     comes again, or another one                                   its former effect: by default
//                                                                   the end of the program
//     does not come                   returns                       returns nothing
//     does not come                   throws                        throws it
//
// The former effects are back as soon as the first signal is there, and before any greenlet has
// run: a program that hangs, or computes without end, is ended by the second Ctrl+C.
//
// Nothing of this is installed by itself: a library must not decide what Ctrl+C does. Any greenlet
// may make such a block, main usually does. Two blocks of one signal, one in the other or in two
// tasks, are both cancelled. While a set or a handler of the same signal exists, it has no other
// effect, the second time neither.
//
// In the child of a fork the signals have their former effect.

#include <tendril/process/signal_handler.hpp>
#include <tendril/scope/cancel_scope.hpp>

#include <concepts>
#include <functional>
#include <initializer_list>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

namespace tendril {

namespace detail {

// The scope, and the task that cancels it.
class signal_canceller {
public:
    explicit signal_canceller(std::span<int const> numbers);
    signal_canceller(signal_canceller const&) = delete;
    signal_canceller& operator=(signal_canceller const&) = delete;
    ~signal_canceller() = default;

    cancel_scope& scope() noexcept { return scope_; }

    /// Ends the watch, and returns what has come. Switches: may.
    std::optional<int> conclude() noexcept;

private:
    void notice(int number);

    cancel_scope scope_;
    std::optional<int> number_;
    // Ends first, because it refers to the others.
    signal_handler watch_;
};

}  // namespace detail

/// Calls `block` within a cancel scope that the first of these signals cancels. Returns the number
/// of that signal, if one has come while the block ran.
/// Throws: what the block throws; `scope_cancelled` of a scope further out; as the constructor of
/// signal_set. Switches: may.
template <std::invocable F>
std::optional<int> cancel_on_signal(std::span<int const> numbers, F&& block) {
    static_assert(
        std::is_void_v<std::invoke_result_t<F>>,
        "the call returns the signal: let the block keep its result in a variable outside");
    detail::signal_canceller watch{numbers};
    watch.scope().run(std::forward<F>(block));
    return watch.conclude();
}
template <std::invocable F>
std::optional<int> cancel_on_signal(std::initializer_list<int> numbers, F&& block) {
    return cancel_on_signal(
        std::span<int const>{numbers.begin(), numbers.size()}, std::forward<F>(block));
}

}  // namespace tendril
