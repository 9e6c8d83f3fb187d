// SPDX-License-Identifier: BSL-1.0
//
// The table of system calls, and of the errors that their manual pages, here or in POSIX, name for
// each: every pair is tried in every program that makes the call. Each program ends with what it
// should do or with an error, nothing hangs, and nothing is left.
#include <harness/child_programs.hpp>
#include <harness/connection_programs.hpp>
#include <harness/datagram_programs.hpp>
#include <harness/file_programs.hpp>
#include <harness/hub_programs.hpp>
#include <harness/hubs.hpp>
#include <tendril/scope/exception_group.hpp>
#include <tendril/testing/failing_system_calls.hpp>
#include <tendril/threads/run_in_thread.hpp>
#include <tendril/time/timeout.hpp>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <functional>
#include <set>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace tendril;
using tendril::testing::failing_system_calls;
using tendril::testing::leak_check;
using test::stream_program;

// What a row may fail with.
struct row_of_errors {
    char const* name;
    std::vector<int> codes;
    // Calls a function while the call with a number fails. Returns whether it did.
    bool (*fail)(int code, std::size_t number, std::function<void()> const& function);
};

template <auto Row>
bool fail_row(int code, std::size_t number, std::function<void()> const& function) {
    failing_system_calls const next{Row, code, number};
    function();
    return next.has_failed();
}

template <auto Row>
row_of_errors row_of(char const* name, std::vector<int> errors) {
    return {name, std::move(errors), &fail_row<Row>};
}

// What every call may fail with where a filter of system calls is in force, beside its own errors.
constexpr std::array filtered{EPERM, ENOSYS, EACCES};

