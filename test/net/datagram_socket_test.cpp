// SPDX-License-Identifier: BSL-1.0
//
// Receiving and sending: sizes, limits, batches.
#include <harness/datagrams.hpp>
#include <tendril/net/datagram_socket.hpp>

#include <boost/asio/error.hpp>

#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::connected_sockets;
using test::post;
using test::settle;
using test::take;
using test::transcript;
namespace asio_error = boost::asio::error;

using place = datagram_place<udp_endpoint>;
using outgoing = outgoing_datagram<udp_endpoint>;

// Places for a batch, with their memory.
struct places_with_room {
    explicit places_with_room(std::size_t count, std::size_t size)
        : memory(count, std::string(size, '\0')) {
        for (std::string& each : memory) {
            places.push_back(place{.room = boost::asio::buffer(each)});
        }
    }
    transcript texts(std::size_t count) const {
        transcript all;
        for (std::size_t at = 0; at < count; ++at) {
            all.push_back(memory[at].substr(0, places[at].size));
        }
        return all;
    }
    std::vector<std::string> memory;
    std::vector<place> places;
};

std::vector<outgoing> numbered(std::vector<std::string> const& texts, udp_endpoint const& to) {
    std::vector<outgoing> all;
    for (std::string const& each : texts) {
        all.push_back({.data = boost::asio::buffer(each), .receiver = to});
    }
    return all;
}

}  // namespace

TENDRIL_HUB_TEST(datagram_socket, a_receiver_waits_while_others_run) {
    auto [here, there] = connected_sockets();
    auto receiver = spawn([&end = there] { return take(end); });
    settle();
    EXPECT_FALSE(receiver.done());
    post(here, "later");
    EXPECT_EQ(receiver.get(), "later");
}

TENDRIL_HUB_TEST(datagram_socket, datagrams_keep_their_bounds) {
    auto [here, there] = connected_sockets();
    post(here, "one");
    post(here, "two and more");
    EXPECT_EQ(take(there), "one");
    EXPECT_EQ(take(there), "two and more");
}

TENDRIL_HUB_TEST(datagram_socket, one_of_no_bytes_is_data_and_not_the_end) {
    auto [here, there] = connected_sockets();
    EXPECT_EQ(post(here, ""), 0U);
    post(here, "after");
    EXPECT_EQ(take(there), "");
    EXPECT_EQ(take(there), "after");
}

TENDRIL_HUB_TEST(datagram_socket, one_of_no_bytes_wakes_whoever_waits) {
    auto [here, there] = connected_sockets();
    auto receiver = spawn([&end = there] { return take(end); });
    settle();
    post(here, "");
    EXPECT_EQ(receiver.get(), "");
}

TENDRIL_HUB_TEST(datagram_socket, too_small_a_buffer_is_filled_and_an_error_says_so) {
    auto [here, there] = connected_sockets();
    post(here, "0123456789");
    std::array<char, 4> data{};
    udp_endpoint sender;
    error_code error;
    EXPECT_EQ(there.receive_from(boost::asio::buffer(data), sender, error), 4U);
    EXPECT_EQ(error, asio_error::message_size);
    EXPECT_EQ(std::string(data.data(), 4), "0123");
    EXPECT_EQ(sender, here.local_endpoint());
    post(here, "next");
    EXPECT_EQ(take(there), "next");
}

TENDRIL_HUB_TEST(datagram_socket, several_buffers_make_one_datagram_and_share_one) {
    auto [here, there] = connected_sockets();
    std::array<boost::asio::const_buffer, 3> const parts{
        boost::asio::buffer("ab", 2), boost::asio::buffer("", 0), boost::asio::buffer("cde", 3)};
    EXPECT_EQ(here.send(parts), 5U);
    std::array<char, 3> head{};
    std::array<char, 8> tail{};
    std::array<boost::asio::mutable_buffer, 2> const rooms{
        boost::asio::buffer(head), boost::asio::buffer(tail)};
    EXPECT_EQ(there.receive(rooms), 5U);
    EXPECT_EQ(std::string(head.data(), 3) + std::string(tail.data(), 2), "abcde");
}

TENDRIL_HUB_TEST(datagram_socket, too_many_buffers_are_misuse) {
    auto [here, there] = connected_sockets();
    std::vector<boost::asio::const_buffer> const parts(17, boost::asio::buffer("x", 1));
    EXPECT_THROW(here.send(parts), misuse);
}

TENDRIL_HUB_TEST(datagram_socket, the_throwing_forms_throw_the_same_code) {
    udp_socket closed;
    std::array<char, 4> data;
    udp_endpoint other;
    std::array<place, 1> places{};
    std::array<outgoing, 1> const datagrams{};
    EXPECT_EQ(test::code_of([&] { closed.receive(boost::asio::buffer(data)); }), errc::closed);
    EXPECT_EQ(
        test::code_of([&] { closed.receive_from(boost::asio::buffer(data), other); }),
        errc::closed);
    EXPECT_EQ(test::code_of([&] { closed.send(boost::asio::buffer(data)); }), errc::closed);
    EXPECT_EQ(
        test::code_of([&] { closed.send_to(boost::asio::buffer(data), other); }), errc::closed);
    EXPECT_EQ(test::code_of([&] { closed.receive_batch(places); }), errc::closed);
    EXPECT_EQ(test::code_of([&] { closed.send_batch(datagrams); }), errc::closed);
}

// Limits.

