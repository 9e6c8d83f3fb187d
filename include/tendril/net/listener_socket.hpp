// SPDX-License-Identifier: BSL-1.0
#pragma once

// What listeners of every kind have in common. Use `tcp_listener` or `unix_listener`, which say how
// to make them and what is accepted.
//
//     auto stream = listener.accept_for(5s);
//
//     error                   means
//     errc::closed            the listener was closed, here or by another greenlet
//     errc::busy              another greenlet accepts
//     errc::timed_out         nobody came before the limit of this call
//     EMFILE, ENFILE, …       the process, or the machine, lacks what a connection needs
//
// A connection that failed before it was accepted is passed over. One that is there beats a limit
// that has passed.
//
// When descriptors lack, `accept` says so and leaves the connection in the kernel's queue: the
// client sees an open connection on which nothing happens. The next call says so again, at once, so
// whoever calls it in a loop waits a little before, as `accept_loop` does.
//
// With `reserve_descriptor` the listener keeps one descriptor back. When others lack, it gives that
// one up for a moment, accepts a connection, closes it, and takes the descriptor back; it does so
// for everybody who waits, and then says what lacks. So clients that cannot be served see an end
// at once, and may try elsewhere. What it costs: they are turned away who would have been served a
// moment later. That is the choice of a service with several servers, not of every one, so it is
// not the default.

#include <tendril/io/abi_lock.hpp>
#include <tendril/io/error.hpp>

#include <utility>

namespace tendril {

namespace detail {
class listener_core;
}

class listener_socket {
public:
    listener_socket(listener_socket const&) = delete;

    /// Stops listening and wakes whoever waits in `accept` with `errc::closed`. A second call does
    /// nothing. Throws: wrong_thread. Switches: never. Thread: hub.
    void close();

    /// Says whether it listens. Switches: never.
    bool is_open() const noexcept;

    /// The descriptor, or -1. It stays the listener's. Switches: never.
    int native_handle() const noexcept;

    /// Keeps a descriptor in reserve from now on, for the time when others lack. A second call does
    /// nothing. Throws: system_error; wrong_thread. Switches: never. Thread: hub.
    void reserve_descriptor();
    void reserve_descriptor(error_code& error);

protected:
    listener_socket() noexcept = default;
    listener_socket(listener_socket&& other) noexcept
        : core_{std::exchange(other.core_, nullptr)} {}
    listener_socket& operator=(listener_socket&& other) noexcept;
    ~listener_socket();

    void take_over(int descriptor, int family, error_code& error);
    detail::listener_core* core() const noexcept { return core_; }

private:
    detail::listener_core* core_ = nullptr;
};

}  // namespace tendril
