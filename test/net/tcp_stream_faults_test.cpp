// SPDX-License-Identifier: BSL-1.0
//
// Streams and listeners over a kernel that misbehaves: the table of system calls is replaced.
#include <harness/network.hpp>
#include <tendril/net/tcp_stream.hpp>
#include <tendril/support/system_calls.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace tendril;
using test::connected_pair;
using test::hear;
using test::hear_exactly;
using test::say;
namespace asio_error = boost::asio::error;

// What the replaced calls do; functions of the table can hold nothing.
struct {
    int failures_left = 0;
    int failure = 0;
    int calls = 0;
    std::size_t most_bytes = 0;
} script;

bool fails_now() {
    ++script.calls;
    if (script.failures_left > 0) {
        --script.failures_left;
        errno = script.failure;
        return true;
    }
    return false;
}

// Fails every second call with each of two errors in turn, and lets few bytes pass.
bool fails_in_turn() {
    ++script.calls;
    errno = script.calls % 4 == 0 ? EINTR : EAGAIN;
    return script.failure != 0 && script.calls % 2 == 0;
}

std::size_t passing(std::size_t size) { return std::min(size, script.most_bytes); }

// The kernel's table with some rows replaced, until the end of the scope.
struct scripted_kernel {
    system_calls table = real_kernel();
    replaced_system_calls in_place{table};

    scripted_kernel() { script = {}; }
};

struct stuttering_kernel : scripted_kernel {
    explicit stuttering_kernel(std::size_t most_bytes, bool with_errors) {
        script.most_bytes = most_bytes;
        script.failure = with_errors ? EAGAIN : 0;
        table.recv = [](int fd, void* data, std::size_t size, int flags) {
            return fails_in_turn() ? -1 : real_kernel().recv(fd, data, passing(size), flags);
        };
        table.send = [](int fd, void const* data, std::size_t size, int flags) {
            return fails_in_turn() ? -1 : real_kernel().send(fd, data, passing(size), flags);
        };
        table.sendmsg = [](int fd, msghdr const* message, int flags) {
            // A part of the first buffer: what a full kernel does.
            iovec const& first = message->msg_iov[0];
            return fails_in_turn()
                ? -1
                : real_kernel().send(fd, first.iov_base, passing(first.iov_len), flags);
        };
    }
};

struct failing_accept : scripted_kernel {
    failing_accept(int failure, int times) {
        script.failure = failure;
        script.failures_left = times;
        table.accept4 = [](int fd, sockaddr* address, socklen_t* size, int flags) {
            return fails_now() ? -1 : real_kernel().accept4(fd, address, size, flags);
        };
    }
};

// Exchanges messages of growing size and checks each answer.
void converse(int messages) {
    auto [here, there] = connected_pair();
    auto echo = spawn([&end = there] {
        for (std::string heard = hear(end); !heard.empty(); heard = hear(end)) {
            std::array<boost::asio::const_buffer, 2> const halves{
                boost::asio::buffer(heard.data(), heard.size() / 2),
                boost::asio::buffer(heard) + heard.size() / 2};
            end.write(halves);
        }
    });
    for (int number = 0; number < messages; ++number) {
        std::string const message = std::to_string(number) +
            std::string(static_cast<std::size_t>(number % 7), '.');
        say(here, message);
        ASSERT_EQ(hear_exactly(here, message.size()), message);
    }
    here.close();
    echo.join();
    EXPECT_TRUE(echo.succeeded());
}

void open_fails_with(error_code const& wanted, std::string const& address) {
    auto const bind = [] { tcp_listener::bind("127.0.0.1", 0); };
    EXPECT_EQ(test::code_of(bind), wanted);
    EXPECT_NE(test::text_of(bind).find(address), std::string::npos);
}

}  // namespace

TENDRIL_HUB_TEST(tcp, a_conversation_survives_a_kernel_that_gives_single_bytes) {
    stuttering_kernel const kernel{1, false};
    converse(100);
    EXPECT_GT(script.calls, 400);
}