// "In progress" and "is connected" are left out of `connect`, being no failures.
std::vector<row_of_errors> const documented{
    row_of<&system_calls::mmap>("mmap", {EAGAIN, EBADF, EINVAL, ENFILE, ENODEV, ENOMEM, EOVERFLOW}),
    row_of<&system_calls::munmap>("munmap", {EINVAL, ENOMEM}),
    row_of<&system_calls::madvise>("madvise", {EAGAIN, EBADF, EINVAL, EIO, ENOMEM}),
    row_of<&system_calls::mprotect>("mprotect", {EINVAL, ENOMEM}),
    row_of<&system_calls::process_madvise>(
        "process_madvise", {EBADF, EFAULT, EINVAL, ENOMEM, ESRCH}),
    row_of<&system_calls::eventfd>("eventfd", {EINVAL, EMFILE, ENFILE, ENODEV, ENOMEM}),
    row_of<&system_calls::read>("read", {EAGAIN, EBADF, EFAULT, EINTR, EINVAL, EIO}),
    row_of<&system_calls::write>("write", {EAGAIN, EBADF, EFAULT, EINTR, EINVAL, EIO, ENOSPC}),
    row_of<&system_calls::epoll_create1>("epoll_create1", {EINVAL, EMFILE, ENFILE, ENOMEM}),
    row_of<&system_calls::epoll_ctl>(
        "epoll_ctl", {EBADF, EEXIST, EINVAL, ELOOP, ENOENT, ENOMEM, ENOSPC}),
    row_of<&system_calls::epoll_wait>("epoll_wait", {EBADF, EFAULT, EINTR, EINVAL}),
    row_of<&system_calls::socket>(
        "socket", {EAFNOSUPPORT, EINVAL, EMFILE, ENFILE, ENOBUFS, ENOMEM, EPROTONOSUPPORT}),
    row_of<&system_calls::socketpair>(
        "socketpair",
        {EAFNOSUPPORT, EFAULT, EMFILE, ENFILE, ENOBUFS, ENOMEM, EOPNOTSUPP, EPROTONOSUPPORT}),
    row_of<&system_calls::bind>(
        "bind",
        {EAFNOSUPPORT, EISDIR, EIO, EADDRINUSE, EADDRNOTAVAIL, EBADF, EFAULT, EINVAL, ELOOP,
         ENAMETOOLONG, ENOBUFS, ENOENT, ENOMEM, ENOTDIR, ENOTSOCK, EROFS}),
    row_of<&system_calls::listen>(
        "listen", {EADDRINUSE, EBADF, EINVAL, ENOBUFS, ENOTSOCK, EOPNOTSUPP}),
    row_of<&system_calls::connect>(
        "connect", {EIO,           ELOOP,        ENAMETOOLONG, ENOTDIR,  EOPNOTSUPP,   EADDRINUSE,
                    EADDRNOTAVAIL, EAFNOSUPPORT, EAGAIN,       EBADF,    ECONNREFUSED, ECONNRESET,
                    EFAULT,        EHOSTUNREACH, EINTR,        ENETDOWN, ENETUNREACH,  ENOBUFS,
                    ENOENT,        ENOTSOCK,     EPROTOTYPE,   ETIMEDOUT}),
    row_of<&system_calls::accept4>(
        "accept4",
        {EAGAIN,  EBADF,           ECONNABORTED,    EFAULT,      EHOSTDOWN,   EHOSTUNREACH,
         EINTR,   EINVAL,          EMFILE,          ENETDOWN,    ENETUNREACH, ENFILE,
         ENOBUFS, ENOMEM,          ENONET,          ENOPROTOOPT, ENOTSOCK,    EOPNOTSUPP,
         EPROTO,  EPROTONOSUPPORT, ESOCKTNOSUPPORT, ETIMEDOUT}),
    row_of<&system_calls::setsockopt>(
        "setsockopt",
        {EADDRINUSE, EADDRNOTAVAIL, EBADF, EDOM, EFAULT, EINVAL, EISCONN, ENODEV, ENOBUFS, ENOMEM,
         ENOPROTOOPT, ENOTSOCK}),
    row_of<&system_calls::getsockopt>(
        "getsockopt", {EBADF, EFAULT, EINVAL, ENOBUFS, ENOMEM, ENOPROTOOPT, ENOTSOCK, EOPNOTSUPP}),
    row_of<&system_calls::getsockname>(
        "getsockname", {EBADF, EFAULT, EINVAL, ENOBUFS, ENOTSOCK, EOPNOTSUPP}),
    row_of<&system_calls::getpeername>(
        "getpeername", {EBADF, EFAULT, EINVAL, ENOBUFS, ENOTCONN, ENOTSOCK, EOPNOTSUPP}),
    row_of<&system_calls::recvmsg>(
        "recvmsg",
        {EAGAIN, EBADF, ECONNREFUSED, ECONNRESET, EFAULT, EINTR, EINVAL, EIO, EMSGSIZE, ENOBUFS,
         ENOMEM, ENOTCONN, ENOTSOCK, EOPNOTSUPP, ETIMEDOUT}),
    row_of<&system_calls::sendmsg>(
        "sendmsg", {EAGAIN,  EALREADY, EBADF,    ECONNRESET, EDESTADDRREQ, EFAULT,   EHOSTUNREACH,
                    EINTR,   EINVAL,   EIO,      EISCONN,    EMSGSIZE,     ENETDOWN, ENETUNREACH,
                    ENOBUFS, ENOMEM,   ENOTCONN, ENOTSOCK,   EOPNOTSUPP,   EPIPE}),
    row_of<&system_calls::recvmmsg>(
        "recvmmsg",
        {EAGAIN, EBADF, ECONNREFUSED, ECONNRESET, EFAULT, EINTR, EINVAL, EIO, ENOBUFS, ENOMEM,
         ENOTCONN, ENOTSOCK, EOPNOTSUPP, ETIMEDOUT}),
    row_of<&system_calls::sendmmsg>(
        "sendmmsg", {EAGAIN,  EALREADY, EBADF,    ECONNRESET, EDESTADDRREQ, EFAULT,   EHOSTUNREACH,
                     EINTR,   EINVAL,   EIO,      EISCONN,    EMSGSIZE,     ENETDOWN, ENETUNREACH,
                     ENOBUFS, ENOMEM,   ENOTCONN, ENOTSOCK,   EOPNOTSUPP,   EPIPE}),
    row_of<&system_calls::recv>(
        "recv",
        {EAGAIN, EBADF, ECONNREFUSED, ECONNRESET, EFAULT, EHOSTUNREACH, EINTR, EINVAL, EIO,
         ENETDOWN, ENETUNREACH, ENOBUFS, ENOMEM, ENOTCONN, ENOTSOCK, EOPNOTSUPP, EPIPE, ETIMEDOUT}),
    row_of<&system_calls::send>(
        "send", {EAGAIN,  EALREADY, EBADF,    ECONNRESET, EDESTADDRREQ, EFAULT,   EHOSTUNREACH,
                 EINTR,   EINVAL,   EIO,      EISCONN,    EMSGSIZE,     ENETDOWN, ENETUNREACH,
                 ENOBUFS, ENOMEM,   ENOTCONN, ENOTSOCK,   EOPNOTSUPP,   EPIPE,    ETIMEDOUT}),
    row_of<&system_calls::shutdown>("shutdown", {EBADF, EINVAL, ENOBUFS, ENOTCONN, ENOTSOCK}),
    row_of<&system_calls::sendfile>(
        "sendfile",
        {EAGAIN, EBADF, ECONNRESET, EFAULT, EINTR, EINVAL, EIO, ENOMEM, EOVERFLOW, EPIPE, ESPIPE}),
    row_of<&system_calls::pread>(
        "pread", {EBADF, EFAULT, EINTR, EINVAL, EIO, EISDIR, ENXIO, EOVERFLOW, ESPIPE}),
    row_of<&system_calls::lstat>(
        "lstat", {EBADF, EFAULT, ELOOP, ENAMETOOLONG, ENOENT, ENOMEM, ENOTDIR, EOVERFLOW}),
    row_of<&system_calls::unlink>(
        "unlink",
        {EBUSY, EFAULT, EIO, EISDIR, ELOOP, ENAMETOOLONG, ENOENT, ENOMEM, ENOTDIR, EROFS}),
    row_of<&system_calls::close>("close", {EBADF, EDQUOT, EINTR, EIO, ENOSPC}),
    row_of<&system_calls::open>("open", {EINTR, ELOOP, EMFILE, ENFILE, ENOENT, ENXIO, EROFS}),
    row_of<&system_calls::fstat>("fstat", {EBADF, EFAULT, ENOMEM, EOVERFLOW}),
    row_of<&system_calls::isatty>("isatty", {EBADF, EINVAL, ENOTTY}),
    row_of<&system_calls::fcntl>("fcntl", {EBADF, EINTR, EINVAL}),
    row_of<&system_calls::dup3>("dup3", {EBADF, EBUSY, EINTR, EINVAL, EMFILE}),
    row_of<&system_calls::pipe2>("pipe2", {EFAULT, EINVAL, EMFILE, ENFILE}),
    row_of<&system_calls::poll>("poll", {EFAULT, EINTR, EINVAL, ENOMEM}),
    row_of<&system_calls::readv>("readv", {EAGAIN, EBADF, EFAULT, EINTR, EINVAL, EIO}),
    row_of<&system_calls::writev>(
        "writev", {EAGAIN, EBADF, EFAULT, EINTR, EINVAL, EIO, ENOSPC, EPIPE}),
    row_of<&system_calls::preadv2>("preadv2", {EAGAIN, EBADF, EINTR, EINVAL, EIO, EOPNOTSUPP}),
    row_of<&system_calls::pwritev2>(
        "pwritev2", {EAGAIN, EBADF, EDQUOT, EFBIG, EINTR, EIO, ENOSPC, EOPNOTSUPP}),
    row_of<&system_calls::lseek>("lseek", {EBADF, EINVAL, EOVERFLOW, ESPIPE}),
    row_of<&system_calls::ftruncate>(
        "ftruncate", {EBADF, EFBIG, EINTR, EINVAL, EIO, EROFS, ETXTBSY}),
    row_of<&system_calls::fsync>("fsync", {EBADF, EDQUOT, EINTR, EINVAL, EIO, ENOSPC, EROFS}),
    row_of<&system_calls::fdatasync>(
        "fdatasync", {EBADF, EDQUOT, EINTR, EINVAL, EIO, ENOSPC, EROFS}),
    row_of<&system_calls::rename>(
        "rename",
        {EBUSY, EDQUOT, EEXIST, EFAULT, EINVAL, EISDIR, ELOOP, EMLINK, ENAMETOOLONG, ENOENT, ENOMEM,
         ENOSPC, ENOTDIR, ENOTEMPTY, EROFS, EXDEV}),
    row_of<&system_calls::copy_file_range>(
        "copy_file_range",
        {EBADF, EFBIG, EINTR, EINVAL, EIO, EISDIR, ENOMEM, ENOSPC, EOPNOTSUPP, EOVERFLOW, ETXTBSY,
         EXDEV}),
    row_of<&system_calls::access>(
        "access",
        {EFAULT, EINVAL, EIO, ELOOP, ENAMETOOLONG, ENOENT, ENOMEM, ENOTDIR, EROFS, ETXTBSY}),
    row_of<&system_calls::stat>(
        "stat", {EBADF, EFAULT, ELOOP, ENAMETOOLONG, ENOENT, ENOMEM, ENOTDIR, EOVERFLOW}),
    row_of<&system_calls::posix_spawn>(
        "posix_spawn",
        {E2BIG, EAGAIN, EFAULT, EINVAL, EIO, EISDIR, ELOOP, EMFILE, ENAMETOOLONG, ENFILE, ENOENT,
         ENOEXEC, ENOMEM, ENOTDIR, ETXTBSY}),
    // "No such process" is left out: it is how a kernel says that nobody need wait for the child.
    row_of<&system_calls::pidfd_open>("pidfd_open", {EINVAL, EMFILE, ENFILE, ENODEV, ENOMEM}),
    row_of<&system_calls::pidfd_send_signal>("pidfd_send_signal", {EBADF, EINVAL, ESRCH}),
    row_of<&system_calls::kill>("kill", {EINVAL, ESRCH}),
    row_of<&system_calls::waitid>("waitid", {ECHILD, EINTR, EINVAL, ESRCH}),
    row_of<&system_calls::sched_getaffinity>("sched_getaffinity", {EFAULT, EINVAL, ESRCH}),
};