TENDRIL_HUB_TEST(datagram_socket, a_limit_ends_the_wait_and_the_next_call_goes_on) {
    auto [here, there] = connected_sockets();
    std::array<char, 8> data;
    auto const before = clock.now();
    EXPECT_EQ(
        test::code_of([&end = there, &data] { end.receive_for(boost::asio::buffer(data), 2s); }),
        errc::timed_out);
    EXPECT_EQ(clock.now() - before, 2s);
    post(here, "late");
    EXPECT_EQ(take(there), "late");
}

TENDRIL_HUB_TEST(datagram_socket, what_is_there_beats_a_limit_that_is_past) {
    auto [here, there] = connected_sockets();
    post(here, "there");
    std::array<char, 8> data;
    udp_endpoint sender;
    EXPECT_EQ(there.receive_from_for(boost::asio::buffer(data), sender, -1s), 5U);
    error_code error;
    EXPECT_EQ(there.receive_from_for(boost::asio::buffer(data), sender, error, 0s), 0U);
    EXPECT_EQ(error, errc::timed_out);
}

TENDRIL_HUB_TEST(datagram_socket, what_comes_at_the_moment_of_the_limit_is_not_lost) {
    for (auto const delay : {999ms, 1000ms, 1001ms}) {
        auto [here, there] = connected_sockets();
        this_hub().call_later(delay, [&end = here] { post(end, "at once"); });
        std::array<char, 8> data;
        error_code error;
        std::size_t const size = there.receive_for(boost::asio::buffer(data), error, 1s);
        if (error.failed()) {
            EXPECT_EQ(error, errc::timed_out);
            EXPECT_EQ(take(there), "at once");
        } else {
            EXPECT_EQ(std::string(data.data(), size), "at once");
        }
    }
}

// Batches.

TENDRIL_HUB_TEST(datagram_socket, a_batch_takes_what_is_there) {
    auto [here, there] = connected_sockets();
    post(here, "a");
    post(here, "");
    post(here, "too long");
    places_with_room rooms{8, 4};
    EXPECT_EQ(there.receive_batch(rooms.places), 3U);
    EXPECT_EQ(rooms.texts(3), (transcript{"a", "", "too "}));
    EXPECT_FALSE(rooms.places[0].truncated);
    EXPECT_TRUE(rooms.places[2].truncated);
    EXPECT_EQ(rooms.places[2].sender, here.local_endpoint());
    EXPECT_EQ(rooms.places[0].data().size(), 1U);
}

TENDRIL_HUB_TEST(datagram_socket, a_batch_waits_for_the_first_only) {
    auto [here, there] = connected_sockets();
    places_with_room rooms{8, 4};
    auto receiver = spawn([&end = there, &rooms] { return end.receive_batch(rooms.places); });
    settle();
    post(here, "one");
    EXPECT_EQ(receiver.get(), 1U);
    error_code error;
    EXPECT_EQ(there.receive_batch_for(rooms.places, error, 1s), 0U);
    EXPECT_EQ(error, errc::timed_out);
}

TENDRIL_HUB_TEST(datagram_socket, a_batch_has_bounds_and_loses_nothing_beyond_them) {
    udp_socket sender = udp_socket::bind("127.0.0.1", 0);
    udp_socket receiver = udp_socket::bind("127.0.0.1", 0);
    transcript texts;
    for (int number = 0; number < 50; ++number) {
        texts.push_back(std::to_string(number));
    }
    auto const datagrams = numbered(texts, receiver.local_endpoint());
    std::span<outgoing const> rest{datagrams};
    EXPECT_EQ(sender.send_batch(rest), udp_socket::most_in_batch);
    rest = rest.subspan(udp_socket::most_in_batch);
    EXPECT_EQ(sender.send_batch(rest), 50 - udp_socket::most_in_batch);
    places_with_room rooms{50, 4};
    std::span<place> places{rooms.places};
    std::size_t const received = receiver.receive_batch(places);
    EXPECT_EQ(received, udp_socket::most_in_batch);
    EXPECT_EQ(receiver.receive_batch(places.subspan(received)), 50 - received);
    EXPECT_EQ(rooms.texts(50), texts);
}

TENDRIL_HUB_TEST(datagram_socket, a_batch_of_a_connected_socket_goes_to_its_peer) {
    auto [here, there] = connected_sockets();
    std::array<outgoing, 2> const both{
        outgoing{.data = boost::asio::buffer("a", 1)},
        outgoing{.data = boost::asio::buffer("b", 1)}};
    EXPECT_EQ(here.send_batch(both), 2U);
    EXPECT_EQ(take(there), "a");
    EXPECT_EQ(take(there), "b");
}

TENDRIL_HUB_TEST(
    datagram_socket, a_batch_ends_before_one_that_cannot_be_sent_and_tells_of_it_next) {
    auto [here, there] = connected_sockets();
    std::string const large(70'000, 'x');
    std::array<outgoing, 3> const three{
        outgoing{.data = boost::asio::buffer("a", 1)}, outgoing{.data = boost::asio::buffer(large)},
        outgoing{.data = boost::asio::buffer("c", 1)}};
    std::span<outgoing const> const all{three};
    EXPECT_EQ(here.send_batch(all), 1U);
    error_code error;
    EXPECT_EQ(here.send_batch(all.subspan(1), error), 0U);
    EXPECT_EQ(error, asio_error::message_size);
    EXPECT_EQ(here.send_batch(all.subspan(2)), 1U);
    EXPECT_EQ(take(there), "a");
    EXPECT_EQ(take(there), "c");
}

TENDRIL_HUB_TEST(datagram_socket, an_empty_batch_waits_for_nothing) {
    auto [here, there] = connected_sockets();
    EXPECT_EQ(there.receive_batch({}), 0U);
    EXPECT_EQ(here.send_batch({}), 0U);
}
