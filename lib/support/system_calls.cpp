// SPDX-License-Identifier: BSL-1.0
#include <tendril/support/system_calls.hpp>

#include <sys/eventfd.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace tendril {
namespace {

// Younger than the C library's headers here: this process, whatever its number.
constexpr int this_process = -10001;

ssize_t advise_this_process(iovec const* ranges, std::size_t count, int advice) {
    return ::syscall(SYS_process_madvise, this_process, ranges, count, advice, 0U);
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
};

}  // namespace

namespace detail {
constinit std::atomic<system_calls const*> active_system_calls{&table};
}

system_calls const& real_kernel() noexcept { return table; }

}  // namespace tendril
