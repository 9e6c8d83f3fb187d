// SPDX-License-Identifier: BSL-1.0
#pragma once

// The one table of system calls that tendril makes by itself, so that a test can make any fail.
//
// Library code calls `kernel().mmap(…)` where it would call `::mmap(…)`. A test copies the table,
// changes a row, and puts it in place for a while:
//
//     tendril::system_calls broken = tendril::kernel();
//     broken.accept4 = [](int, sockaddr*, socklen_t*, int) { errno = EMFILE; return -1; };
//     tendril::replaced_system_calls until_end_of_scope{broken};
//
// Every row behaves as the manual page of its name says: -1 (or MAP_FAILED) and `errno`.
// Boost.Asio makes its own calls: while a table is replaced, streams do their reads and writes
// here and ask Asio for readiness only (docs/io.md).

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <atomic>
#include <cstddef>
#include <ctime>

namespace tendril {

struct system_calls {
    // Stacks.
    void* (*mmap)(void* address, std::size_t size, int protection, int flags, int fd, off_t offset);
    int (*munmap)(void* address, std::size_t size);
    int (*madvise)(void* address, std::size_t size, int advice);
    int (*mprotect)(void* address, std::size_t size, int protection);
    /// Of this process itself.
    ssize_t (*process_madvise)(iovec const* ranges, std::size_t count, int advice);

    // Wake-ups from other threads.
    int (*eventfd)(unsigned int initial, int flags);
    ssize_t (*read)(int fd, void* data, std::size_t size);
    ssize_t (*write)(int fd, void const* data, std::size_t size);

    // Waiting for descriptors of the program.
    int (*epoll_create1)(int flags);
    int (*epoll_ctl)(int set, int operation, int fd, epoll_event* event);
    int (*epoll_wait)(int set, epoll_event* events, int most, int milliseconds);

    // Sockets.
    int (*socket)(int domain, int type, int protocol);
    int (*socketpair)(int domain, int type, int protocol, int* ends);
    int (*bind)(int fd, sockaddr const* address, socklen_t size);
    int (*listen)(int fd, int backlog);
    int (*connect)(int fd, sockaddr const* address, socklen_t size);
    int (*accept4)(int fd, sockaddr* address, socklen_t* size, int flags);
    int (*setsockopt)(int fd, int level, int name, void const* value, socklen_t size);
    int (*getsockopt)(int fd, int level, int name, void* value, socklen_t* size);
    int (*getsockname)(int fd, sockaddr* address, socklen_t* size);
    int (*getpeername)(int fd, sockaddr* address, socklen_t* size);
    ssize_t (*recvmsg)(int fd, msghdr* message, int flags);
    ssize_t (*sendmsg)(int fd, msghdr const* message, int flags);
    int (*recvmmsg)(int fd, mmsghdr* messages, unsigned count, int flags, timespec* limit);
    int (*sendmmsg)(int fd, mmsghdr* messages, unsigned count, int flags);
    ssize_t (*recv)(int fd, void* data, std::size_t size, int flags);
    ssize_t (*send)(int fd, void const* data, std::size_t size, int flags);
    int (*shutdown)(int fd, int how);
    ssize_t (*sendfile)(int to, int from, off_t* offset, std::size_t size);
    ssize_t (*pread)(int fd, void* data, std::size_t size, off_t offset);
    int (*lstat)(char const* path, struct stat* found);
    int (*unlink)(char const* path);
    int (*close)(int fd);

    // Threads and processors; 0 means the calling thread.
    int (*sched_getaffinity)(pid_t thread, std::size_t size, cpu_set_t* usable);
    int (*sched_setaffinity)(pid_t thread, std::size_t size, cpu_set_t const* usable);
    // Files, pipes and terminals.
    int (*open)(char const* path, int flags, mode_t mode);
    int (*fstat)(int fd, struct stat* found);
    int (*isatty)(int fd);
    int (*fcntl)(int fd, int command, int argument);
    int (*dup3)(int from, int to, int flags);
    int (*pipe2)(int* ends, int flags);
    int (*poll)(pollfd* watched, nfds_t count, int milliseconds);
    ssize_t (*readv)(int fd, iovec const* parts, int count);
    ssize_t (*writev)(int fd, iovec const* parts, int count);
    ssize_t (*preadv2)(int fd, iovec const* parts, int count, off_t offset, int flags);
    ssize_t (*pwritev2)(int fd, iovec const* parts, int count, off_t offset, int flags);
    off_t (*lseek)(int fd, off_t offset, int from);
    int (*ftruncate)(int fd, off_t size);
    int (*fsync)(int fd);
    int (*fdatasync)(int fd);
    int (*rename)(char const* from, char const* to);
    ssize_t (*copy_file_range)(
        int from, off_t* from_offset, int to, off_t* to_offset, std::size_t size, unsigned flags);
    // Children.
    int (*access)(char const* path, int wanted);
    int (*stat)(char const* path, struct stat* found);
    int (*posix_spawn)(
        pid_t* child, char const* path, posix_spawn_file_actions_t const* actions,
        posix_spawnattr_t const* attributes, char* const* arguments, char* const* environment);
    int (*pidfd_open)(pid_t process, unsigned flags);
    int (*pidfd_send_signal)(int process, int signal, siginfo_t* info, unsigned flags);
    int (*kill)(pid_t process, int signal);
    int (*waitid)(idtype_t type, id_t id, siginfo_t* info, int options);
};

namespace detail {
extern std::atomic<system_calls const*> active_system_calls;
}

/// The table of the kernel itself, whatever a test has put in place.
system_calls const& real_kernel() noexcept;

/// The table in use. Thread: any.
inline system_calls const& kernel() noexcept {
    return *detail::active_system_calls.load(std::memory_order_relaxed);
}

/// Says whether a test has put another table in place. Thread: any.
inline bool kernel_is_replaced() noexcept { return &kernel() != &real_kernel(); }

/// Puts a table in place until the end of the scope. The table must live that long, and no other
/// thread may be starting a call that uses it when the scope ends.
class replaced_system_calls {
public:
    /// Puts the table in place. Thread: any.
    explicit replaced_system_calls(system_calls const& table) noexcept
        : previous_{detail::active_system_calls.exchange(&table)} {}
    replaced_system_calls(replaced_system_calls const&) = delete;
    replaced_system_calls& operator=(replaced_system_calls const&) = delete;
    ~replaced_system_calls() { detail::active_system_calls = previous_; }

private:
    system_calls const* previous_;
};

}  // namespace tendril
