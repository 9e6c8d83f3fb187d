// SPDX-License-Identifier: BSL-1.0
#pragma once

// What stands behind a stream over a descriptor. It is waited for by the hub's own set, not by
// Asio, so nothing has to be seen to its end when a wait is left.

#include <tendril/file/descriptor_kind.hpp>
#include <tendril/file/descriptor_stream.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/io/context_bound.hpp>
#include <tendril/io/error.hpp>
#include <tendril/io/stream_state.hpp>

#include <cstdint>

namespace tendril::detail {

/// How a call is kept from blocking.
enum class descriptor_mode : std::uint8_t {
    /// What the kernel has behind the descriptor is non-blocking.
    nonblocking,
    /// Each call says so.
    socket,
    /// It blocks: it is asked first whether it is ready.
    blocking,
};

class descriptor_core final : public stream_state, private context_bound {
public:
    explicit descriptor_core(hub& here) : stream_state{here}, context_bound{here.context()} {}

    /// Takes a descriptor, whatever comes of it.
    void take(int given, descriptor_options const& options, error_code& error);
    /// Closes the descriptor, unless it is to be kept open, and wakes whoever waits for it.
    /// Switches: never.
    void close() noexcept;
    /// As above, but returns the descriptor that was given, which stays open. Switches: never.
    int release() noexcept;
    /// Says whether it is of a hub that still exists.
    bool belongs_to_hub() const noexcept { return hub_exists_; }

    /// What the calls are made with, until it is closed.
    int descriptor = -1;
    descriptor_kind kind = descriptor_kind::other;
    descriptor_mode mode = descriptor_mode::blocking;
    /// O_RDONLY, O_WRONLY or O_RDWR.
    int access = 0;

private:
    void leave_context() noexcept override;
    void call_off() noexcept;
    void choose_mode(int flags, descriptor_options const& options, error_code& error);
    bool open_anew(int flags);

    // The one that belongs to somebody else, or -1.
    int kept_ = -1;
    bool hub_exists_ = true;
};

}  // namespace tendril::detail