// Runs a program in a hub of its own, on a thread of its own. Returns how it ended.
std::string end_of_pair(stream_program const& program) {
    std::string end = "done";
    test::virtual_clock clock;
    try {
        run({.clock = &clock}, [&] {
            test::ignore_errors();
            timeout const limit{std::chrono::hours{2}};
            program.run();
        });
    } catch (exception_group const& group) {
        end = "error";
        for (auto const& error : group.errors()) {
            end = describe(error).find("wrong_result") == std::string::npos ? end : "wrong result";
        }
    } catch (test::wrong_result const& error) {
        end = error.what();
    } catch (would_block_forever const&) {
        end = "waits in vain";
    } catch (timed_out const&) {
        end = "waits in vain for a socket";
    } catch (std::exception const&) {
        end = "error";
    }
    return end;
}

// Where a program runs: what files do, threads of the pool do, which make such calls themselves.
enum class home_of_program { a_thread_of_its_own, a_thread_of_the_pool };

struct caller {
    stream_program program;
    home_of_program home = home_of_program::a_thread_of_its_own;
};

// Tries one pair in one program. Returns whether the call was made at all.
bool survives_pair(row_of_errors const& row, int code, caller const& tried) {
    bool has_failed = false;
    std::string end;
    std::string left;
    auto const try_it = [&] {
        has_failed = row.fail(code, 1, [&] { end = end_of_pair(tried.program); });
    };
    if (tried.home == home_of_program::a_thread_of_its_own) {
        leak_check const before;
        std::thread{try_it}.join();
        left = before.leaks();
    } else {
        run_in_thread([&] {
            leak_check const before;
            try_it();
            left = before.leaks();
        });
    }
    std::string const pair = std::string{tried.program.name} + ", " + row.name + ", errno " +
        std::to_string(code);
    EXPECT_TRUE(end == "done" || (has_failed && end == "error")) << pair << ": " << end;
    EXPECT_EQ(left, "") << pair;
    // Who cannot wait for a child leaves it as it is.
    EXPECT_TRUE(!test::has_children() || row.name == std::string{"waitid"}) << pair;
    test::wait_for_all_children();
    return has_failed;
}

