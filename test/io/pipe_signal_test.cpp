// SPDX-License-Identifier: BSL-1.0
#include <harness/tendril_test.hpp>
#include <tendril/io/pipe_signal.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

namespace {

using namespace tendril;
using detail::without_pipe_signal;

ssize_t write_where_nobody_reads() {
    int ends[2] = {-1, -1};
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    ::close(ends[0]);
    ssize_t const result = without_pipe_signal([&] { return ::write(ends[1], "x", 1); });
    int const reason = errno;
    ::close(ends[1]);
    errno = reason;
    return result;
}

bool is_pending() {
    sigset_t pending;
    sigpending(&pending);
    return sigismember(&pending, SIGPIPE) == 1;
}

}  // namespace

TENDRIL_TEST(pipe_signal, a_write_that_nobody_reads_is_an_error_only) {
    EXPECT_EQ(write_where_nobody_reads(), -1);
    EXPECT_EQ(errno, EPIPE);
    EXPECT_FALSE(is_pending());
    sigset_t blocked;
    ::pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
    EXPECT_EQ(sigismember(&blocked, SIGPIPE), 0);
}

TENDRIL_TEST(pipe_signal, a_thread_that_blocks_the_signal_keeps_it) {
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    EXPECT_EQ(write_where_nobody_reads(), -1);
    EXPECT_TRUE(is_pending());
    timespec const at_once{};
    EXPECT_EQ(::sigtimedwait(&pipe, nullptr, &at_once), SIGPIPE);
    ::pthread_sigmask(SIG_UNBLOCK, &pipe, nullptr);
}
