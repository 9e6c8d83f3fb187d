// SPDX-License-Identifier: BSL-1.0
#pragma once

// Puts pieces of several greenlets into one order.
//
//     tendril::testing::sequencer order;
//     auto other = tendril::spawn([&] {
//         auto const turn = order.wait_for(1);    // begins when the block of turn 0 has ended
//         …
//     });
//     {
//         auto const turn = order.wait_for(0);
//         …
//     }
//
// A turn begins when the turns 0 to n-1 have ended, whoever took them; it ends with the scope. An
// exception that leaves the scope ends the turn like any other end.
//
//     turn n          wait_for(n)
//     not asked for   begins if all before it have ended, else waits
//     asked for       misuse: a number is for one block
//
// A greenlet that is interrupted while it waits for its turn will never end it. That breaks the
// sequence: it gets what it was interrupted with, and everybody else `broken_sequence`.

#include <tendril/sync/wait_queue.hpp>

#include <cstddef>
#include <map>
#include <stdexcept>
#include <utility>

namespace tendril::testing {

/// A turn of the sequence will never end, so those behind it can never begin.
class broken_sequence : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

class sequencer {
public:
    /// A block of the sequence while it lives. It can be moved, and ends once.
    class turn {
    public:
        turn(turn&& other) noexcept : order_{std::exchange(other.order_, nullptr)} {}
        turn& operator=(turn&&) = delete;
        /// Ends the turn: the next one begins. Switches: never.
        ~turn();

    private:
        friend class sequencer;
        explicit turn(sequencer& order) noexcept : order_{&order} {}
        sequencer* order_;
    };

    sequencer() noexcept = default;
    sequencer(sequencer const&) = delete;
    sequencer& operator=(sequencer const&) = delete;

    /// Waits until the turns before this one have ended, and begins it.
    /// Throws: misuse when the number was asked for before; broken_sequence; what was requested for
    /// the greenlet, and then the sequence is broken; std::bad_alloc. Switches: may.
    [[nodiscard]] turn wait_for(std::size_t number);

    /// The number of the turn that runs or comes next. Switches: never.
    std::size_t position() const noexcept { return next_; }

    /// Says whether a turn was given up by who waited for it. Switches: never.
    bool broken() const noexcept { return broken_; }

private:
    void end_turn() noexcept;
    void break_off() noexcept;
    void require_whole() const;

    // The numbers that were asked for, each with who still waits for it.
    std::map<std::size_t, wait_queue> asked_for_;
    std::size_t next_ = 0;
    bool broken_ = false;
};

}  // namespace tendril::testing
