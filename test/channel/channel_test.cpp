// SPDX-License-Identifier: BSL-1.0
#include <harness/tasks.hpp>
#include <tendril/channel/channel.hpp>

#include <memory>
#include <optional>
#include <stdexcept>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::attempt;
using test::outcome_of;
using test::start;
using test::transcript;

constexpr char const* is_closed = "the channel is closed";

// Throws when it is moved while its switch is on.
struct brittle {
    brittle(int n, bool const* on) : number{n}, breaks{on} {}
    brittle(brittle&& other) : number{other.number}, breaks{other.breaks} {
        if (*breaks) {
            throw std::runtime_error{"broken on the way"};
        }
    }

    int number;
    bool const* breaks;
};

}  // namespace

TENDRIL_HUB_TEST(channel, values_leave_in_the_order_they_came) {
    channel<int> ch{2};
    ch.send(1);
    ch.send(2);
    EXPECT_EQ(ch.size(), 2U);
    EXPECT_EQ(ch.capacity(), 2U);
    EXPECT_EQ(ch.receive(), 1);
    EXPECT_EQ(ch.receive(), 2);
}

TENDRIL_HUB_TEST(channel, send_and_receive_do_not_switch_when_they_need_not_wait) {
    channel<int> ch{2};
    std::uint64_t const switches = this_hub().statistics().switches;
    ch.send(1);
    EXPECT_TRUE(ch.send_for(1s, 2));
    EXPECT_EQ(ch.receive(), 1);
    EXPECT_EQ(ch.receive_for(1s), 2);
    EXPECT_EQ(this_hub().statistics().switches, switches);
}

TENDRIL_ORDERED_HUB_TEST(channel, values_go_to_receivers_in_the_order_they_came) {
    channel<int> ch;
    transcript seen;
    for (char const* word : {"a", "b", "c"}) {
        spawn([&, word] { seen.push_back(word + std::to_string(ch.receive())); });
    }
    yield();
    for (int number = 1; number <= 3; ++number) {
        EXPECT_TRUE(ch.try_send(number));
    }
    yield();
    EXPECT_EQ(seen, (transcript{"a1", "b2", "c3"}));
}

TENDRIL_ORDERED_HUB_TEST(channel, values_of_senders_enter_in_the_order_they_came) {
    channel<int> ch{1};
    for (int number = 0; number < 4; ++number) {
        spawn([&, number] { ch.send(number); });
    }
    yield();
    for (int number = 0; number < 4; ++number) {
        EXPECT_EQ(ch.try_receive(), number);
    }
    EXPECT_EQ(ch.try_receive(), std::nullopt);
}

TENDRIL_HUB_TEST(channel, takes_what_can_only_be_moved) {
    channel<std::unique_ptr<int>> ch{1};
    ch.send(std::make_unique<int>(1));
    auto second = std::make_unique<int>(2);
    EXPECT_FALSE(ch.try_send(std::move(second)));
    EXPECT_NE(second, nullptr) << "a value that is refused is unchanged";
    EXPECT_EQ(*ch.receive(), 1);
}

// Rendezvous.

TENDRIL_HUB_TEST(channel, without_capacity_nothing_is_stored) {
    channel<int> ch;
    EXPECT_FALSE(ch.try_send(1));
    EXPECT_EQ(ch.try_receive(), std::nullopt);
    EXPECT_EQ(ch.capacity(), 0U);
}

TENDRIL_HUB_TEST(channel, a_send_without_capacity_returns_when_the_value_was_taken) {
    channel<int> ch;
    attempt sending;
    start(sending, [&] { ch.send(7); });
    sleep_for(1s);
    EXPECT_EQ(sending.outcome, "waits");
    EXPECT_EQ(ch.receive(), 7);
    yield();
    EXPECT_EQ(sending.outcome, "returned");
}

TENDRIL_HUB_TEST(channel, who_receives_runs_before_the_sender_that_waited_for_it) {
    channel<int> ch;
    transcript seen;
    spawn([&] {
        ch.send(1);
        seen.push_back("sent");
    });
    yield();
    ch.receive();
    seen.push_back("received");
    yield();
    EXPECT_EQ(seen, (transcript{"received", "sent"}));
}

TENDRIL_HUB_TEST(channel, a_value_goes_to_a_waiting_receiver_and_send_does_not_switch) {
    channel<int> ch;
    task<int> receiving = spawn([&] { return ch.receive(); });
    yield();
    std::uint64_t const switches = this_hub().statistics().switches;
    ch.send(7);
    EXPECT_EQ(this_hub().statistics().switches, switches);
    EXPECT_EQ(receiving.get(), 7);
}

// Limits.

TENDRIL_HUB_TEST(channel, send_for_gives_up_at_its_limit_and_has_not_sent) {
    channel<int> ch;
    EXPECT_FALSE(ch.send_for(5ms, 1));
    EXPECT_FALSE(ch.send_until(clock.now() + 5ms, 1));
    EXPECT_EQ(clock.elapsed(), 10ms);
    EXPECT_EQ(ch.try_receive(), std::nullopt);
}

TENDRIL_HUB_TEST(channel, receive_for_gives_up_at_its_limit) {
    channel<int> ch{1};
    EXPECT_EQ(ch.receive_for(5ms), std::nullopt);
    EXPECT_EQ(ch.receive_until(clock.now() + 5ms), std::nullopt);
    EXPECT_EQ(clock.elapsed(), 10ms);
    EXPECT_TRUE(ch.try_send(1));
}

