// SPDX-License-Identifier: BSL-1.0
#pragma once

// Boost.Asio, as the hub sees it: poll it, sleep in it, be woken in it. Its source is the only one
// of this floor that includes Asio.

#include <tendril/hub/deadline.hpp>
#include <tendril/support/unique_function.hpp>

#include <memory>

namespace boost::asio {
class io_context;
}

namespace tendril::detail {

class descriptor_wait;

class reactor {
public:
    /// Makes one with a context of its own, or on `embedding`, which the program runs.
    /// Throws: std::system_error when the process has no descriptors left.
    explicit reactor(boost::asio::io_context* embedding = nullptr);
    reactor(reactor const&) = delete;
    reactor& operator=(reactor const&) = delete;
    ~reactor();

    boost::asio::io_context& context() noexcept;

    /// Calls handlers that are ready, a bounded number of them, and does not sleep.
    /// Throws: what a handler throws; the other handlers keep their place.
    void poll();

    /// Sleeps until a handler was called, the bell was rung, or `until` has come; may come back
    /// early. Returns false when it did not sleep because nothing could ever have woken it: no
    /// limit, no I/O under way, and the bell, as `may_be_rung` says, is rung by nobody.
    /// Throws: what a handler throws.
    bool sleep(deadline until, bool may_be_rung);

    /// Says whether the last sleep has ended before its limit, so that other handlers may be ready
    /// that nobody has called since.
    bool may_have_more() const noexcept;

    /// Says whether the last sleep has ended with the last work that there was, and nobody has
    /// polled since; but only the first time that it is asked. Work that was begun since is missed.
    bool has_left_nothing() noexcept;

    /// Says whether any I/O is under way; calls handlers that are ready.
    /// Throws: what a handler throws.
    bool has_work();

    /// From now on a write to this eventfd, the bell, ends a sleep.
    void listen(int eventfd);

    /// Takes that back.
    void stop_listening() noexcept;

    /// Parts from the parent, in the child of a fork. Ends the process when that cannot be done.
    void forked() noexcept;

    // Waiting for descriptors (descriptor.hpp).

    /// Adds a wait; it is told once, in a handler. Throws: std::system_error with the code of the
    /// kernel, or `errc::busy` when somebody waits for the same direction.
    void add(descriptor_wait& added);

    /// Takes it back. Does nothing when it has been told.
    void remove(descriptor_wait& removed) noexcept;

    /// Tells every wait for `descriptor` that it is called off. Returns how many there were.
    int call_off(int descriptor) noexcept;

    // Embedded: the program runs the context.

    /// Sets what is called, in a handler, at a moment that was asked for and when the bell rings.
    void when_woken(unique_function<void()> function);
    /// Asks for such a call soon, or at a moment. The latter takes the place of an earlier one, and
    /// counts as work of the context if that is said. Throws: std::bad_alloc.
    void call_soon();
    void call_at(deadline when, bool counts_as_work);
    /// Whether the context has work for the sake of this hub.
    void hold(bool held) noexcept;
    /// Says whether this thread is in a handler of the context.
    bool is_being_run() const noexcept;

private:
    struct implementation;
    std::shared_ptr<implementation> const implementation_;
};

}  // namespace tendril::detail
