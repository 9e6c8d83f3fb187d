// SPDX-License-Identifier: BSL-1.0
#pragma once

// What stands behind a datagram socket: its descriptor, and who is using it.
//
// A core is shared by the handle and by whoever is inside an operation, as that of a stream is
// (stream_core.hpp).

#include "stream_core.hpp"

#include <tendril/hub/hub.hpp>
#include <tendril/io/context_bound.hpp>

#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include <cerrno>
#include <cstdint>
#include <optional>
#include <utility>

namespace tendril::detail {

using plain_descriptor = boost::asio::posix::basic_stream_descriptor<plain_executor>;

class datagram_core final : public counted_core, private context_bound {
public:
    explicit datagram_core(hub& here)
        : counted_core{here},
          context_bound{here.context()},
          descriptor{std::in_place, here.context().get_executor()} {}

    /// Closes the descriptor and wakes whoever uses it. Does nothing when it is closed.
    void close() noexcept;
    /// As `close`, but gives the descriptor out. Returns -1 when it is closed.
    int release() noexcept;
    /// In the child of a fork, takes it over from the parent, who goes on with it. On failure it is
    /// closed. Throws: std::bad_alloc, and then it can be called again. Switches: never.
    error_code follow_fork();
    /// Says whether it is of a hub that still exists.
    bool belongs_to_hub() const noexcept { return descriptor.has_value(); }

    // There is one unless the stage is `closed`. Asio tells only whether it is ready.
    std::optional<plain_descriptor> descriptor;
    stream_stage stage = stream_stage::open;
    /// AF_INET, AF_INET6 or AF_UNIX.
    int family = 0;
    /// Datagrams go to one peer and come from there.
    bool connected = false;
    bool receiving = false;
    bool sending = false;
    /// What is waited for in place of a full receiver (datagram_handle.cpp), or -1.
    int stand_in = -1;

private:
    void leave_context() noexcept override;
    int part() noexcept;
};

/// Which of the two is waited for.
enum class datagram_wait : std::uint8_t { receive, send };

/// Waits until the descriptor is ready. Returns false when `limit` came first; sets `error` when
/// there is nothing to try again. Throws: what was requested for the greenlet. Switches: may.
bool wait_for_datagrams(
    datagram_core& core, datagram_wait wanted, deadline limit, error_code& error);

/// Says whether a call is to be tried again when the descriptor is ready.
inline bool must_wait(int code) noexcept { return code == EAGAIN || code == EWOULDBLOCK; }

}  // namespace tendril::detail