TENDRIL_HUB_TEST(channel, receive_takes_any_duration) {
    channel<int> ch;
    auto const comes = [&](auto limit) { return ch.receive_for(limit).has_value(); };
    test::expect_no_time_is_enough(clock, comes);
    test::expect_an_age_is_enough(comes, [&] { ch.try_send(1); });
}

TENDRIL_HUB_TEST(channel, send_takes_any_duration) {
    channel<int> ch;
    auto const goes = [&](auto limit) { return ch.send_for(limit, 1); };
    test::expect_no_time_is_enough(clock, goes);
    test::expect_an_age_is_enough(goes, [&] { ch.try_receive(); });
}

// The end.

TENDRIL_HUB_TEST(channel, what_is_in_it_can_be_received_after_the_end) {
    channel<int> ch{3};
    ch.send(1);
    ch.send(2);
    ch.close();
    ch.close();
    EXPECT_TRUE(ch.closed());
    EXPECT_EQ(ch.receive(), 1);
    EXPECT_EQ(ch.try_receive(), 2);
    EXPECT_EQ(outcome_of([&] { ch.receive(); }), is_closed);
    EXPECT_EQ(outcome_of([&] { ch.receive_for(1s); }), is_closed);
    EXPECT_EQ(outcome_of([&] { ch.try_receive(); }), is_closed);
    EXPECT_EQ(ch.next(), std::nullopt);
    EXPECT_EQ(clock.elapsed(), 0s);
}

TENDRIL_HUB_TEST(channel, nothing_can_be_sent_after_the_end) {
    channel<int> ch{3};
    ch.close();
    EXPECT_EQ(outcome_of([&] { ch.send(1); }), is_closed);
    EXPECT_EQ(outcome_of([&] { ch.try_send(1); }), is_closed);
    EXPECT_EQ(outcome_of([&] { ch.send_for(1s, 1); }), is_closed);
    EXPECT_EQ(ch.size(), 0U);
}

TENDRIL_ORDERED_HUB_TEST(channel, the_end_reaches_all_who_wait_to_receive) {
    channel<int> ch;
    attempt plain;
    attempt limited;
    start(plain, [&] { ch.receive(); });
    start(limited, [&] { ch.receive_for(1h); });
    task<bool> last = spawn([&] { return ch.next().has_value(); });
    yield();
    ch.close();
    EXPECT_FALSE(last.get());
    EXPECT_EQ(plain.outcome, is_closed);
    EXPECT_EQ(limited.outcome, is_closed);
    EXPECT_EQ(clock.elapsed(), 0s);
}

TENDRIL_HUB_TEST(channel, the_end_reaches_all_who_wait_to_send_and_their_values_are_not_sent) {
    channel<int> ch{1};
    ch.send(1);
    attempt plain;
    attempt limited;
    start(plain, [&] { ch.send(2); });
    start(limited, [&] { ch.send_for(1h, 3); });
    yield();
    ch.close();
    yield();
    EXPECT_EQ(plain.outcome, is_closed);
    EXPECT_EQ(limited.outcome, is_closed);
    EXPECT_EQ(ch.receive(), 1);
    EXPECT_EQ(ch.next(), std::nullopt);
}

TENDRIL_HUB_TEST(channel, a_loop_over_it_ends_at_the_end) {
    channel<std::unique_ptr<int>> ch{1};
    spawn([&] {
        for (int number = 1; number <= 3; ++number) {
            ch.send(std::make_unique<int>(number));
        }
        ch.close();
    });
    std::vector<int> seen;
    for (std::unique_ptr<int> number : ch) {
        seen.push_back(*number);
    }
    EXPECT_EQ(seen, (std::vector{1, 2, 3}));
}

// Values that break.

TENDRIL_HUB_TEST(channel, a_value_that_breaks_on_its_way_in_is_not_sent) {
    bool breaks = true;
    channel<brittle> ch{1};
    EXPECT_EQ(outcome_of([&] { ch.try_send(brittle{1, &breaks}); }), "broken on the way");
    EXPECT_EQ(ch.size(), 0U);
}

TENDRIL_HUB_TEST(channel, a_value_that_breaks_on_its_way_out_stays_in_it) {
    bool breaks = false;
    channel<brittle> ch{1};
    ch.try_send(brittle{1, &breaks});
    breaks = true;
    EXPECT_EQ(outcome_of([&] { ch.try_receive(); }), "broken on the way");
    breaks = false;
    EXPECT_EQ(ch.receive().number, 1);
}

TENDRIL_HUB_TEST(channel, a_value_that_breaks_when_there_is_room_is_its_senders_error) {
    bool breaks = false;
    bool holds = false;
    channel<brittle> ch{1};
    ch.send(brittle{1, &holds});
    attempt first;
    attempt second;
    start(first, [&] { ch.send(brittle{2, &breaks}); });
    start(second, [&] { ch.send(brittle{3, &holds}); });
    yield();
    breaks = true;
    EXPECT_EQ(ch.receive().number, 1);
    EXPECT_EQ(ch.receive().number, 3);
    yield();
    EXPECT_EQ(first.outcome, "broken on the way");
    EXPECT_EQ(second.outcome, "returned");
}
