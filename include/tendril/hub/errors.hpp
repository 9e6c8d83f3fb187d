// SPDX-License-Identifier: BSL-1.0
#pragma once

// What a hub tells its main greenlet when waiting has no more sense, and where that came from.

#include <tendril/support/config.hpp>

#include <stdexcept>
#include <string>

namespace tendril {

struct control_block;

/// The greenlet that waits could not be woken by anything any more: nobody is ready, no alarm is
/// armed, no I/O is under way, and there is no remote through which another thread could call. The
/// text lists every greenlet that waits, and for what. The hub can still be used.
class would_block_forever : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// `run_until_complete` was ended by a `stop` before what it waited for had its result.
class stopped_early : public std::runtime_error {
public:
    /// Says so. Switches: never.
    stopped_early();
};

/// Says in a few words where in the program a parked greenlet stands; empty when that is not known.
using place_finder = std::string (*)(control_block& parked);

/// Sets how messages find that place, and returns what did so far; null means not at all. Floor
/// `inspect` sets it when it is linked. Switches: never. Thread: any.
place_finder set_place_finder(place_finder finder) noexcept;

namespace detail {
/// Stops the program, because somebody waits for what is being destroyed. Switches: never.
[[noreturn]] TENDRIL_COLD void destroyed_while_in_use(char const* what) noexcept;
}  // namespace detail

}  // namespace tendril
