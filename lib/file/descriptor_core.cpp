// SPDX-License-Identifier: BSL-1.0
//
// How a descriptor is taken over, and how it goes.
//
// What is opened anew through /proc is the same pipe or terminal, with a mode of its own. That is
// not done with what opening changes: some devices rewind, and the master of a pseudo terminal
// would become the master of another one.
#include "descriptor_core.hpp"

#include <tendril/hub/descriptor.hpp>
#include <tendril/support/system_calls.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <array>
#include <cstdio>
#include <utility>

namespace tendril::detail {
namespace {

constexpr unsigned terminal_maker_major = 5;
constexpr unsigned terminal_maker_minor = 2;

bool may_be_opened_anew(int descriptor, descriptor_kind kind) noexcept {
    struct stat found {};
    if (kind == descriptor_kind::pipe) {
        return true;
    }
    return kind == descriptor_kind::terminal && kernel().fstat(descriptor, &found) == 0 &&
        found.st_rdev != makedev(terminal_maker_major, terminal_maker_minor);
}

}  // namespace

void descriptor_core::take(int given, descriptor_options const& options, error_code& error) {
    descriptor = given;
    kept_ = options.keep_open ? given : -1;
    kind = kind_of(given, error);
    if (error.failed()) {
        return;
    }
    if (!can_be_waited_for(kind)) {
        error = io_error(errc::wrong_kind);
        return;
    }
    int const flags = kernel().fcntl(given, F_GETFL, 0);
    if (flags < 0) {
        error = last_system_error();
        return;
    }
    access = flags & O_ACCMODE;
    choose_mode(flags, options, error);
}

void descriptor_core::choose_mode(int flags, descriptor_options const& options, error_code& error) {
    mode = descriptor_mode::nonblocking;
    if ((flags & O_NONBLOCK) != 0) {
        return;
    }
    if (options.set_nonblocking) {
        if (kernel().fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) != 0) {
            error = last_system_error();
        }
    } else if (kind == descriptor_kind::socket) {
        mode = descriptor_mode::socket;
    } else if (!options.open_anew || !open_anew(flags)) {
        mode = descriptor_mode::blocking;
    }
}

bool descriptor_core::open_anew(int flags) {
    if (!may_be_opened_anew(descriptor, kind)) {
        return false;
    }
    std::array<char, 32> path;
    std::snprintf(path.data(), path.size(), "/proc/self/fd/%d", descriptor);
    int const opened = kernel().open(
        path.data(), (flags & (O_ACCMODE | O_APPEND)) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
    if (opened < 0) {
        return false;
    }
    if (kept_ != -1) {
        descriptor = opened;
        return true;
    }
    // It keeps its number.
    bool const done = kernel().dup3(opened, descriptor, O_CLOEXEC) >= 0;
    kernel().close(opened);
    return done;
}

// Nobody but us waits for a descriptor of ours, and the kernel would tell nobody that it is gone.
void descriptor_core::call_off() noexcept {
    if (reading || writing) {
        call_off_waits(descriptor);
    }
}

void descriptor_core::close() noexcept {
    int const kept = std::exchange(kept_, -1);
    if (stage == stream_stage::closed) {
        return;
    }
    stage = stream_stage::closed;
    if (hub_exists_) {
        call_off();
    }
    int const gone = std::exchange(descriptor, -1);
    if (gone != kept && gone != -1) {
        kernel().close(gone);
    }
}

int descriptor_core::release() noexcept {
    int const given = kept_ != -1 ? kept_ : descriptor;
    kept_ = kept_ != -1 ? kept_ : descriptor;
    close();
    return given;
}

// Those who waited have left with their hub.
void descriptor_core::leave_context() noexcept {
    hub_exists_ = false;
    close();
}

}  // namespace tendril::detail