TENDRIL_HUB_TEST(tcp, a_conversation_survives_interrupted_and_refused_calls) {
    stuttering_kernel const kernel{1000, true};
    converse(100);
    EXPECT_GT(script.calls, 400);
}

TENDRIL_HUB_TEST(tcp, a_conversation_survives_both_at_once) {
    stuttering_kernel const kernel{1, true};
    converse(100);
}

TENDRIL_HUB_TEST(tcp, a_storm_of_interrupted_calls_ends) {
    auto [here, there] = connected_pair();
    scripted_kernel kernel;
    script.failure = EINTR;
    script.failures_left = 1000;
    kernel.table.send = [](int fd, void const* data, std::size_t size, int flags) {
        return fails_now() ? -1 : real_kernel().send(fd, data, size, flags);
    };
    say(here, "through");
    EXPECT_EQ(script.failures_left, 0);
    EXPECT_EQ(hear(there), "through");
}

TENDRIL_HUB_TEST(tcp, a_kernel_without_memory_is_an_error_of_the_write) {
    auto [here, there] = connected_pair();
    scripted_kernel kernel;
    script.failure = ENOBUFS;
    script.failures_left = 1;
    kernel.table.send = [](int fd, void const* data, std::size_t size, int flags) {
        return fails_now() ? -1 : real_kernel().send(fd, data, size, flags);
    };
    EXPECT_EQ(test::write_error(here), asio_error::no_buffer_space);
    EXPECT_FALSE(test::write_error(here, "again").failed());
    EXPECT_EQ(hear(there), "again");
}

TENDRIL_HUB_TEST(tcp, a_kernel_without_memory_is_an_error_of_the_read) {
    auto [here, there] = connected_pair();
    say(here, "x");
    scripted_kernel kernel;
    script.failure = ENOMEM;
    script.failures_left = 1;
    kernel.table.recv = [](int fd, void* data, std::size_t size, int flags) {
        return fails_now() ? -1 : real_kernel().recv(fd, data, size, flags);
    };
    EXPECT_EQ(test::read_error(there), asio_error::no_memory);
    EXPECT_EQ(hear(there), "x");
}

// Asio does the next read itself and must know that the last one was short.
TENDRIL_HUB_TEST(tcp, a_read_goes_to_the_kernel_itself_after_one_that_filled_its_buffer) {
    auto [here, there] = connected_pair();
    say(here, "full and more");
    EXPECT_EQ(hear_exactly(there, 4), "full");
    EXPECT_EQ(hear_exactly(there, 4), " and");
    EXPECT_EQ(hear(there), " more");
    auto reader = spawn([&end = there] { return hear(end); });
    test::settle();
    say(here, "later");
    EXPECT_EQ(reader.get(), "later");
}

// Listening.

TENDRIL_HUB_TEST(tcp_listener, out_of_descriptors_is_an_error_and_the_next_accept_works) {
    for (int const failure : {EMFILE, ENFILE, ENOBUFS, ENOMEM}) {
        tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
        tcp_stream const client = tcp_stream::connect(listener.local_endpoint());
        failing_accept const kernel{failure, 1};
        error_code error;
        listener.accept(error);
        EXPECT_EQ(error.value(), failure);
        EXPECT_TRUE(listener.is_open());
        EXPECT_EQ(listener.accept().remote_endpoint(), client.local_endpoint());
    }
}

TENDRIL_HUB_TEST(tcp_listener, passes_over_connections_that_failed_in_the_queue) {
    for (int const failure :
         {ECONNABORTED, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH, EOPNOTSUPP,
          ENETUNREACH, EINTR, EPERM}) {
        tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
        tcp_stream const client = tcp_stream::connect(listener.local_endpoint());
        failing_accept const kernel{failure, 3};
        EXPECT_EQ(listener.accept().remote_endpoint(), client.local_endpoint()) << failure;
    }
}

