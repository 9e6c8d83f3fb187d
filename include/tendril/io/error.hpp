// SPDX-License-Identifier: BSL-1.0
#pragma once

// Our error codes, in the form that Asio and everything written for it understands.
//
//     boost::system::error_code error;
//     stream.read_some(buffer, error);
//     if (error == tendril::errc::closed) …
//
// What the system reports (reset, refused, end of file) comes with Asio's own codes.

#include <tendril/support/config.hpp>
#include <tendril/support/error.hpp>

#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#include <cstddef>
#include <string>
#include <system_error>

namespace tendril {

using boost::system::error_code;
using boost::system::system_error;

/// Wraps one of our codes. Switches: never. Thread: any.
inline error_code io_error(errc code) { return error_code{make_error_code(code)}; }

/// Says whether a code is ours and this one. Switches: never. Thread: any.
inline bool operator==(error_code const& code, errc wanted) {
    return static_cast<std::error_code>(code) == make_error_code(wanted);
}
// A code of the standard library would be converted for the one above as well as for its own.
inline bool operator==(std::error_code const& code, errc wanted) {
    return code == make_error_code(wanted);
}

namespace detail {
/// The code alone. One that comes from Asio carries a place in Asio's sources, which would end up
/// in texts for users. Switches: never.
inline error_code without_place(error_code const& error) noexcept {
    return error.has_location() ? error_code{error.value(), error.category()} : error;
}

/// Throws `system_error` when there is an error. Switches: never.
inline void throw_if(error_code const& error, char const* what) {
    if (error.failed()) [[unlikely]] {
        throw system_error{without_place(error), what};
    }
}

/// How many steps of a turn's budget a call that fails at once takes.
inline constexpr int io_steps = 1;

/// How many a read or write of so many bytes takes. With more, a turn is over before it has served
/// what one look at the reactor has found, and a request costs more looks.
constexpr int io_steps_for(std::size_t size) noexcept {
    constexpr std::size_t bytes_in_a_step = 16384;
    return io_steps + static_cast<int>(size / bytes_in_a_step);
}

/// Takes the steps of a call that fails at once, or has nothing to do, and lets others run when the
/// budget is used up: who ignores errors in a loop must not keep them from their turns. Does
/// nothing on a thread without a hub. Returns zero, which is how much such a call has moved.
/// Switches: may.
TENDRIL_COLD std::size_t end_at_once();

/// Ends a call that was given no bytes and no room for any. Returns zero.
/// Throws: what was requested for the greenlet. Switches: may.
TENDRIL_COLD std::size_t end_with_nothing(error_code& error);
}  // namespace detail

}  // namespace tendril
