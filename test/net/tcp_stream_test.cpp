// SPDX-License-Identifier: BSL-1.0
//
// What a stream does when nothing gets in its way.
#include <harness/network.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/net/tcp_stream.hpp>

#include <boost/asio/error.hpp>

#include <fcntl.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace tendril;
using test::connected_pair;
using test::hear;
using test::hear_all;
using test::hear_exactly;
using test::read_error;
using test::say;
using test::settle;
using test::write_error;
namespace asio_error = boost::asio::error;

constexpr std::size_t mebibyte = 1024 * 1024;

// A text in which every byte depends on its place.
std::string pattern(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t at = 0; at < size; ++at) {
        text[at] = static_cast<char>(at * 31 + at / 251);
    }
    return text;
}

bool is_on(int descriptor, int level, int name) {
    int value = 0;
    socklen_t size = sizeof value;
    ::getsockopt(descriptor, level, name, &value, &size);
    return value != 0;
}

// A connected descriptor that blocks, and the stream at the other end.
std::pair<int, tcp_stream> raw_connection() {
    tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
    tcp_endpoint const address = listener.local_endpoint();
    int const raw = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::connect(raw, address.data(), static_cast<socklen_t>(address.size())), 0);
    return {raw, listener.accept()};
}

bool is_closed(int descriptor) { return ::fcntl(descriptor, F_GETFD) == -1; }

}  // namespace

// Reading.

TENDRIL_HUB_TEST(tcp, a_read_brings_what_there_is) {
    auto [here, there] = connected_pair();
    say(here, "hello");
    char data[100];
    EXPECT_EQ(there.read_some(boost::asio::buffer(data)), 5U);
    EXPECT_EQ(std::string_view(data, 5), "hello");
}

TENDRIL_HUB_TEST(tcp, a_read_leaves_what_does_not_fit) {
    auto [here, there] = connected_pair();
    say(here, "hello");
    EXPECT_EQ(hear_exactly(there, 3), "hel");
    EXPECT_EQ(hear(there), "lo");
}

TENDRIL_HUB_TEST(tcp, a_read_waits_for_something_to_come) {
    auto [here, there] = connected_pair();
    auto reader = spawn([&end = there] { return hear(end); });
    settle();
    EXPECT_FALSE(reader.done());
    say(here, "late");
    EXPECT_EQ(reader.get(), "late");
}

TENDRIL_HUB_TEST(tcp, a_read_fills_the_buffers_with_room_in_their_order) {
    auto [here, there] = connected_pair();
    say(here, "hello");
    std::array<char, 3> first{};
    std::array<char, 3> second{};
    std::array<boost::asio::mutable_buffer, 3> const buffers{
        boost::asio::mutable_buffer{}, boost::asio::buffer(first), boost::asio::buffer(second)};
    EXPECT_EQ(there.read_some(buffers), 5U);
    EXPECT_EQ(std::string_view(first.data(), 3), "hel");
    EXPECT_EQ(std::string_view(second.data(), 2), "lo");
}

TENDRIL_HUB_TEST(tcp, a_read_into_no_room_returns_at_once_and_takes_nothing) {
    auto [here, there] = connected_pair();
    error_code error = io_error(errc::busy);
    EXPECT_EQ(there.read_some(boost::asio::mutable_buffer{}, error), 0U);
    EXPECT_FALSE(error.failed());
    say(here, "hello");
    EXPECT_EQ(there.read_some(std::array<boost::asio::mutable_buffer, 0>{}), 0U);
    EXPECT_EQ(hear(there), "hello");
}

TENDRIL_HUB_TEST(tcp, the_end_comes_after_all_that_was_written_and_stays) {
    auto [here, there] = connected_pair();
    say(here, "last words");
    here.close();
    EXPECT_EQ(hear(there), "last words");
    EXPECT_EQ(read_error(there), asio_error::eof);
    EXPECT_EQ(read_error(there), asio_error::eof);
}

TENDRIL_HUB_TEST(tcp, an_end_that_a_reader_has_waited_for_stays_too) {
    auto [here, there] = connected_pair();
    auto reader = spawn([&end = there] { return read_error(end); });
    settle();
    here.close();
    EXPECT_EQ(reader.get(), asio_error::eof);
    EXPECT_EQ(read_error(there), asio_error::eof);
    EXPECT_EQ(read_error(there), asio_error::eof);
}

