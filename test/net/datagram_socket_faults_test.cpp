// SPDX-License-Identifier: BSL-1.0
//
// Datagram sockets over a kernel that misbehaves: the table of system calls is replaced.
#include <harness/datagrams.hpp>
#include <harness/signal_storm.hpp>
#include <harness/stress.hpp>
#include <tendril/net/datagram_socket.hpp>
#include <tendril/net/unix_datagram.hpp>
#include <tendril/support/system_calls.hpp>
#include <tendril/testing/failing_system_calls.hpp>

#include <boost/asio/error.hpp>

#include <fcntl.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <string>

namespace {

using namespace tendril;
using tendril::testing::failing_system_calls;
using tendril::testing::failure;
using test::connected_sockets;
using test::post;
using test::settle;
using test::take;
namespace asio_error = boost::asio::error;

// Fails two calls of three, with each of two errors in turn.
int calls_of_datagrams = 0;
bool fails_often() {
    ++calls_of_datagrams;
    errno = calls_of_datagrams % 3 == 0 ? EINTR : EAGAIN;
    return calls_of_datagrams % 3 != 1;
}

// A kernel that is interrupted, and says "later", most of the time.
struct hesitant_kernel {
    system_calls table = real_kernel();
    replaced_system_calls in_place{table};

    hesitant_kernel() {
        calls_of_datagrams = 0;
        table.recvmsg = [](int fd, msghdr* message, int flags) {
            return fails_often() ? -1 : real_kernel().recvmsg(fd, message, flags);
        };
        table.sendmsg = [](int fd, msghdr const* message, int flags) {
            return fails_often() ? -1 : real_kernel().sendmsg(fd, message, flags);
        };
        table.recvmmsg = [](int fd, mmsghdr* messages, unsigned count, int flags, timespec* limit) {
            return fails_often() ? -1 : real_kernel().recvmmsg(fd, messages, count, flags, limit);
        };
        table.sendmmsg = [](int fd, mmsghdr* messages, unsigned count, int flags) {
            return fails_often() ? -1 : real_kernel().sendmmsg(fd, messages, count, flags);
        };
    }
};

// Receives one datagram in a batch; what is wrong in brackets.
template <typename Socket>
std::string take_batch(Socket& socket) {
    std::array<char, 64> data;
    std::array<datagram_place<typename Socket::endpoint_type>, 2> places{};
    places[0].room = boost::asio::buffer(data);
    error_code error;
    std::size_t const count = socket.receive_batch(places, error);
    return count == 1 ? std::string{data.data(), places[0].size} : "(" + error.message() + ")";
}

template <typename Socket>
error_code send_batch(Socket& socket) {
    std::array<outgoing_datagram<typename Socket::endpoint_type>, 1> const one{
        {{.data = boost::asio::buffer("x", 1)}}};
    error_code error;
    socket.send_batch(one, error);
    return error;
}

}  // namespace

TENDRIL_HUB_TEST(datagram_faults, a_conversation_survives_interrupted_and_refused_calls) {
    auto [here, there] = connected_sockets();
    hesitant_kernel const kernel;
    auto echo = spawn([&end = there] {
        for (std::string text = take(end); text != "end"; text = take(end)) {
            post(end, text);
        }
    });
    for (int number = 0; number < 100; ++number) {
        post(here, std::to_string(number));
        ASSERT_EQ(take(here), std::to_string(number));
    }
    post(here, "end");
    echo.join();
    EXPECT_GT(calls_of_datagrams, 1000);
}

// One waits for room and the other for data, all the time.
TENDRIL_HUB_TEST(datagram_faults, a_conversation_survives_a_storm_of_signals) {
    auto [here, there] = unix_datagram::pair();
    test::signal_storm const storm;
    int const wanted = test::laps(20, 5000);
    int received = 0;
    auto receiver = spawn([&, &end = there] {
        for (std::string text = take(end); text != "end"; text = take(end)) {
            ASSERT_EQ(text, std::to_string(received));
            ++received;
        }
    });
    int sent = 0;
    while (test::signal_storm::count() < wanted) {
        post(here, std::to_string(sent));
        ++sent;
    }
    post(here, "end");
    receiver.join();
    EXPECT_EQ(received, sent);
    std::printf("%d datagrams under %d signals\n", sent, test::signal_storm::count());
}

TENDRIL_HUB_TEST(datagram_faults, batches_survive_interrupted_and_refused_calls) {
    auto [here, there] = connected_sockets();
    hesitant_kernel const kernel;
    for (int number = 0; number < 100; ++number) {
        ASSERT_FALSE(send_batch(here).failed());
        ASSERT_EQ(take_batch(there), "x");
    }
    EXPECT_GT(calls_of_datagrams, 500);
}

TENDRIL_HUB_TEST(datagram_faults, a_kernel_that_always_says_later_lets_others_run_and_can_be_left) {
    auto [here, there] = connected_sockets();
    post(here, "x");
    {
        failing_system_calls const storm{&system_calls::recvmsg, EAGAIN, 1, failure::for_ever};
        auto receiver = spawn([&end = there] { take(end); });
        // Between two looks at the reactor, the hub makes so many switches at most.
        for (int turn = 0; turn < 20'000; ++turn) {
            yield();
        }
        EXPECT_GT(storm.calls(), 5U);
        receiver.cancel();
        receiver.join();
        EXPECT_TRUE(receiver.was_cancelled());
    }
    EXPECT_EQ(take(there), "x");
}

