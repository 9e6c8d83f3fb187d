// SPDX-License-Identifier: BSL-1.0
//
// A task waits for the signals and calls the function, in a loop. It shares a state with the
// handler, so that a function which destroys its handler does not find itself destroyed.
//
// Invariants:
// 1. The signals are caught exactly as long as `signals` is there. It goes with the task or with
//    the handler, whichever is first: signals that nobody handles have their former effect.
// 2. The function runs in the task only, so one call at a time.
#include "signal_listener.hpp"

#include <tendril/greenlet/greenlet_exit.hpp>
#include <tendril/greenlet/thread_record.hpp>
#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/io/context_bound.hpp>
#include <tendril/io/error.hpp>
#include <tendril/process/signal_handler.hpp>
#include <tendril/process/signal_set.hpp>
#include <tendril/support/error.hpp>
#include <tendril/task/spawn.hpp>
#include <tendril/time/sleep.hpp>

#include <cxxabi.h>

#include <chrono>
#include <cstdint>
#include <exception>
#include <new>
#include <string>

namespace tendril {
namespace {

// What is waited for when waiting itself fails, for want of a descriptor perhaps.
constexpr auto pause_after_failed_wait = std::chrono::seconds{1};
constexpr int most_turns_without_memory = 100;

std::string name_of_handler(std::span<int const> numbers) {
    std::string name = "the handler of";
    for (int const number : numbers) {
        char const* const word = ::sigabbrev_np(number);
        name += word != nullptr ? std::string{" SIG"} + word : " signal " + std::to_string(number);
    }
    return name;
}

}  // namespace

struct signal_handler::state {
    state(
        std::span<int const> numbers, detail::listening until, detail::signal_function called,
        std::string words)
        : home{this_hub()},
          signals{std::unique_ptr<signal_set>{new signal_set{numbers, until}}},
          function{std::move(called)},
          name{std::move(words)} {}

    void call_until_closed();
    std::optional<int> next();
    void pause_after_failure();
    void call(int number);

    detail::home_hub const home;
    // None when it is closed.
    std::unique_ptr<signal_set> signals;
    detail::signal_function function;
    std::string const name;
    std::uint64_t const forks = forks_until_now();

private:
    // In a row, in which not even a pause was possible.
    int turns_without_memory_ = 0;
};

void signal_handler::state::call_until_closed() {
    while (signals != nullptr) {
        if (auto const number = next()) {
            call(*number);
        }
    }
}

// Nothing when it is closed, or has to be tried again.
std::optional<int> signal_handler::state::next() {
    try {
        int const number = signals->wait();
        turns_without_memory_ = 0;
        return number;
    } catch (system_error const&) {
        pause_after_failure();
    } catch (std::bad_alloc const&) {
        pause_after_failure();
    } catch (cancelled const&) {
        // Nobody but the one who closes it has reason to.
        if (signals == nullptr) {
            throw;
        }
    }
    return {};
}

// Requires: an exception is being handled.
void signal_handler::state::pause_after_failure() {
    if (signals == nullptr) {
        return;
    }
    this_hub().report_error(std::current_exception(), name);
    try {
        sleep_for(pause_after_failed_wait);
    } catch (std::bad_alloc const&) {
        // Who has none for so long ends, rather than keep the thread to itself.
        if (++turns_without_memory_ > most_turns_without_memory) {
            throw;
        }
        yield();
    }
}

void signal_handler::state::call(int number) {
    try {
        function(number);
    } catch (greenlet_exit const&) {
        throw;
    } catch (abi::__forced_unwind const&) {
        throw;
    } catch (...) {
        // The one that closes it has cancelled the call. Nobody else can: that was the function.
        if (signals == nullptr) {
            throw;
        }
        this_hub().report_error(std::current_exception(), name);
    }
}

signal_handler::signal_handler(
    std::span<int const> numbers, detail::listening until, detail::signal_function function,
    std::source_location where)
    : state_{
          std::make_shared<state>(numbers, until, std::move(function), name_of_handler(numbers))} {
    // Also when the task is ended before its first turn.
    struct end_of_calls {
        explicit end_of_calls(std::shared_ptr<state> ended) noexcept : of{std::move(ended)} {}
        end_of_calls(end_of_calls&&) noexcept = default;
        ~end_of_calls() {
            if (of != nullptr) {
                of->signals.reset();
            }
        }
        std::shared_ptr<state> of;
    };
    calls_ = spawn({.name = state_->name, .where = where}, [end = end_of_calls{state_}] {
        end.of->call_until_closed();
    });
}

signal_handler::signal_handler(
    std::span<int const> numbers, detail::signal_function function, std::source_location where)
    : signal_handler{numbers, detail::listening::in_this_process, std::move(function), where} {}

signal_handler::signal_handler(
    std::initializer_list<int> numbers, detail::signal_function function,
    std::source_location where)
    : signal_handler{
          std::span<int const>{numbers.begin(), numbers.size()}, std::move(function), where} {}

signal_handler::signal_handler(
    int number, detail::signal_function function, std::source_location where)
    : signal_handler{std::span<int const>{&number, 1}, std::move(function), where} {}

signal_handler& signal_handler::operator=(signal_handler&& other) noexcept {
    signal_handler const old{std::move(*this)};
    state_ = std::move(other.state_);
    calls_ = std::move(other.calls_);
    return *this;
}

void signal_handler::close() noexcept {
    if (state_ == nullptr) {
        return;
    }
    // The handler may go while this waits.
    auto const ending = state_;
    task<void> const calls = calls_;
    ending->home.require_own_thread_to_destroy("a signal_handler");
    ending->signals.reset();
    bool const has_task = ending->home.exists() && ending->forks == forks_until_now();
    if (has_task && !calls.done() && !calls.state().is_running()) {
        end_quietly(*ending, calls);
    }
}

void signal_handler::end_quietly(state& ending, task<void> const& calls) noexcept {
    calls.cancel();
    try {
        interruption_shield const until_end;
        calls.join();
    } catch (misuse const&) {
        // Nobody may wait here.
    } catch (std::exception const&) {
        this_hub().report_error(std::current_exception(), ending.name);
    }
}

bool signal_handler::is_open() const noexcept {
    return state_ != nullptr && state_->signals != nullptr && state_->home.exists() &&
        state_->forks == forks_until_now();
}

std::optional<int> signal_handler::take_unhandled() noexcept {
    return state_->signals != nullptr ? state_->signals->try_wait() : std::nullopt;
}

}  // namespace tendril