TENDRIL_HUB_TEST(tcp, a_read_after_a_reset_that_was_told_finds_the_end) {
    auto [here, there] = connected_pair();
    auto reader = spawn([&end = there] { return read_error(end); });
    settle();
    test::reset(here);
    EXPECT_EQ(reader.get(), asio_error::connection_reset);
    EXPECT_EQ(read_error(there), asio_error::eof);
}

TENDRIL_HUB_TEST(tcp, an_error_is_thrown_where_no_code_is_taken) {
    auto [here, there] = connected_pair();
    here.close();
    char data[1];
    EXPECT_EQ(
        test::code_of([&end = there, &data] { end.read_some(boost::asio::buffer(data)); }),
        asio_error::eof);
}

TENDRIL_HUB_TEST(tcp, a_success_clears_the_code) {
    auto [here, there] = connected_pair();
    error_code error = io_error(errc::busy);
    here.write(boost::asio::buffer("x", 1), error);
    EXPECT_FALSE(error.failed());
    error = io_error(errc::busy);
    char data[1];
    there.read_some(boost::asio::buffer(data), error);
    EXPECT_FALSE(error.failed());
}

// Writing.

TENDRIL_HUB_TEST(tcp, a_write_returns_when_all_has_left) {
    auto [here, there] = connected_pair();
    std::string const sent = pattern(2 * mebibyte);
    auto reader = spawn([&end = there] { return hear_all(end); });
    EXPECT_EQ(here.write(boost::asio::buffer(sent)), sent.size());
    here.close();
    EXPECT_EQ(reader.get(), sent);
}

TENDRIL_HUB_TEST(tcp, a_write_some_returns_when_a_part_has_left) {
    auto [here, there] = connected_pair();
    std::string const sent = pattern(32 * mebibyte);
    std::size_t const size = here.write_some(boost::asio::buffer(sent));
    EXPECT_GT(size, 0U);
    EXPECT_LT(size, sent.size());
    EXPECT_EQ(hear_exactly(there, size), sent.substr(0, size));
}

TENDRIL_HUB_TEST(tcp, a_write_takes_more_buffers_than_one_call_of_the_system) {
    auto [here, there] = connected_pair();
    std::string const whole = pattern(40 * 50);
    std::vector<boost::asio::const_buffer> parts;
    for (std::size_t at = 0; at < whole.size(); at += 50) {
        parts.push_back(boost::asio::buffer(whole.data() + at, 50));
        parts.push_back({});
    }
    EXPECT_EQ(here.write(parts), whole.size());
    EXPECT_EQ(hear_exactly(there, whole.size()), whole);
}

