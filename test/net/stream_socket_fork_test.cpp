// SPDX-License-Identifier: BSL-1.0
//
// Streams, listeners and datagram sockets of the parent in the child of a fork.
#include <harness/forking.hpp>
#include <harness/network.hpp>
#include <tendril/net/udp_socket.hpp>
#include <tendril/net/unix_socket.hpp>

#include <chrono>
#include <string>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::hear;
using test::holds_in_a_child;
using test::say;
using test::settle;

class fork_of_streams : public ::testing::TestWithParam<fork_descriptors> {
protected:
    void SetUp() override {
        if (!test::can_go_on_in_a_child) {
            GTEST_SKIP() << "ThreadSanitizer does not follow a process with threads into its child";
        }
    }
    void TearDown() override { EXPECT_EQ(before_.leaks(), ""); }

    static void reset() { this_hub().reset_after_fork(GetParam()); }

private:
    tendril::testing::leak_check before_;
};

TEST_P(fork_of_streams, one_that_nobody_uses_in_the_parent_goes_on_in_the_child) {
    run([] {
        auto [here, there] = test::connected_pair();
        // It has been waited for, so the parent's reactor knows it.
        auto reading = spawn([&end = here] { return hear(end); });
        settle();
        say(there, "one");
        EXPECT_EQ(reading.get(), "one");
        pid_t const child = ::fork();
        if (child == 0) {
            reset();
            say(here, "ready");
            bool const heard = hear(here) == "two";
            say(here, "three");
            test::end_child(heard);
        }
        EXPECT_EQ(hear(there), "ready");
        say(there, "two");
        EXPECT_EQ(hear(there), "three");
        EXPECT_TRUE(test::has_held(child));
        say(there, "four");
        EXPECT_EQ(hear(here), "four");
    });
}

TEST_P(fork_of_streams, a_reader_of_the_parent_is_not_busy_in_the_child_and_reads_on) {
    run([] {
        auto [here, there] = test::connected_pair();
        auto reading = spawn([&end = here] { return hear(end); });
        settle();
        EXPECT_TRUE(holds_in_a_child([&end = here] {
            reset();
            error_code error;
            char byte;
            end.read_some_for(boost::asio::buffer(&byte, 1), error, 1ms);
            end.close();
            return error == errc::timed_out;
        }));
        settle();
        EXPECT_FALSE(reading.done());
        say(there, "for the parent");
        EXPECT_EQ(reading.get(), "for the parent");
    });
}

TEST_P(fork_of_streams, the_peer_sees_the_end_when_both_have_closed) {
    run([] {
        auto [here, there] = test::connected_pair();
        auto reading = spawn([&end = there] { return hear(end); });
        settle();
        EXPECT_TRUE(holds_in_a_child([&end = here] {
            reset();
            end.close();
            return !end.is_open();
        }));
        settle();
        EXPECT_FALSE(reading.done());
        here.close();
        EXPECT_EQ(reading.get(), "");
    });
}

TEST_P(fork_of_streams, an_abort_in_the_child_does_not_make_the_parent_reset_the_connection) {
    run([] {
        auto [here, there] = test::connected_pair();
        EXPECT_TRUE(holds_in_a_child([&end = here] {
            reset();
            end.abort();
            return !end.is_open();
        }));
        linger lingers{};
        socklen_t size = sizeof lingers;
        EXPECT_EQ(::getsockopt(here.native_handle(), SOL_SOCKET, SO_LINGER, &lingers, &size), 0);
        EXPECT_EQ(lingers.l_onoff, 0);
        say(here, "last");
        here.close();
        EXPECT_EQ(test::hear_all(there), "last");
    });
}

TEST_P(fork_of_streams, a_listener_is_not_busy_in_the_child) {
    run([] {
        tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
        auto accepting = spawn([&] { return listener.accept(); });
        settle();
        EXPECT_TRUE(holds_in_a_child([&] {
            reset();
            error_code error;
            listener.accept_for(error, 1ms);
            bool const waited = error == errc::timed_out;
            listener.close();
            return waited;
        }));
        tcp_stream client = tcp_stream::connect(listener.local_endpoint());
        say(client, "x");
        tcp_stream accepted = std::move(accepting).get();
        EXPECT_EQ(hear(accepted), "x");
    });
}

TEST_P(fork_of_streams, a_datagram_socket_is_not_busy_in_the_child) {
    run([] {
        udp_socket socket = udp_socket::bind("127.0.0.1", 0);
        auto receiving = spawn([&] {
            char data[16];
            udp_endpoint sender;
            return socket.receive_from(boost::asio::buffer(data), sender);
        });
        settle();
        EXPECT_TRUE(holds_in_a_child([&] {
            reset();
            char data[16];
            udp_endpoint sender;
            error_code error;
            socket.receive_from_for(boost::asio::buffer(data), sender, error, 1ms);
            socket.close();
            return error == errc::timed_out;
        }));
        udp_socket other = udp_socket::bind("127.0.0.1", 0);
        other.send_to(boost::asio::buffer("x", 1), socket.local_endpoint());
        EXPECT_EQ(receiving.get(), 1U);
    });
}

TEST_P(fork_of_streams, a_broken_stream_is_broken_in_the_child) {
    run([] {
        auto [here, there] = test::connected_pair();
        auto writing = spawn([&end = here] {
            error_code error;
            end.write_for(boost::asio::buffer(std::string(16 << 20, 'x')), error, 1ms);
            return error;
        });
        EXPECT_EQ(writing.get(), errc::timed_out);
        error_code const in_parent = test::write_error(here);
        EXPECT_EQ(in_parent, errc::broken);
        EXPECT_TRUE(holds_in_a_child([&, &end = here] {
            reset();
            return test::write_error(end) == in_parent;
        }));
    });
}

INSTANTIATE_TEST_SUITE_P(
    both_ways, fork_of_streams,
    ::testing::Values(fork_descriptors::forget, fork_descriptors::keep));

}  // namespace
