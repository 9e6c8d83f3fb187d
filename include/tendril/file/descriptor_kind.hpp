// SPDX-License-Identifier: BSL-1.0
#pragma once

// What a descriptor stands for.
//
//     if (tendril::kind_of(0) == tendril::descriptor_kind::terminal) { … }
//
// It matters for waiting: the kernel tells when a pipe, a terminal, a socket or a device has
// something to read, and never tells it of a regular file, which is always "ready" and then blocks
// the thread for as long as the disk takes. So the first are for `descriptor_stream`, which waits,
// and the others for `file`, which has threads.
//
// Read next: descriptor_stream.hpp.

#include <tendril/io/error.hpp>

#include <cstdint>
#include <string_view>

namespace tendril {

enum class descriptor_kind : std::uint8_t {
    regular,
    directory,
    /// A pipe, with a name (FIFO) or without.
    pipe,
    socket,
    terminal,
    /// A device that gives and takes bytes, and is no terminal.
    character_device,
    block_device,
    /// What has no place in a file system, such as an eventfd or a timerfd.
    other,
};

/// Says what a descriptor stands for. Throws: system_error when it is not open. Switches: never.
/// Thread: any.
descriptor_kind kind_of(int descriptor);
descriptor_kind kind_of(int descriptor, error_code& error);

/// The kind in words: "a pipe". Switches: never. Thread: any.
std::string_view name_of(descriptor_kind kind) noexcept;

/// Says whether the kernel tells when something of this kind is ready: whether it is for
/// `descriptor_stream` and not for `file`. Switches: never. Thread: any.
constexpr bool can_be_waited_for(descriptor_kind kind) noexcept {
    return kind != descriptor_kind::regular && kind != descriptor_kind::directory &&
        kind != descriptor_kind::block_device;
}

}  // namespace tendril
