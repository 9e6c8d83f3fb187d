// SPDX-License-Identifier: BSL-1.0
#pragma once

// One who hears of signals: a bit for each that has come, and a descriptor that can be read then.
//
// Read next: signal_listener.cpp, which has the one handler of the process.

#include <atomic>
#include <cstdint>
#include <optional>
#include <span>

namespace tendril::detail {

/// How long a listener listens.
enum class listening : std::uint8_t {
    /// As long as it exists, in the child of a fork as well: who waits may be the one who forked.
    always,
    /// As long as it exists, but not in the child of a fork, where nobody is left who would act.
    in_this_process,
    /// As before, and when the first signal has come to it, all that nobody else waits for have
    /// their former effect from then on.
    once_in_this_process,
};

class signal_listener {
public:
    /// Catches these signals. Throws: misuse for those that nobody can wait for; system_error,
    /// std::bad_alloc, and then none is caught. Switches: never. Thread: any.
    signal_listener(std::span<int const> numbers, listening until);
    signal_listener(signal_listener const&) = delete;
    signal_listener& operator=(signal_listener const&) = delete;

    /// Gives the signals back their former effect, if nobody else listens to them.
    /// Switches: never. Thread: any.
    ~signal_listener();

    /// Says whether it listens to this one. Switches: never. Thread: any.
    bool contains(int number) const noexcept;

    /// Takes the lowest of those that have come. Switches: never. Thread: its owner's.
    std::optional<int> take() noexcept;

    /// Empties the bell, so that it can be read when the next signal has come, and returns it. Who
    /// waits takes afterwards, before it parks. Throws: system_error. Switches: never.
    /// Thread: its owner's.
    int silent_bell();

    /// The bell. Switches: never. Thread: its owner's.
    int bell() const noexcept { return bell_; }

private:
    friend class signal_register;

    std::uint64_t const numbers_;
    listening const until_;
    // Set by the handler; taken by the owner.
    std::atomic<std::uint64_t> came_{0};
    // Set by the handler, when it listens to one signal only and has heard that.
    std::atomic<bool> has_heard_{false};
    // Written by the handler.
    std::atomic<int> bell_;
    // The next in the list of all listeners, which the handler walks.
    std::atomic<signal_listener*> next_{nullptr};
    // The rest is guarded by the register. It is in the list.
    bool listed_ = false;
    // It is the child of a fork, which has the bell in common with its parent.
    bool shares_bell_ = false;
};

}  // namespace tendril::detail
