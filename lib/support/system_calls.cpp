// SPDX-License-Identifier: BSL-1.0
#include <tendril/support/system_calls.hpp>

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace tendril {
namespace {

// Younger than the C library's headers here: this process, whatever its number.
constexpr int this_process = -10001;

ssize_t advise_this_process(iovec const* ranges, std::size_t count, int advice) {
    return ::syscall(SYS_process_madvise, this_process, ranges, count, advice, 0U);
}

// These take what they need of their last argument, or none.
int open_with_mode(char const* path, int flags, mode_t mode) { return ::open(path, flags, mode); }
int control_with_number(int fd, int command, int argument) {
    return ::fcntl(fd, command, argument);
}

// The C library returns the error; here all rows tell it in the same way.
int spawn_with_errno(
    pid_t* child, char const* path, posix_spawn_file_actions_t const* actions,
    posix_spawnattr_t const* attributes, char* const* arguments, char* const* environment) {
    int const error = ::posix_spawn(child, path, actions, attributes, arguments, environment);
    errno = error != 0 ? error : errno;
    return error != 0 ? -1 : 0;
}

int open_process(pid_t process, unsigned flags) {
    return static_cast<int>(::syscall(SYS_pidfd_open, process, flags));
}

int send_signal_to_process(int process, int signal, siginfo_t* info, unsigned flags) {
    return static_cast<int>(::syscall(SYS_pidfd_send_signal, process, signal, info, flags));
}

constexpr system_calls table{
    .mmap = ::mmap,
    .munmap = ::munmap,
    .madvise = ::madvise,
    .mprotect = ::mprotect,
    .process_madvise = advise_this_process,
    .eventfd = ::eventfd,
    .read = ::read,
    .write = ::write,
    .epoll_create1 = ::epoll_create1,
    .epoll_ctl = ::epoll_ctl,
    .epoll_wait = ::epoll_wait,
    .socket = ::socket,
    .socketpair = ::socketpair,
    .bind = ::bind,
    .listen = ::listen,
    .connect = ::connect,
    .accept4 = ::accept4,
    .setsockopt = ::setsockopt,
    .getsockopt = ::getsockopt,
    .getsockname = ::getsockname,
    .getpeername = ::getpeername,
    .recvmsg = ::recvmsg,
    .sendmsg = ::sendmsg,
    .recvmmsg = ::recvmmsg,
    .sendmmsg = ::sendmmsg,
    .recv = ::recv,
    .send = ::send,
    .shutdown = ::shutdown,
    .sendfile = ::sendfile,
    .pread = ::pread,
    .lstat = ::lstat,
    .unlink = ::unlink,
    .close = ::close,
    .sched_getaffinity = ::sched_getaffinity,
    .sched_setaffinity = ::sched_setaffinity,
    .open = open_with_mode,
    .fstat = ::fstat,
    .isatty = ::isatty,
    .fcntl = control_with_number,
    .dup3 = ::dup3,
    .pipe2 = ::pipe2,
    .poll = ::poll,
    .readv = ::readv,
    .writev = ::writev,
    .preadv2 = ::preadv2,
    .pwritev2 = ::pwritev2,
    .lseek = ::lseek,
    .ftruncate = ::ftruncate,
    .fsync = ::fsync,
    .fdatasync = ::fdatasync,
    .rename = ::rename,
    .copy_file_range = ::copy_file_range,
    .access = ::access,
    .stat = ::stat,
    .posix_spawn = spawn_with_errno,
    .pidfd_open = open_process,
    .pidfd_send_signal = send_signal_to_process,
    .kill = ::kill,
    .waitid = ::waitid,
};

}  // namespace

namespace detail {
constinit std::atomic<system_calls const*> active_system_calls{&table};
}

system_calls const& real_kernel() noexcept { return table; }

}  // namespace tendril
