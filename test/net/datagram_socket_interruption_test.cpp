// SPDX-License-Identifier: BSL-1.0
//
// A greenlet that waits for a datagram, or for room, is ended from outside. No datagram is lost.
#include <harness/datagrams.hpp>
#include <harness/stress.hpp>
#include <tendril/net/datagram_socket.hpp>
#include <tendril/net/unix_datagram.hpp>

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::connected_sockets;
using test::interruption_of;
using test::post;
using test::settle;
using test::take;
using test::transcript;

}  // namespace

TENDRIL_HUB_TEST(datagram_interruption, cancel_kill_and_a_timeout_end_the_wait) {
    auto [here, there] = connected_sockets();
    std::string end;
    auto receiver = spawn(
        [&socket = there, &end] { end = interruption_of([&] { take(socket); }); });
    settle();
    receiver.cancel();
    receiver.join();
    EXPECT_EQ(end, "cancelled");
    EXPECT_EQ(
        interruption_of([&socket = there] {
            timeout const limit{1s};
            take(socket);
        }),
        "timed out");
    post(here, "unharmed");
    EXPECT_EQ(take(there), "unharmed");
}

TENDRIL_HUB_TEST(datagram_interruption, one_that_is_to_end_takes_and_sends_nothing) {
    auto [here, there] = connected_sockets();
    post(here, "stays");
    task<void> one;
    one = spawn([&end = there, &one] {
        one.cancel();
        take(end);
    });
    one.join();
    EXPECT_TRUE(one.was_cancelled());
    task<void> another;
    another = spawn([&end = here, &another] {
        another.cancel();
        post(end, "never");
    });
    another.join();
    EXPECT_EQ(take(there), "stays");
    std::array<char, 8> data;
    error_code error;
    there.receive_for(boost::asio::buffer(data), error, 1s);
    EXPECT_EQ(error, errc::timed_out);
}

TENDRIL_HUB_TEST(datagram_interruption, ending_the_receiver_does_not_disturb_the_sender) {
    auto [here, there] = unix_datagram::pair();
    test::fill_peer(here);
    auto receiver = spawn([&end = here] { return take(end); });
    auto sender = spawn([&end = here] { return test::send_error(end); });
    settle();
    receiver.cancel();
    receiver.join();
    settle();
    EXPECT_FALSE(sender.done());
    test::drain(there);
    EXPECT_FALSE(sender.get().failed());
}

// A datagram and an end in the same moment, in every order. Either the receive returns it and the
// end is delivered later, or the next receive finds it.

namespace {

// Lets `turns` turns of the loop pass between the steps.
transcript race_of_datagrams(std::vector<int> const& order, int turns) {
    auto [here, there] = connected_sockets();
    std::string got;
    auto receiver = spawn([&end = there, &got] { got = take(end); });
    settle();
    for (int const step : order) {
        switch (step) {
        case 0:
            post(here, "datagram");
            break;
        case 1:
            receiver.cancel();
            break;
        default:
            this_hub().context().poll();
        }
        for (int turn = 0; turn < turns; ++turn) {
            yield();
        }
    }
    receiver.join();
    if (got.empty()) {
        got = take(there);
    }
    return {got, receiver.was_cancelled() || receiver.succeeded() ? "ended" : "failed"};
}

}  // namespace

TENDRIL_HUB_TEST(datagram_interruption, one_that_comes_with_the_end_of_its_receiver_is_never_lost) {
    std::vector<int> order{0, 1, 2};
    do {
        for (int turns = 0; turns < 4; ++turns) {
            EXPECT_EQ(race_of_datagrams(order, turns), (transcript{"datagram", "ended"}))
                << order[0] << order[1] << order[2] << " with " << turns << " turns";
        }
    } while (std::next_permutation(order.begin(), order.end()));
}

TENDRIL_HUB_TEST(datagram_interruption, many_ends_in_the_turn_of_a_datagram_lose_none) {
    auto [here, there] = connected_sockets();
    int const rounds = test::laps(1000, 100'000);
    int received = 0;
    for (int round = 0; round < rounds; ++round) {
        auto receiver = spawn([&end = there, &received] { received += take(end) == "x" ? 1 : 0; });
        settle();
        this_hub().call_soon([&end = here, &receiver, round] {
            if (round % 2 == 0) {
                receiver.cancel();
            }
            post(end, "x");
            if (round % 2 != 0) {
                receiver.cancel();
            }
        });
        receiver.join();
        if (received == round) {
            received += take(there) == "x" ? 1 : 0;
        }
        ASSERT_EQ(received, round + 1);
    }
    std::printf("%d datagrams met the end of their receiver\n", rounds);
}

TENDRIL_HUB_TEST(datagram_interruption, a_batch_that_is_ended_leaves_all_to_the_next) {
    auto [here, there] = connected_sockets();
    std::array<std::array<char, 8>, 4> memory;
    std::array<datagram_place<udp_endpoint>, 4> places;
    for (std::size_t at = 0; at < places.size(); ++at) {
        places[at].room = boost::asio::buffer(memory[at]);
    }
    auto receiver = spawn([&end = there, &places] { end.receive_batch(places); });
    settle();
    receiver.cancel();
    post(here, "a");
    post(here, "b");
    receiver.join();
    EXPECT_TRUE(receiver.was_cancelled());
    EXPECT_EQ(there.receive_batch(places), 2U);
}

TENDRIL_HUB_TEST(datagram_interruption, an_end_after_the_close_finds_the_close) {
    auto [here, there] = connected_sockets();
    transcript seen;
    auto receiver = spawn([&end = there, &seen] {
        seen.push_back(test::receive_error(end) == errc::closed ? "closed" : "something else");
        seen.push_back(interruption_of([] { yield(); }));
    });
    settle();
    there.close();
    receiver.cancel();
    receiver.join();
    EXPECT_EQ(seen, (transcript{"closed", "cancelled"}));
}