TENDRIL_HUB_TEST(tcp_listener, a_storm_of_failed_connections_lets_others_run) {
    tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
    tcp_stream const client = tcp_stream::connect(listener.local_endpoint());
    failing_accept const kernel{ECONNABORTED, 2000};
    int turns = 0;
    auto other = spawn([&] {
        while (script.failures_left > 0) {
            ++turns;
            yield();
        }
    });
    EXPECT_TRUE(listener.accept().is_open());
    other.join();
    EXPECT_GT(turns, 10);
}

TENDRIL_HUB_TEST(tcp_listener, a_rule_that_forbids_every_connection_is_said) {
    tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
    failing_accept const kernel{EPERM, 2000};
    error_code error;
    EXPECT_FALSE(listener.accept(error).is_open());
    EXPECT_EQ(error.value(), EPERM);
}

TENDRIL_HUB_TEST(tcp_listener, a_connection_that_cannot_be_adopted_is_closed) {
    tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
    tcp_stream client = tcp_stream::connect(listener.local_endpoint());
    scripted_kernel kernel;
    kernel.table.getsockname = [](int, sockaddr*, socklen_t*) {
        errno = ENOBUFS;
        return -1;
    };
    error_code error;
    EXPECT_FALSE(listener.accept(error).is_open());
    EXPECT_EQ(error, asio_error::no_buffer_space);
    EXPECT_EQ(test::hear_all(client), "");
}

TENDRIL_HUB_TEST(tcp_listener, a_failed_socket_names_the_address) {
    scripted_kernel kernel;
    kernel.table.socket = [](int, int, int) {
        errno = EMFILE;
        return -1;
    };
    open_fails_with(asio_error::no_descriptors, "127.0.0.1:0");
}

TENDRIL_HUB_TEST(tcp_listener, a_failed_bind_names_the_address_and_closes_its_socket) {
    scripted_kernel kernel;
    kernel.table.bind = [](int, sockaddr const*, socklen_t) {
        errno = EACCES;
        return -1;
    };
    open_fails_with(asio_error::access_denied, "127.0.0.1:0");
}

TENDRIL_HUB_TEST(tcp_listener, a_failed_listen_names_the_address_and_closes_its_socket) {
    scripted_kernel kernel;
    kernel.table.listen = [](int, int) {
        errno = EADDRINUSE;
        return -1;
    };
    open_fails_with(asio_error::address_in_use, "127.0.0.1:0");
}

TENDRIL_HUB_TEST(tcp_listener, a_machine_without_ipv6_still_listens_at_every_address) {
    scripted_kernel kernel;
    kernel.table.socket = [](int domain, int type, int protocol) {
        errno = EAFNOSUPPORT;
        return domain == AF_INET6 ? -1 : real_kernel().socket(domain, type, protocol);
    };
    tcp_listener const listener = tcp_listener::bind("", 0);
    EXPECT_EQ(listener.local_endpoint().address().to_string(), "0.0.0.0");
}

// The protocol is there, but an administrator has taken its addresses away.
TENDRIL_HUB_TEST(tcp_listener, a_machine_with_ipv6_switched_off_does_so_too) {
    scripted_kernel kernel;
    kernel.table.bind = [](int fd, sockaddr const* address, socklen_t size) {
        errno = EADDRNOTAVAIL;
        return address->sa_family == AF_INET6 ? -1 : real_kernel().bind(fd, address, size);
    };
    tcp_listener const listener = tcp_listener::bind("", 0);
    EXPECT_EQ(listener.local_endpoint().address().to_string(), "0.0.0.0");
}

TENDRIL_HUB_TEST(tcp_listener, any_other_failure_at_every_address_is_not_tried_again) {
    scripted_kernel kernel;
    kernel.table.bind = [](int, sockaddr const*, socklen_t) {
        ++script.calls;
        errno = EACCES;
        return -1;
    };
    EXPECT_THROW(tcp_listener::bind("", 80), system_error);
    EXPECT_EQ(script.calls, 1);
}
