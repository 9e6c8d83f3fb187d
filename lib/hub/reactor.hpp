// SPDX-License-Identifier: BSL-1.0
#pragma once

// Boost.Asio, as the hub sees it: poll it, sleep in it, be woken in it. Its source is the only one
// of this floor that includes Asio.

#include <tendril/hub/deadline.hpp>

#include <memory>

namespace boost::asio {
class io_context;
}

namespace tendril::detail {

class reactor {
public:
    /// Throws: std::system_error when the process has no descriptors left.
    reactor();
    reactor(reactor const&) = delete;
    reactor& operator=(reactor const&) = delete;
    ~reactor();

    boost::asio::io_context& context() noexcept;

    /// Calls handlers that are ready, a bounded number of them, and does not sleep.
    /// Throws: what a handler throws; the other handlers keep their place.
    void poll();

    /// Sleeps until handlers have been called or `until` has come; may come back early. Returns
    /// false when it did not sleep because nothing could ever have woken it: no limit, no I/O under
    /// way, and the bell, as `may_be_rung` says, is rung by nobody.
    /// Throws: what a handler throws.
    bool sleep(deadline until, bool may_be_rung);

    /// From now on a write to this eventfd, the bell, ends a sleep.
    void listen(int eventfd);

    /// Takes that back.
    void stop_listening() noexcept;

    /// Parts from the parent, in the child of a fork. Ends the process when that cannot be done.
    void forked() noexcept;

private:
    struct implementation;
    std::unique_ptr<implementation> const implementation_;
};

}  // namespace tendril::detail
