// SPDX-License-Identifier: BSL-1.0
#include <tendril/file/descriptor_kind.hpp>
#include <tendril/io/stream_state.hpp>
#include <tendril/support/system_calls.hpp>

#include <sys/stat.h>

#include <string>

namespace tendril {

descriptor_kind kind_of(int descriptor, error_code& error) {
    struct stat found {};
    if (kernel().fstat(descriptor, &found) != 0) {
        error = detail::last_system_error();
        return descriptor_kind::other;
    }
    error = {};
    switch (found.st_mode & S_IFMT) {
    case S_IFREG:
        return descriptor_kind::regular;
    case S_IFDIR:
        return descriptor_kind::directory;
    case S_IFIFO:
        return descriptor_kind::pipe;
    case S_IFSOCK:
        return descriptor_kind::socket;
    case S_IFBLK:
        return descriptor_kind::block_device;
    case S_IFCHR:
        return kernel().isatty(descriptor) == 1 ? descriptor_kind::terminal
                                                : descriptor_kind::character_device;
    default:
        return descriptor_kind::other;
    }
}

descriptor_kind kind_of(int descriptor) {
    error_code error;
    descriptor_kind const kind = kind_of(descriptor, error);
    if (error.failed()) {
        throw system_error{error, "descriptor " + std::to_string(descriptor)};
    }
    return kind;
}

std::string_view name_of(descriptor_kind kind) noexcept {
    switch (kind) {
    case descriptor_kind::regular:
        return "a regular file";
    case descriptor_kind::directory:
        return "a folder";
    case descriptor_kind::pipe:
        return "a pipe";
    case descriptor_kind::socket:
        return "a socket";
    case descriptor_kind::terminal:
        return "a terminal";
    case descriptor_kind::character_device:
        return "a character device";
    case descriptor_kind::block_device:
        return "a block device";
    case descriptor_kind::other:
        break;
    }
    return "a descriptor without a file";
}

}  // namespace tendril
