// SPDX-License-Identifier: BSL-1.0
#pragma once

// The frames of a greenlet that is not running.
//
//     std::cerr << tendril::backtrace{worker};
//
//     greenlet 3 'worker' suspended
//       0  parse_value(reader&)   parser.cpp:41
//       1  parse_object(reader&)  parser.cpp:77
//       …
//
// No unwinder has to be told how to start in the middle: a function that takes an ordinary
// backtrace is run on top of the suspended stack for a moment, and then the stack is put back as it
// was, byte for byte. Taking one costs some microseconds and needs up to 16 KiB of room on that
// stack, which it may touch for the first time; names are looked up only when it is printed.

#include <tendril/greenlet/greenlet.hpp>

#include <array>
#include <cstddef>
#include <iosfwd>
#include <span>
#include <string>

namespace tendril {

class backtrace {
public:
    /// The most frames that are kept.
    static constexpr std::size_t most_frames = 64;

    /// Takes the frames of a suspended greenlet, innermost first, or those of the running one.
    /// There are none for one that has not begun or is dead, and none when its stack has no room.
    /// Throws: misuse for an empty handle; wrong_thread. Switches: never. Thread: the greenlet's.
    explicit backtrace(greenlet_ref const& of);

    /// The return addresses, innermost first. Switches: never. Thread: any.
    std::span<void* const> frames() const noexcept { return {frames_.data(), count_}; }

    /// Where the greenlet stands in the user's program: the innermost frame that is not tendril's
    /// or a library's below it, as a line of text; empty when none is known.
    /// Throws: std::bad_alloc. Switches: never. Thread: any.
    std::string position() const;

    /// Prints a line for the greenlet, as it was when the frames were taken, and one for each
    /// frame. Switches: never.
    friend std::ostream& operator<<(std::ostream& out, backtrace const& printed);

private:
    void take(control_block& block);

    std::string who_;
    std::array<void*, most_frames> frames_{};
    std::size_t count_ = 0;
};

std::ostream& operator<<(std::ostream& out, backtrace const& printed);

namespace detail {

// What includes this header has the hub say where greenlets stand, when it lists them.
bool tell_the_hub_of_places() noexcept;
inline bool const places_are_told = tell_the_hub_of_places();

}  // namespace detail

}  // namespace tendril
