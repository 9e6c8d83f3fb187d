// SPDX-License-Identifier: BSL-1.0
#pragma once

// What stands behind a listener, as stream_core.hpp says for streams.

#include "stream_core.hpp"

#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/deadline.hpp>
#include <tendril/io/error.hpp>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>

#include <optional>
#include <utility>

namespace tendril::detail {

using plain_acceptor = boost::asio::basic_socket_acceptor<stream_protocol, plain_executor>;

class listener_core final : public counted_core, private context_bound {
public:
    explicit listener_core(hub& here)
        : counted_core{here},
          context_bound{here.context()},
          acceptor{std::in_place, here.context()} {}

    /// Closes the descriptors and wakes whoever accepts. Switches: never.
    void close() noexcept;
    /// In the child of a fork, takes it over from the parent, who listens on. On failure it is
    /// closed here. Throws: std::bad_alloc, and then it can be called again. Switches: never.
    error_code follow_fork();
    /// Says whether it is of a hub that still exists.
    bool belongs_to_hub() const noexcept { return acceptor.has_value(); }

    // There is one unless the stage is `closed`.
    std::optional<plain_acceptor> acceptor;
    stream_stage stage = stream_stage::open;
    bool accepting = false;
    // Whether a descriptor is to be kept in reserve, and which one it is; -1 while there is none.
    bool wants_reserve = false;
    int reserve = -1;

private:
    void leave_context() noexcept override {
        close();
        acceptor.reset();
    }
};

/// Says why nothing can be accepted from `core` now, if that is so. Throws: wrong_thread;
/// std::bad_alloc. Switches: never.
error_code refusal_to_accept(listener_core* core);

/// Says whether `descriptor` is a socket that listens, and finds its family.
error_code look_at_listening(int descriptor, int& family) noexcept;

/// Waits for a connection. Returns its descriptor, or -1 with an error. Switches: may.
int accept_descriptor(listener_core& core, deadline limit, error_code& error);

/// Waits for a connection, as a stream of this kind. Throws: wrong_thread; std::bad_alloc; what was
/// requested for the greenlet. Switches: may.
template <typename Stream>
Stream accept_stream(listener_core* maybe, deadline limit, error_code& error) {
    check_interruption();
    error = refusal_to_accept(maybe);
    if (error.failed()) {
        end_at_once();
        return {};
    }
    core_user<listener_core> const alive{*maybe};
    listener_core& core = *maybe;
    direction_use const acceptor{core.accepting};
    int const descriptor = accept_descriptor(core, limit, error);
    if (error.failed()) {
        end_at_once();
        return {};
    }
    Stream accepted = Stream::adopt(descriptor, error);
    account_for_success(core.home, accept_steps);
    return accepted;
}

}  // namespace tendril::detail
