// SPDX-License-Identifier: BSL-1.0
//
// The whole process stands still for a while, and the wall clock jumps: what has come meanwhile
// beats the limits that have passed, and nobody asks what day it is.
#include <harness/datagrams.hpp>
#include <harness/network.hpp>
#include <harness/other_process.hpp>
#include <harness/stress.hpp>
#include <tendril/net/stream_socket.hpp>
#include <tendril/net/unix_socket.hpp>
#include <tendril/scope/task_group.hpp>
#include <tendril/time/sleep.hpp>

#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::take;

// How far the wall clock of the process is off, and how often it was looked at. The kernel's own
// cannot be moved here.
std::chrono::seconds wall_clock_is_off{0};
int looks_at_the_wall_clock = 0;

// Lets a child of this process be told things by this one, over sockets made before.
struct lines_to_a_child {
    std::array<int, 2> stream{};
    std::array<int, 2> full{};
    std::array<int, 2> datagrams{};
    int listener = test::listening_descriptor();

    lines_to_a_child() {
        ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, stream.data());
        ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, full.data());
        ::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, datagrams.data());
    }
    lines_to_a_child(lines_to_a_child const&) = delete;
    lines_to_a_child& operator=(lines_to_a_child const&) = delete;
    ~lines_to_a_child() {
        for (int const each :
             {stream[0], stream[1], full[0], full[1], datagrams[0], datagrams[1], listener}) {
            ::close(each);
        }
    }
};

// Waits for everything at once, with limits that pass while the process stands still. Returns
// whether all that came was received, and only what did not come is late.
bool stand_still_and_go_on(lines_to_a_child const& lines) {
    constexpr auto limit = 50ms;
    std::vector<std::string> seen;
    run([&] {
        unix_stream reads = unix_stream::adopt(::dup(lines.stream[1]));
        unix_stream writes = unix_stream::adopt(::dup(lines.full[1]));
        unix_datagram receives = unix_datagram::adopt(::dup(lines.datagrams[1]));
        tcp_listener accepts = tcp_listener::adopt(::dup(lines.listener));
        auto [silent, nobody] = unix_stream::pair();
        test::fill(writes);
        with_task_group([&, &waits = silent](task_group& group) {
            auto const note = [&](char const* what, error_code const& said) {
                seen.push_back(std::string{what} + (said.failed() ? " late" : " came"));
            };
            group.spawn([&, note] {
                char data[8];
                error_code said;
                reads.read_some_for(boost::asio::buffer(data), said, limit);
                note("read", said);
            });
            group.spawn([&, note] {
                error_code said;
                writes.write_for(boost::asio::buffer("x", 1), said, limit);
                note("write", said);
            });
            group.spawn([&, note] {
                char data[8];
                error_code said;
                receives.receive_for(boost::asio::buffer(data), said, limit);
                note("receive", said);
            });
            group.spawn([&, note] {
                error_code said;
                tcp_stream const came = accepts.accept_until(said, deadline::after(limit));
                note("accept", said);
            });
            group.spawn([&, note] {
                char data[8];
                error_code said;
                waits.read_some_for(boost::asio::buffer(data), said, limit);
                note("nothing", said);
            });
            test::settle();
            ::kill(::getpid(), SIGSTOP);
        });
    });
    std::sort(seen.begin(), seen.end());
    for (std::string const& each : seen) {
        std::printf("%s; ", each.c_str());
    }
    std::printf("behind the standstill\n");
    std::fflush(stdout);
    return seen ==
        std::vector<std::string>{
            "accept came", "nothing late", "read came", "receive came", "write came"};
}

}  // namespace

// The test's program has this in place of the one of the C library, and so has all that it uses.
extern "C" int clock_gettime(clockid_t which, timespec* into) noexcept {
    auto const result = static_cast<int>(::syscall(SYS_clock_gettime, which, into));
    if (which == CLOCK_REALTIME) {
        ++looks_at_the_wall_clock;
        into->tv_sec += wall_clock_is_off.count();
    }
    return result;
}

TENDRIL_TEST(stream_socket_stops, what_came_while_the_process_stood_still_beats_every_limit) {
    if (!test::can_go_on_in_a_child) {
        GTEST_SKIP() << "a child of a process with threads cannot go on under ThreadSanitizer";
    }
    lines_to_a_child const lines;
    test::other_process child{[&] { return stand_still_and_go_on(lines); }};
    ASSERT_TRUE(child.wait_until_it_stands());
    EXPECT_EQ(::send(lines.stream[0], "x", 1, 0), 1);
    EXPECT_EQ(::send(lines.datagrams[0], "x", 1, 0), 1);
    char dropped[4096];
    while (::recv(lines.full[0], dropped, sizeof dropped, MSG_DONTWAIT) > 0) {}
    int const caller = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(test::port_of(lines.listener));
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(caller, reinterpret_cast<sockaddr const*>(&name), sizeof name), 0);
    // The system's clock goes on while the child stands: only real time passes its limits.
    std::this_thread::sleep_for(std::chrono::milliseconds{test::laps(200, 5000)});
    child.go_on();
    EXPECT_TRUE(child.has_held());
    ::close(caller);
}

// Real time: a limit of the system's steady clock is as long as before.
TENDRIL_TEST(stream_socket_stops, jumps_of_the_wall_clock_move_no_limit) {
    run([] {
        auto [here, there] = test::connected_pair();
        auto const today = std::chrono::system_clock::now();
        for (std::chrono::seconds const jump : {-3600s, 10 * 365 * 86400s, 0s}) {
            wall_clock_is_off = jump;
            auto const moved = std::chrono::system_clock::now() - today;
            EXPECT_LT(std::chrono::abs(moved - jump), 30min) << "the jump is not seen";
            looks_at_the_wall_clock = 0;
            auto const before = std::chrono::steady_clock::now();
            error_code error;
            char byte;
            here.read_some_for(boost::asio::buffer(&byte, 1), error, 10ms);
            EXPECT_EQ(error, errc::timed_out);
            sleep_for(1ms);
            auto const took = std::chrono::steady_clock::now() - before;
            EXPECT_GE(took, 11ms);
            EXPECT_LT(took, 1h);
            test::say(there, "x");
            EXPECT_EQ(test::hear(here), "x");
            EXPECT_EQ(looks_at_the_wall_clock, 0);
        }
    });
}
