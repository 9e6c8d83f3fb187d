// SPDX-License-Identifier: BSL-1.0
#pragma once

// Waiting until a descriptor can be read or written.
//
//     while (PQisBusy(connection)) {
//         tendril::wait_readable(PQsocket(connection));
//         PQconsumeInput(connection);
//     }
//
// That is all that a C library with a non-blocking interface needs in order to be used by many
// greenlets at once. The descriptor is only watched: its flags stay as they are, and it may be in
// another event loop as well. What is not watched by any kernel, such as a regular file, is always
// ready.
//
// "Ready" includes the end of a stream and errors: the call that follows reports them. One greenlet
// may wait for each direction; a second one gets `errc::busy`. Before a descriptor is closed, those
// who wait for it have to be told with `call_off_waits`, since the kernel tells nobody.

#include <tendril/hub/deadline.hpp>

#include <poll.h>

#include <chrono>
#include <cstddef>
#include <span>

namespace tendril {

/// Waits until something can be read from `descriptor`.
/// Throws: std::system_error: `errc::busy` when another greenlet waits for the same direction,
/// `std::errc::operation_canceled` after `call_off_waits`, else the code of the kernel; what was
/// requested for the greenlet. Switches: may.
void wait_readable(int descriptor);

/// As above, but for a while, or until a moment, at most. Returns whether it is ready.
/// Switches: may.
bool wait_readable_until(int descriptor, deadline limit);
template <typename Rep, typename Period>
bool wait_readable_for(int descriptor, std::chrono::duration<Rep, Period> const& duration) {
    return wait_readable_until(descriptor, deadline::after(duration));
}

/// Waits until something can be written to `descriptor`; all else as for reading. Switches: may.
void wait_writable(int descriptor);
bool wait_writable_until(int descriptor, deadline limit);
template <typename Rep, typename Period>
bool wait_writable_for(int descriptor, std::chrono::duration<Rep, Period> const& duration) {
    return wait_writable_until(descriptor, deadline::after(duration));
}

/// Waits until any of several descriptors is ready, as the call of the system with this name does,
/// and says in `revents` of each what it is ready for. `events` may be POLLIN, POLLOUT and
/// POLLRDHUP; an element whose descriptor is negative is left out. One that is not open, or whose
/// waits are called off meanwhile, is ready with POLLNVAL. Returns how many are ready: all that are
/// at that moment. When some are ready at the start nobody is waited for, but it takes from the
/// turn, so that others have theirs.
/// Throws: misuse for other events; std::system_error, with `errc::busy` when another greenlet
/// waits for one of them, or the code of the kernel; std::bad_alloc; what was requested for the
/// greenlet. Switches: may.
std::size_t poll(std::span<pollfd> watched);

/// As above, but until a moment, or for a while, at most; then it returns zero. A duration below
/// zero is over already. Switches: may.
std::size_t poll_until(std::span<pollfd> watched, deadline limit);
template <typename Rep, typename Period>
std::size_t poll_for(
    std::span<pollfd> watched, std::chrono::duration<Rep, Period> const& duration) {
    return poll_until(watched, deadline::after(duration));
}

/// Ends every wait of this thread for `descriptor`, which is about to be closed. Returns how many
/// there were. Switches: never.
int call_off_waits(int descriptor);

}  // namespace tendril