TENDRIL_HUB_TEST(tcp, large_buffers_are_written_one_behind_the_other) {
    auto [here, there] = connected_pair();
    std::string const whole = pattern(40 * 100'000);
    std::vector<boost::asio::const_buffer> parts;
    for (std::size_t at = 0; at < whole.size(); at += 100'000) {
        parts.push_back(boost::asio::buffer(whole.data() + at, 100'000));
    }
    auto reader = spawn([&end = there, size = whole.size()] { return hear_exactly(end, size); });
    EXPECT_EQ(here.write(parts), whole.size());
    EXPECT_TRUE(reader.get() == whole);
}

TENDRIL_HUB_TEST(tcp, writing_nothing_succeeds_and_sends_nothing) {
    auto [here, there] = connected_pair();
    error_code error = io_error(errc::busy);
    EXPECT_EQ(here.write(boost::asio::const_buffer{}, error), 0U);
    EXPECT_FALSE(error.failed());
    EXPECT_EQ(here.write_some(std::vector<boost::asio::const_buffer>{}, error), 0U);
    here.close();
    EXPECT_EQ(hear_all(there), "");
}

TENDRIL_HUB_TEST(tcp, eight_mebibytes_cross_in_both_directions_at_once) {
    auto [here, there] = connected_pair();
    std::string const one = pattern(8 * mebibyte);
    std::string const other(8 * mebibyte, 'o');
    auto const write = [](tcp_stream& end, std::string const& text) { say(end, text); };
    auto writes_here = spawn(write, std::ref(here), std::cref(one));
    auto writes_there = spawn(write, std::ref(there), std::cref(other));
    auto reads_there = spawn([&end = there, size = one.size()] { return hear_exactly(end, size); });
    EXPECT_TRUE(hear_exactly(here, other.size()) == other);
    EXPECT_TRUE(reads_there.get() == one);
    writes_here.join();
    writes_there.join();
}

// The end of a connection.

TENDRIL_HUB_TEST(tcp, one_direction_can_end_before_the_other) {
    auto [here, there] = connected_pair();
    say(here, "question");
    here.shutdown_send();
    EXPECT_EQ(hear_all(there), "question");
    say(there, "answer");
    EXPECT_EQ(hear(here), "answer");
    EXPECT_TRUE(here.is_open());
}

TENDRIL_HUB_TEST(tcp, a_write_after_shutdown_send_is_an_error_and_no_signal) {
    auto [here, there] = connected_pair();
    here.shutdown_send();
    EXPECT_EQ(write_error(here), asio_error::broken_pipe);
}

TENDRIL_HUB_TEST(tcp, a_reset_by_the_peer_is_told_to_the_reader_and_the_writer) {
    auto [here, there] = connected_pair();
    test::reset(here);
    EXPECT_EQ(read_error(there), asio_error::connection_reset);
    EXPECT_EQ(write_error(there), asio_error::broken_pipe);
}

TENDRIL_HUB_TEST(tcp, a_reset_wakes_whoever_waits_for_room) {
    auto [here, there] = connected_pair();
    test::fill(there);
    auto writer = spawn([&end = there] { return write_error(end); });
    settle();
    EXPECT_FALSE(writer.done());
    test::reset(here);
    EXPECT_EQ(writer.get(), asio_error::connection_reset);
}

TENDRIL_HUB_TEST(tcp, a_closed_stream_refuses_everything_and_closes_again) {
    auto [here, there] = connected_pair();
    here.close();
    here.close();
    EXPECT_FALSE(here.is_open());
    EXPECT_EQ(here.native_handle(), -1);
    EXPECT_EQ(read_error(here), errc::closed);
    EXPECT_EQ(write_error(here), errc::closed);
    EXPECT_EQ(test::code_of([&end = here] { end.shutdown_send(); }), errc::closed);
    EXPECT_EQ(test::code_of([&end = here] { end.local_endpoint(); }), errc::closed);
    EXPECT_EQ(test::code_of([&end = here] { end.remote_endpoint(); }), errc::closed);
}

TENDRIL_HUB_TEST(tcp, a_stream_that_was_never_connected_is_as_a_closed_one) {
    tcp_stream none;
    none.close();
    EXPECT_FALSE(none.is_open());
    EXPECT_EQ(none.native_handle(), -1);
    EXPECT_EQ(read_error(none), errc::closed);
    EXPECT_EQ(write_error(none), errc::closed);
    EXPECT_EQ(test::code_of([&] { none.shutdown_send(); }), errc::closed);
    EXPECT_EQ(test::code_of([&] { none.remote_endpoint(); }), errc::closed);
    EXPECT_THROW(none.get_executor(), misuse);
}

TENDRIL_HUB_TEST(tcp, a_stream_can_be_moved_and_leaves_an_unconnected_one_behind) {
    auto [here, there] = connected_pair();
    tcp_stream moved = std::move(here);
    say(moved, "moved");
    EXPECT_EQ(hear(there), "moved");
    EXPECT_EQ(write_error(here), errc::closed);
}

TENDRIL_HUB_TEST(tcp, assignment_closes_the_stream_that_was_there) {
    auto [here, there] = connected_pair();
    auto [other_here, other_there] = connected_pair();
    here = std::move(other_here);
    EXPECT_EQ(hear_all(there), "");
    say(here, "new");
    EXPECT_EQ(hear(other_there), "new");
}

TENDRIL_HUB_TEST(tcp, self_assignment_changes_nothing) {
    auto [here, there] = connected_pair();
    tcp_stream& same = here;
    here = std::move(same);
    say(here, "still there");
    EXPECT_EQ(hear(there), "still there");
}

// A stream may be a member of something that lives longer than the hub.
TENDRIL_TEST(tcp, a_stream_and_a_listener_may_outlive_their_hub) {
    tcp_stream open;
    tcp_stream closed;
    tcp_listener listener;
    tendril::run([&] {
        auto [here, there] = connected_pair();
        open = std::move(here);
        closed = std::move(there);
        closed.close();
        listener = tcp_listener::bind("127.0.0.1", 0);
    });
    EXPECT_FALSE(open.is_open() || closed.is_open() || listener.is_open());
    EXPECT_THROW(open.get_executor(), misuse);
    open.close();
}

// Connecting.

TENDRIL_HUB_TEST(tcp, both_ends_know_both_addresses) {
    auto [here, there] = connected_pair();
    EXPECT_EQ(here.local_endpoint(), there.remote_endpoint());
    EXPECT_EQ(here.remote_endpoint(), there.local_endpoint());
    EXPECT_TRUE(here.local_endpoint().address().is_loopback());
}

TENDRIL_HUB_TEST(tcp, small_writes_leave_at_once_from_both_ends) {
    auto [here, there] = connected_pair();
    EXPECT_TRUE(is_on(here.native_handle(), IPPROTO_TCP, TCP_NODELAY));
    EXPECT_TRUE(is_on(there.native_handle(), IPPROTO_TCP, TCP_NODELAY));
}

TENDRIL_HUB_TEST(tcp, no_descriptor_is_left_to_child_processes) {
    tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
    tcp_stream const here = tcp_stream::connect(listener.local_endpoint());
    tcp_stream const there = listener.accept();
    EXPECT_NE(::fcntl(here.native_handle(), F_GETFD) & FD_CLOEXEC, 0);
    EXPECT_NE(::fcntl(there.native_handle(), F_GETFD) & FD_CLOEXEC, 0);
}

TENDRIL_HUB_TEST(tcp, connects_to_a_number_and_a_port) {
    tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
    auto const here = tcp_stream::connect("127.0.0.1", listener.local_endpoint().port());
    EXPECT_TRUE(here.is_open());
}

TENDRIL_HUB_TEST(tcp, a_refused_connection_is_an_error_that_names_the_address) {
    tcp_endpoint const deserted = test::deserted_endpoint();
    auto const connect = [&] { tcp_stream::connect(deserted); };
    std::string const text = test::text_of(connect);
    EXPECT_EQ(test::code_of(connect), asio_error::connection_refused);
    EXPECT_NE(text.find(to_string(deserted)), std::string::npos) << text;
    EXPECT_FALSE(test::names_a_source(text)) << text;
}

TENDRIL_HUB_TEST(tcp, a_refused_connection_leaves_an_unconnected_stream) {
    error_code error;
    tcp_stream const none = tcp_stream::connect(test::deserted_endpoint(), error);
    EXPECT_EQ(error, asio_error::connection_refused);
    EXPECT_FALSE(none.is_open());
}

// Adopting.

TENDRIL_HUB_TEST(tcp, adopts_a_connected_descriptor) {
    auto [raw, there] = raw_connection();
    tcp_stream here = tcp_stream::adopt(raw);
    EXPECT_EQ(here.native_handle(), raw);
    say(there, "adopted");
    EXPECT_EQ(hear(here), "adopted");
}

TENDRIL_HUB_TEST(tcp, an_adopted_descriptor_no_longer_blocks) {
    auto [raw, there] = raw_connection();
    tcp_stream const here = tcp_stream::adopt(raw);
    EXPECT_NE(::fcntl(raw, F_GETFL) & O_NONBLOCK, 0);
}

TENDRIL_HUB_TEST(tcp, a_descriptor_that_is_no_socket_is_refused_and_closed) {
    int const file = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    error_code error;
    tcp_stream const none = tcp_stream::adopt(file, error);
    EXPECT_EQ(error.value(), ENOTSOCK);
    EXPECT_FALSE(none.is_open());
    EXPECT_TRUE(is_closed(file));
}

TENDRIL_HUB_TEST(tcp, a_descriptor_that_does_not_exist_is_refused) {
    auto const adopt = [] { tcp_stream::adopt(-1); };
    EXPECT_EQ(test::code_of(adopt).value(), EBADF);
    EXPECT_FALSE(test::names_a_source(test::text_of(adopt)));
}

// Starvation.

TENDRIL_HUB_TEST(tcp, ten_connections_that_always_have_data_do_not_starve_another) {
    int laps = 0;
    bool stop = false;
    std::vector<task<void>> busy;
    for (int number = 0; number < 10; ++number) {
        busy.push_back(spawn([&] {
            auto [here, there] = connected_pair();
            while (!stop && laps < 1'000'000) {
                ++laps;
                say(here, "x");
                hear_exactly(there, 1);
            }
        }));
    }
    auto [here, there] = connected_pair();
    auto const answers = spawn([&end = there] { test::echo(end); });
    int worst = 0;
    for (int ping = 0; ping < 20; ++ping) {
        int const before = laps;
        say(here, "?");
        hear_exactly(here, 1);
        worst = std::max(worst, laps - before);
    }
    stop = true;
    here.close();
    answers.join();
    for (task<void>& each : busy) {
        each.join();
    }
    EXPECT_LT(worst, 5000);
}
