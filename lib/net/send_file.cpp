// SPDX-License-Identifier: BSL-1.0
//
// Files go out by `sendfile`, which copies nothing. Where the kernel cannot (some file systems,
// and what is no regular file), they are read and sent piece by piece. Both read at an offset of
// their own, so that the position of the file is left alone, and whatever happens, what was sent
// is what was counted.
#include "stream_calls.hpp"

#include <tendril/hub/cancellation.hpp>
#include <tendril/io/pipe_signal.hpp>
#include <tendril/net/stream_socket.hpp>
#include <tendril/support/system_calls.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <limits>
#include <memory>

namespace tendril {
namespace {

using detail::call_limit;
using detail::core_user;
using detail::direction_use;
using detail::stream_core;

// The kernel takes no more at once, and others have their turn between the pieces.
constexpr std::uint64_t largest_piece = 1024 * 1024;
constexpr std::uint64_t largest_copy = 64 * 1024;

// A file on its way.
struct sent_file {
    int descriptor;
    std::uint64_t offset;
    std::uint64_t left;
    std::uint64_t sent = 0;
    // Whether the file has no more.
    bool ended = false;

    void advance(std::size_t size) noexcept {
        offset += size;
        left -= size;
        sent += size;
    }
};

bool kernel_cannot(error_code const& error) noexcept {
    return error.value() == EINVAL || error.value() == ENOSYS || error.value() == EOPNOTSUPP;
}

void send_piece(stream_core& core, sent_file& file, call_limit& limit, error_code& error) {
    auto const send = [&](int descriptor) {
        auto offset = static_cast<off_t>(file.offset);
        auto const size = static_cast<std::size_t>(std::min(file.left, largest_piece));
        // There is no flag against SIGPIPE, as `send` has.
        return detail::without_pipe_signal(
            [&] { return kernel().sendfile(descriptor, file.descriptor, &offset, size); });
    };
    std::size_t const sent = detail::send_when_there_is_room(core, send, limit, error);
    file.ended = sent == 0 && !error.failed();
    file.advance(sent);
}

// Reads a piece of a file. Returns how much; nothing at its end, or with an error.
std::size_t read_piece(sent_file const& file, char* data, error_code& error) {
    auto const size = static_cast<std::size_t>(std::min(file.left, largest_copy));
    ssize_t got = 0;
    do {
        got = kernel().pread(file.descriptor, data, size, static_cast<off_t>(file.offset));
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        error = detail::last_system_error();
        return 0;
    }
    return static_cast<std::size_t>(got);
}

void copy_piece(
    stream_core& core, sent_file& file, char* data, call_limit& limit, error_code& error) {
    std::size_t const size = read_piece(file, data, error);
    file.ended = size == 0;
    std::size_t sent = 0;
    while (sent < size && !error.failed()) {
        auto const send = [&](int descriptor) {
            return kernel().send(descriptor, data + sent, size - sent, MSG_NOSIGNAL);
        };
        std::size_t const step = detail::send_when_there_is_room(core, send, limit, error);
        sent += step;
        file.advance(step);
        if (sent < size && !error.failed()) {
            detail::look_up_between_parts(core, limit, error);
        }
    }
}

void send_to_end(stream_core& core, sent_file& file, call_limit& limit, error_code& error) {
    std::unique_ptr<char[]> copy;
    while (file.left > 0 && !file.ended && !error.failed()) {
        if (file.sent > 0) {
            detail::look_up_between_parts(core, limit, error);
        }
        if (error.failed()) {
            return;
        }
        if (copy == nullptr) {
            send_piece(core, file, limit, error);
            if (kernel_cannot(error)) {
                copy = std::make_unique_for_overwrite<char[]>(largest_copy);
                error = {};
            }
        } else {
            copy_piece(core, file, copy.get(), limit, error);
        }
    }
}

}  // namespace

std::uint64_t stream_socket::send_file(
    int file, std::uint64_t offset, std::uint64_t count, error_code& error) {
    check_interruption();
    error = detail::refusal_to_write(core_);
    if (error.failed() || count == 0) {
        return detail::end_at_once();
    }
    stream_core& core = *core_;
    core_user<stream_core> const alive{core};
    direction_use const writer{core.writing};
    call_limit limit{nullptr, core.write_limit};
    sent_file going{.descriptor = file, .offset = offset, .left = count};
    detail::half_way_guard const judge{core, going.sent, error};
    send_to_end(core, going, limit, error);
    return going.sent;
}

std::uint64_t stream_socket::send_file(int file, std::uint64_t offset, std::uint64_t count) {
    error_code error;
    std::uint64_t const sent = send_file(file, offset, count, error);
    detail::throw_if(error, "send_file");
    return sent;
}

}  // namespace tendril
