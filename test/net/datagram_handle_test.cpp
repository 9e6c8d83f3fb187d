// SPDX-License-Identifier: BSL-1.0
//
// What a greenlet learns that waits for a socket when somebody else closes, moves or wants it.
#include <harness/datagrams.hpp>
#include <tendril/hub/descriptor.hpp>
#include <tendril/net/datagram_handle.hpp>
#include <tendril/net/unix_datagram.hpp>

#include <boost/asio/socket_base.hpp>

#include <unistd.h>

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

namespace {

using namespace tendril;
using test::connected_sockets;
using test::post;
using test::receive_error;
using test::send_error;
using test::settle;
using test::socket_pair;
using test::take;
using test::transcript;

auto spawn_receiver(udp_socket& socket) {
    return spawn([&socket] { return receive_error(socket); });
}

// A socket whose peer takes nothing, so that who sends has to wait.
struct full_pair {
    unix_datagram sender;
    unix_datagram receiver;

    full_pair() {
        std::tie(sender, receiver) = unix_datagram::pair();
        test::fill_peer(sender);
    }
};

}  // namespace

// Two who want the same.

TENDRIL_HUB_TEST(datagram_handle, a_second_receiver_is_told_busy_and_the_first_receives_on) {
    auto [here, there] = connected_sockets();
    auto first = spawn([&end = there] { return take(end); });
    settle();
    EXPECT_EQ(receive_error(there), errc::busy);
    post(here, "for the first");
    EXPECT_EQ(first.get(), "for the first");
}

TENDRIL_HUB_TEST(datagram_handle, a_second_sender_is_told_busy_and_the_first_sends_on) {
    full_pair pair;
    auto first = spawn([&] { return send_error(pair.sender, "from the first"); });
    settle();
    EXPECT_EQ(send_error(pair.sender), errc::busy);
    test::drain(pair.receiver);
    EXPECT_FALSE(first.get().failed());
}

TENDRIL_HUB_TEST(datagram_handle, one_receives_while_another_sends) {
    full_pair pair;
    auto sender = spawn([&] { return send_error(pair.sender, "sent"); });
    auto receiver = spawn([&] { return take(pair.sender); });
    settle();
    post(pair.receiver, "received");
    EXPECT_EQ(receiver.get(), "received");
    EXPECT_FALSE(sender.done());
    test::drain(pair.receiver);
    EXPECT_FALSE(sender.get().failed());
}

TENDRIL_HUB_TEST(datagram_handle, a_receiver_that_has_left_makes_room_for_the_next) {
    auto [here, there] = connected_sockets();
    auto first = spawn([&end = there] { take(end); });
    settle();
    first.cancel();
    first.join();
    post(here, "for the second");
    EXPECT_EQ(take(there), "for the second");
}

// Closing.

TENDRIL_HUB_TEST(datagram_handle, closing_wakes_the_receiver_and_the_sender) {
    full_pair pair;
    auto sender = spawn([&] { return send_error(pair.sender); });
    auto receiver = spawn([&] { return receive_error(pair.sender); });
    settle();
    pair.sender.close();
    pair.sender.close();
    EXPECT_EQ(sender.get(), errc::closed);
    EXPECT_EQ(receiver.get(), errc::closed);
    EXPECT_EQ(receive_error(pair.sender), errc::closed);
    EXPECT_EQ(pair.sender.native_handle(), -1);
}

TENDRIL_HUB_TEST(datagram_handle, destroying_a_socket_wakes_its_receiver) {
    auto pair = std::make_unique<socket_pair>(connected_sockets());
    auto receiver = spawn_receiver(pair->there);
    settle();
    pair = nullptr;
    EXPECT_EQ(receiver.get(), errc::closed);
}

TENDRIL_HUB_TEST(datagram_handle, a_socket_may_be_destroyed_by_its_own_receiver) {
    auto [here, there] = connected_sockets();
    auto own = std::make_unique<udp_socket>(std::move(there));
    auto receiver = spawn([&] {
        std::string const text = take(*own);
        own = nullptr;
        return text;
    });
    settle();
    post(here, "the last");
    EXPECT_EQ(receiver.get(), "the last");
    EXPECT_EQ(own, nullptr);
}

TENDRIL_HUB_TEST(datagram_handle, releasing_wakes_the_receiver_and_gives_the_descriptor) {
    auto [here, there] = connected_sockets();
    auto receiver = spawn_receiver(there);
    settle();
    int const descriptor = there.release();
    EXPECT_EQ(receiver.get(), errc::closed);
    post(here, "x");
    char byte = 0;
    EXPECT_EQ(::read(descriptor, &byte, 1), 1);
    ::close(descriptor);
}

