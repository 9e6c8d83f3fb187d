// SPDX-License-Identifier: BSL-1.0
//
// Streams over a kernel that fails, stutters and interrupts: every call, with every error.
#include <harness/signal_storm.hpp>
#include <harness/stream_programs.hpp>
#include <harness/streams.hpp>
#include <harness/stress.hpp>
#include <tendril/net/stream_socket.hpp>
#include <tendril/support/system_calls.hpp>
#include <tendril/testing/failing_system_calls.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <string>

namespace {

using namespace tendril;
using tendril::testing::any_call;
using tendril::testing::failing_system_calls;
using tendril::testing::failure;
using tendril::testing::for_each_failure;
using test::end_of_program;
using test::signal_storm;
using test::stream_program;
using test::stream_programs;

// Runs a program in a hub of its own with one failure. Returns whether there was so much to fail.
template <typename Row>
bool survives(
    stream_program const& program, Row row, int code, std::size_t number, failure how,
    bool must_succeed) {
    bool has_failed = false;
    std::string end;
    test::run_in_hub([&](auto&) {
        failing_system_calls const next{row, code, number, how};
        end = end_of_program(program);
        has_failed = next.has_failed();
    });
    bool const well = end == "done" || (end == "error" && has_failed && !must_succeed);
    EXPECT_TRUE(well) << program.name << ", call " << number << ", errno " << code << ": " << end;
    return has_failed && well;
}

// Every call of a row fails once, with an error after which it is to be made again.
template <typename Row>
std::size_t retry_each(Row row, int code) {
    std::size_t points = 0;
    for (stream_program const& program : stream_programs) {
        points += for_each_failure([&](std::size_t number) {
            return survives(program, row, code, number, failure::once, true);
        });
    }
    EXPECT_GT(points, 0U);
    return points;
}

// A kernel that fails every second call, in turn with each of two errors, and passes single bytes.
int stutters = 0;

bool stutters_now() {
    ++stutters;
    errno = stutters % 4 == 0 ? EINTR : EAGAIN;
    return stutters % 2 == 0;
}

// The first byte of a message.
struct first_byte {
    explicit first_byte(msghdr const& message) {
        for (std::size_t at = 0; at < message.msg_iovlen && part.iov_len == 0; ++at) {
            part = message.msg_iov[at];
        }
        part.iov_len = std::min<std::size_t>(part.iov_len, 1);
    }
    msghdr in(msghdr const& message) {
        msghdr changed = message;
        changed.msg_iov = &part;
        changed.msg_iovlen = 1;
        return changed;
    }
    iovec part{};
};

struct stuttering_streams {
    system_calls table = kernel();
    replaced_system_calls in_place{table};

    stuttering_streams() {
        stutters = 0;
        table.recv = [](int fd, void* data, std::size_t, int flags) {
            return stutters_now() ? -1 : real_kernel().recv(fd, data, 1, flags);
        };
        table.send = [](int fd, void const* data, std::size_t, int flags) {
            return stutters_now() ? -1 : real_kernel().send(fd, data, 1, flags);
        };
        table.recvmsg = [](int fd, msghdr* message, int flags) {
            first_byte byte{*message};
            msghdr changed = byte.in(*message);
            ssize_t const got = stutters_now() ? -1 : real_kernel().recvmsg(fd, &changed, flags);
            message->msg_controllen = changed.msg_controllen;
            message->msg_flags = changed.msg_flags;
            return got;
        };
        table.sendmsg = [](int fd, msghdr const* message, int flags) {
            first_byte byte{*message};
            msghdr const changed = byte.in(*message);
            return stutters_now() ? -1 : real_kernel().sendmsg(fd, &changed, flags);
        };
        table.sendfile = [](int to, int from, off_t* offset, std::size_t) {
            return stutters_now() ? -1 : real_kernel().sendfile(to, from, offset, 1);
        };
        table.accept4 = [](int fd, sockaddr* address, socklen_t* size, int flags) {
            return stutters_now() ? -1 : real_kernel().accept4(fd, address, size, flags);
        };
    }
};

}  // namespace

TENDRIL_TEST(stream_socket_faults, every_call_may_fail_once_with_every_error) {
    std::size_t points = 0;
    for (stream_program const& program : stream_programs) {
        for (int const code :
             {ENOBUFS, ENOMEM, ECONNRESET, EPIPE, EMFILE, EACCES, EIO, EINVAL, ENOSYS}) {
            points += for_each_failure([&](std::size_t number) {
                return survives(program, any_call, code, number, failure::once, false);
            });
        }
    }
    std::printf("%zu pairs of a call and an error\n", points);
    EXPECT_GE(points, 400U);
}

TENDRIL_TEST(stream_socket_faults, every_call_may_fail_from_some_moment_on) {
    std::size_t points = 0;
    for (stream_program const& program : stream_programs) {
        for (int const code : {ENOBUFS, ECONNRESET}) {
            points += for_each_failure([&](std::size_t number) {
                return survives(program, any_call, code, number, failure::for_ever, false);
            });
        }
    }
    std::printf("%zu moments from which nothing works\n", points);
    EXPECT_GE(points, 100U);
}

TENDRIL_TEST(stream_socket_faults, an_interrupted_call_is_made_again) {
    std::size_t const points = retry_each(&system_calls::recv, EINTR) +
        retry_each(&system_calls::recvmsg, EINTR) + retry_each(&system_calls::send, EINTR) +
        retry_each(&system_calls::sendmsg, EINTR) + retry_each(&system_calls::sendfile, EINTR) +
        retry_each(&system_calls::accept4, EINTR) + retry_each(&system_calls::connect, EINTR);
    std::printf("%zu calls were interrupted\n", points);
}

TENDRIL_TEST(stream_socket_faults, a_call_that_would_block_is_made_again) {
    std::size_t const points = retry_each(&system_calls::recv, EAGAIN) +
        retry_each(&system_calls::recvmsg, EAGAIN) + retry_each(&system_calls::send, EAGAIN) +
        retry_each(&system_calls::sendmsg, EAGAIN) + retry_each(&system_calls::sendfile, EAGAIN) +
        retry_each(&system_calls::accept4, EAGAIN);
    std::printf("%zu calls would have blocked\n", points);
}

TENDRIL_HUB_TEST(stream_socket_faults, all_programs_survive_a_kernel_that_stutters) {
    for (stream_program const& program : stream_programs) {
        stuttering_streams const kernel;
        EXPECT_EQ(end_of_program(program), "done") << program.name;
        std::printf("%d stuttering calls: %s\n", stutters, program.name);
    }
}

TENDRIL_HUB_TEST(stream_socket_faults, all_programs_survive_a_storm_of_signals) {
    signal_storm const storm;
    int rounds = 0;
    int const wanted = test::laps(20, 5000);
    while (signal_storm::count() < wanted) {
        for (stream_program const& program : stream_programs) {
            ASSERT_EQ(end_of_program(program), "done") << program.name;
        }
        ++rounds;
    }
    std::printf("%d signals in %d rounds\n", signal_storm::count(), rounds);
}