std::vector<caller> all_programs() {
    std::vector<caller> all;
    auto const add = [&](auto const& programs, home_of_program home) {
        for (stream_program const& each : programs) {
            all.push_back({each, home});
        }
    };
    add(test::stream_programs, home_of_program::a_thread_of_its_own);
    add(test::other_programs, home_of_program::a_thread_of_its_own);
    add(test::connection_programs, home_of_program::a_thread_of_its_own);
    add(test::child_programs, home_of_program::a_thread_of_its_own);
    add(test::hub_programs, home_of_program::a_thread_of_its_own);
    add(test::file_programs, home_of_program::a_thread_of_the_pool);
    return all;
}

}  // namespace

TENDRIL_TEST(failing_system_calls, every_row_fails_with_every_error_that_it_may_have) {
    // Those that other tests had to leave.
    test::wait_for_all_children();
    std::size_t pairs = 0;
    std::size_t points = 0;
    std::string never_called;
    for (row_of_errors const& row : documented) {
        std::set<int> codes{row.codes.begin(), row.codes.end()};
        codes.insert(filtered.begin(), filtered.end());
        std::vector<caller> callers = all_programs();
        std::erase_if(
            callers, [&](caller const& each) { return !survives_pair(row, *codes.begin(), each); });
        for (int const code : codes) {
            for (caller const& each : callers) {
                points += survives_pair(row, code, each) ? 1 : 0;
            }
        }
        pairs += callers.empty() ? 0 : codes.size();
        never_called += callers.empty() ? std::string{" "} + row.name : "";
    }
    std::printf("%zu pairs of a call and an error, at %zu places\n", pairs, points);
    std::printf("never called:%s\n", never_called.c_str());
    EXPECT_GE(pairs, 600U);
}
