// SPDX-License-Identifier: BSL-1.0
//
// Peers that fall silent, end, reset or stand still, in every state of a connection: the limit that
// was set fires in time, and nothing is left.
#include <harness/network.hpp>
#include <harness/other_process.hpp>
#include <harness/own_folder.hpp>
#include <harness/stress.hpp>
#include <tendril/io/buffered_reader.hpp>
#include <tendril/net/proxy_protocol.hpp>
#include <tendril/net/stream_socket.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <string>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using tendril::testing::leak_check;
using test::connected_pair;
using test::lateness_of;
namespace asio_error = boost::asio::error;

// What a peer does in the end.
enum class deed { is_silent, ends, resets };
constexpr std::array deeds{deed::is_silent, deed::ends, deed::resets};
constexpr std::array deed_names{"is silent", "ends", "resets"};

// In a state of a connection: what the peer has said so far, what we wait for then, and how that
// ends when the peer is silent, ends and resets.
struct peer_state {
    char const* name;
    char const* said;
    void (*wait)(tcp_stream& stream);
    std::array<error_code, 3> ends;
};

void write_much(tcp_stream& stream) {
    test::fill(stream);
    // Room may still appear when what was sent is acknowledged, but not for so much.
    stream.write(boost::asio::buffer(std::string(16 << 20, 'm')));
}
void send_much(tcp_stream& stream) {
    test::unnamed_file const file{std::string(16 << 20, 'f')};
    test::fill(stream);
    stream.send_file(file.descriptor());
}
void read_something(tcp_stream& stream) {
    char data[64];
    stream.read_some(boost::asio::buffer(data));
}
void end_and_wait_for_the_end(tcp_stream& stream) {
    stream.shutdown_send();
    read_something(stream);
}
void read_a_line(tcp_stream& stream) { buffered_reader{stream}.read_until("\n"); }
void read_a_body(tcp_stream& stream) { buffered_reader{stream}.read_exactly(100); }
void peek_a_head(tcp_stream& stream) { buffered_reader{stream}.peek(16); }

error_code const late = make_error_code(errc::timed_out);
error_code const cut = asio_error::eof;
error_code const broken_off = asio_error::connection_reset;

std::array const peer_states{
    peer_state{"before the first byte", "", read_something, {late, cut, broken_off}},
    peer_state{"in the middle of a line", "half a li", read_a_line, {late, cut, broken_off}},
    peer_state{"in the middle of a body", "half a body", read_a_body, {late, cut, broken_off}},
    peer_state{"in the middle of a head", "head", peek_a_head, {late, error_code{}, broken_off}},
    peer_state{"after our end", "", end_and_wait_for_the_end, {late, cut, broken_off}},
    // The end of what a peer sends is no reason not to go on sending.
    peer_state{"in the middle of a write", "", write_much, {late, late, broken_off}},
    peer_state{"in the middle of a file", "", send_much, {late, late, broken_off}},
};

void do_it(deed what, tcp_stream& peer) {
    if (what == deed::ends) {
        peer.shutdown_send();
    } else if (what == deed::resets) {
        test::reset(peer);
    }
}

// Is a peer that sends back what it hears, one connection after another, with nothing but the
// kernel's calls.
bool send_back_for_ever(int listener) {
    while (true) {
        int const connection = ::accept(listener, nullptr, nullptr);
        char data[256];
        for (ssize_t size = 1; size > 0;) {
            size = ::recv(connection, data, sizeof data, 0);
            size = size > 0 ? ::send(connection, data, static_cast<std::size_t>(size), MSG_NOSIGNAL)
                            : size;
        }
        ::close(connection);
    }
}

}  // namespace

TENDRIL_HUB_TEST(stream_socket_peers, the_limit_fires_in_time_in_every_state) {
    for (peer_state const& state : peer_states) {
        for (std::size_t which = 0; which < deeds.size(); ++which) {
            SCOPED_TRACE(std::string{state.name} + ", the peer " + deed_names[which]);
            leak_check const before;
            auto [here, there] = connected_pair();
            here.set_read_limit(3s);
            here.set_write_limit(3s);
            test::say(there, state.said);
            auto doing = spawn([&, &peer = there] {
                test::settle();
                do_it(deeds[which], peer);
            });
            auto const start = clock.elapsed();
            EXPECT_EQ(
                test::code_of([&, &stream = here] { state.wait(stream); }), state.ends[which]);
            bool const must_wait = state.ends[which] == late;
            EXPECT_EQ(clock.elapsed() - start, must_wait ? 3s : 0s);
            doing.join();
            here.close();
            there.close();
            EXPECT_EQ(before.leaks(), "");
        }
    }
}

TENDRIL_HUB_TEST(stream_socket_peers, a_connection_attempt_ends_whatever_the_other_side_does) {
    test::full_listener const full;
    auto const outcome = [](tcp_endpoint const& peer) {
        return test::code_of([&] { tcp_stream::connect_for(peer, 3s); });
    };
    EXPECT_EQ(outcome(full.endpoint()), late);
    EXPECT_EQ(clock.elapsed(), 3s);
    EXPECT_EQ(outcome(test::deserted_endpoint()), asio_error::connection_refused);
    tcp_listener closing = tcp_listener::bind("127.0.0.1", 0);
    tcp_stream forgotten = tcp_stream::connect_for(closing.local_endpoint(), 3s);
    closing.close();
    EXPECT_EQ(test::read_error(forgotten), broken_off);
    EXPECT_EQ(clock.elapsed(), 3s);
}

// Real time: it is another process that stands still, and the kernel that answers for it.
TENDRIL_TEST(stream_socket_peers, a_process_that_stands_still_costs_no_more_than_the_limit) {
    if (!test::can_go_on_in_a_child) {
        GTEST_SKIP() << "a child of a process with threads cannot go on under ThreadSanitizer";
    }
    int const listener = test::listening_descriptor();
    test::other_process peer{[&] { return send_back_for_ever(listener); }};
    tcp_endpoint const address{boost::asio::ip::address_v4::loopback(), test::port_of(listener)};
    constexpr std::chrono::milliseconds limit{20};
    std::string const much(16 << 20, 'm');
    run([&] {
        tcp_stream stream = tcp_stream::connect(address);
        test::say(stream, "hello");
        EXPECT_EQ(test::hear_exactly(stream, 5), "hello");
        ASSERT_TRUE(peer.stop());
        stream.set_read_limit(limit);
        test::say(stream, "are you there?");
        auto const read_late = lateness_of(limit, [&] { return test::read_error(stream) == late; });
        // The kernel takes connections and bytes on behalf of it, as long as there is room.
        auto const other_late = lateness_of(limit, [&] {
            tcp_stream other = tcp_stream::connect_for(address, 1s);
            other.set_read_limit(limit);
            return test::read_error(other) == late;
        });
        auto const write_late = lateness_of(limit, [&] {
            tcp_stream other = tcp_stream::connect_for(address, 1s);
            other.set_write_limit(limit);
            return test::write_error(other, much) == late;
        });
        peer.go_on();
        stream.set_read_limit(1h);
        EXPECT_EQ(test::hear_exactly(stream, 14), "are you there?");
        auto const worst = std::max({read_late, other_late, write_late});
        std::printf("late by %.1f ms\n", std::chrono::duration<double, std::milli>{worst}.count());
        EXPECT_LT(worst, 200ms);
    });
    ::close(listener);
}
