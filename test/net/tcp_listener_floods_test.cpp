// SPDX-License-Identifier: BSL-1.0
//
// Listeners that get more than they like: connections that are gone before they are accepted, and
// more of them than there are descriptors.
#include <harness/descriptor_limit.hpp>
#include <harness/network.hpp>
#include <harness/stress.hpp>
#include <tendril/net/tcp_listener.hpp>
#include <tendril/support/system_calls.hpp>

#include <boost/asio/error.hpp>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <string>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
namespace asio_error = boost::asio::error;

std::ptrdiff_t descriptors_in_use() {
    return std::distance(
        std::filesystem::directory_iterator{"/proc/self/fd"},
        std::filesystem::directory_iterator{});
}

// A kernel whose accept says the same so many times.
struct accept_that_fails {
    static inline int failures_left = 0;
    static inline int failure = 0;

    system_calls table = real_kernel();
    replaced_system_calls in_place{table};

    accept_that_fails(int count, int code) {
        failures_left = count;
        failure = code;
        table.accept4 = [](int fd, sockaddr* address, socklen_t* size, int flags) {
            if (failures_left > 0) {
                --failures_left;
                errno = failure;
                return -1;
            }
            return real_kernel().accept4(fd, address, size, flags);
        };
    }
};

// Connects and resets, so many times. Returns how many were seen by `serve` meanwhile.
void reset_often(tcp_endpoint const& address, int count) {
    for (int at = 0; at < count; ++at) {
        tcp_stream gone = tcp_stream::connect(address);
        test::reset(gone);
    }
}

}  // namespace

TENDRIL_HUB_TEST(tcp_listener, what_fails_before_it_is_accepted_is_passed_over) {
    tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
    for (int const failure :
         {ECONNABORTED, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH, EOPNOTSUPP,
          ENETUNREACH, EINTR, EPERM}) {
        accept_that_fails const kernel{3, failure};
        auto const here = tcp_stream::connect(listener.local_endpoint());
        EXPECT_EQ(listener.accept().remote_endpoint(), here.local_endpoint()) << failure;
        EXPECT_EQ(accept_that_fails::failures_left, 0);
    }
}

TENDRIL_HUB_TEST(tcp_listener, a_lack_is_told_and_leaves_the_connection_in_the_queue) {
    tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
    for (int const failure : {EMFILE, ENFILE, ENOBUFS, ENOMEM}) {
        accept_that_fails const kernel{1, failure};
        auto const here = tcp_stream::connect(listener.local_endpoint());
        error_code error;
        EXPECT_FALSE(listener.accept(error).is_open());
        EXPECT_EQ(error.value(), failure);
        EXPECT_EQ(listener.accept().remote_endpoint(), here.local_endpoint());
    }
}

TENDRIL_HUB_TEST(tcp_listener, a_flood_of_failures_lets_others_run_and_can_be_left) {
    tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
    accept_that_fails const kernel{1'000'000'000, ECONNABORTED};
    auto acceptor = spawn([&] { listener.accept(); });
    for (int turns = 0; turns < 10; ++turns) {
        yield();
    }
    EXPECT_FALSE(acceptor.done());
    acceptor.cancel();
    acceptor.join();
    EXPECT_TRUE(acceptor.was_cancelled());
    EXPECT_GT(accept_that_fails::failures_left, 0);
}

// Hazard H59.
TENDRIL_HUB_TEST(tcp_listener, a_storm_of_resets_leaves_no_descriptor_and_no_greenlet) {
    int const storms = test::laps(2'000, 50'000);
    tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
    std::ptrdiff_t const before = descriptors_in_use();
    std::size_t const greenlets = this_hub().statistics().greenlets;
    int accepted = 0;
    auto acceptor = spawn([&] {
        while (true) {
            spawn([&accepted, stream = listener.accept()]() mutable {
                ++accepted;
                EXPECT_TRUE(test::hear(stream).empty());
            });
        }
    });
    reset_often(listener.local_endpoint(), storms);
    test::settle();
    auto const here = tcp_stream::connect(listener.local_endpoint());
    test::settle();
    EXPECT_EQ(accepted, storms + 1);
    std::printf("%d connections were reset\n", storms);
    acceptor.cancel();
    acceptor.join();
    listener.close();
    EXPECT_EQ(this_hub().statistics().greenlets, greenlets + 1) << "the last one is served";
    EXPECT_EQ(descriptors_in_use(), before - 1 + 2);
}

TENDRIL_ORDERED_HUB_TEST(
    tcp_listener, a_plain_loop_that_waits_a_little_outlives_a_lack_of_descriptors) {
    tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
    int failures = 0;
    std::vector<tcp_stream> accepted;
    auto acceptor = spawn([&] {
        while (true) {
            error_code error;
            tcp_stream stream = listener.accept(error);
            if (error.failed()) {
                ++failures;
                sleep_for(100ms);
            } else {
                accepted.push_back(std::move(stream));
            }
        }
    });
    std::vector<tcp_stream> clients;
    for (int count = 0; count < 5; ++count) {
        clients.push_back(test::connect_at_once(listener.local_endpoint()));
    }
    {
        test::descriptors_left const two{2};
        sleep_for(1s);
        EXPECT_EQ(accepted.size(), 2U);
        EXPECT_EQ(failures, 10);
    }
    sleep_for(100ms);
    EXPECT_EQ(accepted.size(), 5U);
    acceptor.cancel();
    acceptor.join();
}
