// SPDX-License-Identifier: BSL-1.0
#pragma once

// What stands behind a stream: Asio's socket, and who is using it.
//
// What all cores have in common stands in io/stream_state.hpp. When the hub's context goes, its
// cores are closed and lose their sockets.

#include <tendril/io/context_bound.hpp>

#include <tendril/hub/hub.hpp>
#include <tendril/io/error.hpp>
#include <tendril/io/stream_state.hpp>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>

#include <optional>

namespace tendril::detail {

using plain_executor = boost::asio::io_context::executor_type;
using stream_protocol = boost::asio::generic::stream_protocol;
using plain_socket = boost::asio::basic_stream_socket<stream_protocol, plain_executor>;

class stream_core final : public stream_state, private context_bound {
public:
    explicit stream_core(hub& here)
        : stream_state{here},
          context_bound{here.context()},
          socket{std::in_place, here.context()} {}

    /// Closes the descriptor and wakes whoever is inside an operation. Switches: never.
    void close() noexcept;
    /// As above, but gives the descriptor away. Requires: not closed. Switches: never.
    int release(error_code& error);
    /// Takes a descriptor, which it closes when it cannot keep it.
    /// Throws: std::bad_alloc. Switches: never.
    void take(int descriptor, int family, error_code& error);
    /// Says whether it is of a hub that still exists.
    bool belongs_to_hub() const noexcept { return socket.has_value(); }

    // There is one unless the stage is `closed`.
    std::optional<plain_socket> socket;
    /// The last read filled its buffer, so there is probably more to read at once.
    bool more_is_likely = false;
    /// The family of its addresses.
    int family = 0;

private:
    error_code enter_child() override;
    void leave_context() noexcept override {
        close();
        socket.reset();
    }
};

}  // namespace tendril::detail