TENDRIL_HUB_TEST(datagram_faults, a_storm_of_interrupted_calls_ends) {
    auto [here, there] = connected_sockets();
    system_calls table = real_kernel();
    calls_of_datagrams = 0;
    table.sendmsg = [](int fd, msghdr const* message, int flags) {
        errno = EINTR;
        return ++calls_of_datagrams < 1000 ? -1 : real_kernel().sendmsg(fd, message, flags);
    };
    replaced_system_calls const in_place{table};
    post(here, "through");
    EXPECT_EQ(take(there), "through");
}

TENDRIL_HUB_TEST(datagram_faults, calls_that_are_always_interrupted_do_not_hang) {
    auto [here, there] = connected_sockets();
    failing_system_calls const storm{&system_calls::recvmsg, EINTR, 1, failure::for_ever};
    EXPECT_EQ(test::receive_error(there), asio_error::interrupted);
}

TENDRIL_HUB_TEST(datagram_faults, other_errors_are_reported_once_and_nothing_is_lost) {
    auto [here, there] = connected_sockets();
    for (int const code : {ENOBUFS, ENOMEM, EPERM, ENETDOWN, EHOSTUNREACH}) {
        {
            failing_system_calls const next{&system_calls::sendmsg, code};
            EXPECT_EQ(test::send_error(here).value(), code);
        }
        {
            failing_system_calls const next{&system_calls::sendmmsg, code};
            EXPECT_EQ(send_batch(here).value(), code);
        }
        post(here, "x");
        {
            failing_system_calls const next{&system_calls::recvmsg, code};
            EXPECT_EQ(test::receive_error(there).value(), code);
        }
        {
            failing_system_calls const next{&system_calls::recvmmsg, code};
            EXPECT_NE(take_batch(there), "x");
        }
        EXPECT_EQ(take(there), "x");
    }
}

TENDRIL_HUB_TEST(datagram_faults, a_failed_socket_names_the_address_and_leaves_no_descriptor) {
    auto const bind = [] { udp_socket::bind("127.0.0.1", 0); };
    {
        failing_system_calls const next{&system_calls::socket, EMFILE};
        EXPECT_EQ(test::code_of(bind), asio_error::no_descriptors);
    }
    {
        failing_system_calls const next{&system_calls::bind, EACCES};
        EXPECT_NE(test::text_of(bind).find("127.0.0.1:0"), std::string::npos);
    }
    {
        failing_system_calls const next{&system_calls::connect, ENETUNREACH};
        EXPECT_EQ(
            test::code_of([] { udp_socket::connect("127.0.0.1", 9); }),
            asio_error::network_unreachable);
    }
    {
        failing_system_calls const next{&system_calls::socketpair, ENFILE};
        EXPECT_EQ(test::code_of([] { unix_datagram::pair(); }).value(), ENFILE);
    }
}

TENDRIL_HUB_TEST(datagram_faults, a_descriptor_that_cannot_be_adopted_is_closed) {
    auto const adopt = [](auto row) {
        int const descriptor = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        failing_system_calls const next{row, ENOBUFS};
        EXPECT_EQ(
            test::code_of([&] { udp_socket::adopt(descriptor); }), asio_error::no_buffer_space);
        EXPECT_EQ(::fcntl(descriptor, F_GETFD), -1);
    };
    adopt(&system_calls::getsockname);
    adopt(&system_calls::getsockopt);
}

TENDRIL_HUB_TEST(datagram_faults, options_and_groups_report_what_the_kernel_says) {
    udp_socket socket = udp_socket::bind("127.0.0.1", 0);
    failing_system_calls const next{&system_calls::setsockopt, ENODEV, 1, failure::for_ever};
    auto const group = boost::asio::ip::make_address("239.255.77.1");
    EXPECT_EQ(test::code_of([&] { socket.join_group(group); }).value(), ENODEV);
    EXPECT_EQ(
        test::code_of([&] {
            socket.set_option(boost::asio::socket_base::broadcast{true});
        }).value(),
        ENODEV);
}

TENDRIL_HUB_TEST(datagram_faults, a_stand_in_that_cannot_be_made_is_an_error_of_the_send) {
    unix_datagram sender = unix_datagram::bind({});
    unix_datagram receiver = unix_datagram::bind({});
    auto const address = receiver.local_endpoint();
    error_code error;
    test::fill_queue(address);
    {
        failing_system_calls const next{&system_calls::socket, EMFILE};
        sender.send_to(boost::asio::buffer("x", 1), address, error);
        EXPECT_EQ(error, asio_error::no_descriptors);
    }
    {
        failing_system_calls const next{&system_calls::connect, EPERM};
        sender.send_to(boost::asio::buffer("x", 1), address, error);
        EXPECT_EQ(error.value(), EPERM);
    }
    {
        failing_system_calls const next{&system_calls::epoll_ctl, ENOMEM};
        sender.send_to(boost::asio::buffer("x", 1), address, error);
        EXPECT_EQ(error, asio_error::no_memory);
    }
    take(receiver);
    sender.send_to(boost::asio::buffer("x", 1), address, error);
    EXPECT_FALSE(error.failed());
}