TENDRIL_HUB_TEST(datagram_handle, a_receiver_follows_a_socket_that_is_moved) {
    auto [here, there] = connected_sockets();
    auto receiver = spawn([&end = there] { return take(end); });
    settle();
    udp_socket const moved = std::move(there);
    post(here, "after the move");
    EXPECT_EQ(receiver.get(), "after the move");
}

TENDRIL_HUB_TEST(datagram_handle, a_receiver_of_a_socket_that_is_assigned_to_is_told_closed) {
    auto [here, there] = connected_sockets();
    auto [other_here, other_there] = connected_sockets();
    auto receiver = spawn_receiver(there);
    settle();
    there = std::move(other_there);
    EXPECT_EQ(receiver.get(), errc::closed);
    post(other_here, "for the next");
    EXPECT_EQ(take(there), "for the next");
}

TENDRIL_HUB_TEST(datagram_handle, a_number_that_is_used_again_is_no_business_of_the_old_receiver) {
    auto [here, there] = connected_sockets();
    int const number = there.native_handle();
    auto old_receiver = spawn_receiver(there);
    settle();
    there.close();
    // The kernel gives the lowest number that is free.
    auto [new_here, new_there] = connected_sockets();
    EXPECT_TRUE(new_here.native_handle() == number || new_there.native_handle() == number);
    post(new_here, "for the new one");
    post(new_there, "for the other new one");
    EXPECT_EQ(old_receiver.get(), errc::closed);
    EXPECT_EQ(take(new_there), "for the new one");
    EXPECT_EQ(take(new_here), "for the other new one");
}

// The hub, and wrong places.

TENDRIL_TEST(datagram_handle, a_hub_that_closes_ends_who_waits_and_closes_the_socket) {
    std::optional<socket_pair> pair;
    std::string end;
    run([&] {
        pair = connected_sockets();
        auto const waiting = spawn([&] {
            end = test::interruption_of([&] { take(pair->there); });
            if (end == "exit") {
                throw greenlet_exit{};
            }
        });
        settle();
    });
    EXPECT_EQ(end, "exit");
    EXPECT_FALSE(pair->there.is_open());
    EXPECT_FALSE(pair->here.is_open());
    std::thread{[&] { pair.reset(); }}.join();
}

TENDRIL_HUB_TEST(datagram_handle, another_thread_is_refused) {
    auto [here, there] = connected_sockets();
    int refused = 0;
    std::thread{[&end = here, &refused] {
        std::function<void()> const calls[] = {
            [&] { take(end); },
            [&] { post(end, "x"); },
            [&] { end.release(); },
            [&] { end.close(); },
            [&] { end.connect_to(test::deserted_address()); },
            [&] { end.set_option(boost::asio::socket_base::broadcast{true}); },
            [&] {
                boost::asio::socket_base::broadcast option;
                end.get_option(option);
            }};
        for (auto const& call : calls) {
            try {
                call();
            } catch (wrong_thread const&) {
                ++refused;
            }
        }
    }}.join();
    EXPECT_EQ(refused, 7);
    post(here, "unharmed");
    EXPECT_EQ(take(there), "unharmed");
}

TENDRIL_HUB_TEST(datagram_handle, one_that_is_destroyed_in_another_thread_ends_the_program) {
    auto pair = connected_sockets();
    EXPECT_DEATH(
        std::thread{[&] { udp_socket const gone{std::move(pair.here)}; }}.join(),
        "destroyed on another thread");
}

TENDRIL_HUB_TEST(datagram_handle, a_callback_may_send_and_take_what_is_there_but_not_wait) {
    auto [here, there] = connected_sockets();
    transcript seen;
    post(there, "there");
    this_hub().call_soon([&end = here, &seen] {
        post(end, "from a callback");
        seen.push_back(take(end));
        seen.push_back(test::interruption_of([&] { take(end); }));
    });
    settle();
    EXPECT_EQ(take(there), "from a callback");
    ASSERT_EQ(seen.size(), 2U);
    EXPECT_EQ(seen[0], "there");
    EXPECT_NE(seen[1].find("callback"), std::string::npos) << seen[1];
    post(there, "unharmed");
    EXPECT_EQ(take(here), "unharmed");
}

TENDRIL_HUB_TEST(datagram_handle, options_are_set_and_read) {
    auto [here, there] = connected_sockets();
    here.set_option(boost::asio::socket_base::receive_buffer_size{32'768});
    boost::asio::socket_base::receive_buffer_size size;
    here.get_option(size);
    // The kernel doubles it, for what it needs itself.
    EXPECT_EQ(size.value(), 65'536);
    here.close();
    error_code error;
    here.get_option(size, error);
    EXPECT_EQ(error, errc::closed);
    here.set_option(size, error);
    EXPECT_EQ(error, errc::closed);
}
