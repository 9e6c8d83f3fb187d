// SPDX-License-Identifier: BSL-1.0
#include <harness/tasks.hpp>
#include <tendril/channel/channel.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/sync/select.hpp>

#include <array>
#include <memory>
#include <type_traits>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::attempt;
using test::outcome_of;
using test::start;
using test::transcript;

constexpr auto nothing = [] {};
constexpr auto ignore = [](auto&&) {};

}  // namespace

// What is ready.

TENDRIL_HUB_TEST(select, completes_the_arm_that_is_ready_and_returns_its_index) {
    channel<int> empty;
    channel<int> full{1};
    full.send(7);
    int received = 0;
    std::uint64_t const switches = this_hub().statistics().switches;
    std::size_t const chosen = select(
        empty.on_receive(ignore), full.on_receive([&](int number) { received = number; }));
    EXPECT_EQ(chosen, 1U);
    EXPECT_EQ(received, 7);
    EXPECT_EQ(full.size(), 0U);
    EXPECT_EQ(this_hub().statistics().switches, switches);
}

TENDRIL_HUB_TEST(select, sends_where_there_is_room) {
    channel<int> full;
    channel<int> roomy{1};
    bool sent = false;
    EXPECT_EQ(select(full.on_send(1, nothing), roomy.on_send(2, [&] { sent = true; })), 1U);
    EXPECT_TRUE(sent);
    EXPECT_EQ(roomy.receive(), 2);
}

TENDRIL_HUB_TEST(select, an_event_that_is_set_is_ready) {
    event ready;
    ready.set();
    channel<int> ch;
    EXPECT_EQ(select(ch.on_receive(ignore), ready.on_set(nothing)), 1U);
}

TENDRIL_HUB_TEST(select, of_several_that_are_ready_exactly_one_completes) {
    channel<int> a{1};
    channel<int> b{1};
    a.send(1);
    b.send(2);
    int calls = 0;
    auto const count = [&](int) { ++calls; };
    select(a.on_receive(count), b.on_receive(count));
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(a.size() + b.size(), 1U);
}

TENDRIL_TEST(select, of_several_that_are_ready_each_has_its_share) {
    seeded_random random{1};
    run({.random = &random}, [] {
        event a;
        event b;
        event c;
        a.set();
        c.set();
        std::array<int, 3> times{};
        for (int count = 0; count < 1000; ++count) {
            ++times[select(a.on_set(nothing), b.on_set(nothing), c.on_set(nothing))];
        }
        EXPECT_EQ(times[1], 0);
        EXPECT_NEAR(times[0], 500, 60);
        EXPECT_NEAR(times[2], 500, 60);
    });
}

TENDRIL_HUB_TEST(select, in_order_the_first_that_is_ready_completes) {
    event a;
    event b;
    event c;
    b.set();
    c.set();
    for (int count = 0; count < 20; ++count) {
        EXPECT_EQ(select_in_order(a.on_set(nothing), b.on_set(nothing), c.on_set(nothing)), 1U);
    }
}

// What is not.

TENDRIL_HUB_TEST(select, otherwise_is_taken_when_nothing_is_ready) {
    channel<int> ch{1};
    auto const poll = [&] { return select(otherwise(nothing), ch.on_receive(ignore)); };
    EXPECT_EQ(poll(), 0U);
    ch.send(1);
    EXPECT_EQ(poll(), 1U);
    EXPECT_EQ(poll(), 0U);
}

TENDRIL_HUB_TEST(select, waits_until_an_arm_completes) {
    channel<int> ch;
    event stop;
    this_hub().call_later(5ms, [&] { ch.try_send(7); });
    int received = 0;
    EXPECT_EQ(
        select(stop.on_set(nothing), ch.on_receive([&](int number) { received = number; })), 1U);
    EXPECT_EQ(received, 7);
    EXPECT_EQ(clock.elapsed(), 5ms);
}

TENDRIL_HUB_TEST(select, a_send_waits_for_a_receiver) {
    channel<int> ch;
    event stop;
    task<int> receiving = spawn([&] { return ch.receive(); });
    EXPECT_EQ(select(ch.on_send(7, nothing), stop.on_set(nothing)), 0U);
    EXPECT_EQ(receiving.get(), 7);
}

TENDRIL_HUB_TEST(select, two_that_select_meet) {
    channel<int> there;
    channel<int> back;
    task<std::size_t> other = spawn(
        [&] { return select(there.on_receive(ignore), back.on_send(2, nothing)); });
    yield();
    EXPECT_EQ(select(there.on_send(1, nothing), otherwise(nothing)), 0U);
    EXPECT_EQ(other.get(), 0U);
    EXPECT_EQ(back.try_receive(), std::nullopt);
}

TENDRIL_HUB_TEST(select, never_meets_itself) {
    channel<int> ch;
    EXPECT_EQ(select(ch.on_send(1, nothing), ch.on_receive(ignore), after(1ms, nothing)), 2U);
}

TENDRIL_HUB_TEST(select, the_same_channel_may_stand_in_two_arms) {
    channel<int> ch;
    this_hub().call_later(1ms, [&] { ch.try_send(1); });
    EXPECT_EQ(select(ch.on_receive(ignore), ch.on_receive(ignore)), 0U);
    EXPECT_FALSE(ch.try_send(2));
}

// Limits.

TENDRIL_HUB_TEST(select, the_earliest_limit_completes_when_nothing_else_does) {
    channel<int> ch;
    std::size_t const chosen = select(
        after(1h, nothing), ch.on_receive(ignore), after(5ms, nothing),
        at(clock.now() + 7ms, nothing), at(deadline::never(), nothing));
    EXPECT_EQ(chosen, 2U);
    EXPECT_EQ(clock.elapsed(), 5ms);
    EXPECT_FALSE(ch.try_send(1));
}

TENDRIL_HUB_TEST(select, what_is_ready_beats_a_limit_that_is_past) {
    event ready;
    ready.set();
    EXPECT_EQ(select(after(-1s, nothing), ready.on_set(nothing)), 1U);
    ready.reset();
    EXPECT_EQ(select(after(-1s, nothing), ready.on_set(nothing)), 0U);
}

TENDRIL_HUB_TEST(select, takes_any_duration) {
    event ready;
    auto const comes = [&](auto limit) {
        return select(ready.on_set([&] { ready.reset(); }), after(limit, nothing)) == 0;
    };
    test::expect_no_time_is_enough(clock, comes);
    test::expect_an_age_is_enough(comes, [&] { ready.set(); });
}

// The end of a channel.

TENDRIL_HUB_TEST(select, a_closed_channel_is_ready) {
    channel<int> ch{1};
    ch.send(1);
    ch.close();
    transcript seen;
    auto const receive = [&] {
        select(ch.on_receive(
            [&](int number) { seen.push_back(std::to_string(number)); },
            [&] { seen.push_back("end"); }));
    };
    receive();
    receive();
    EXPECT_EQ(seen, (transcript{"1", "end"}));
    EXPECT_EQ(outcome_of([&] { select(ch.on_receive(ignore)); }), "the channel is closed");
    EXPECT_EQ(outcome_of([&] { select(ch.on_send(1, nothing)); }), "the channel is closed");
}

TENDRIL_HUB_TEST(select, the_end_wakes_its_arms) {
    channel<int> ch;
    bool ended = false;
    attempt receiving;
    attempt sending;
    start(receiving, [&] { select(ch.on_receive(ignore, [&] { ended = true; })); });
    yield();
    ch.close();
    yield();
    EXPECT_TRUE(ended);
    EXPECT_EQ(receiving.outcome, "returned");
    channel<int> other;
    start(sending, [&] { select(other.on_send(1, nothing)); });
    yield();
    other.close();
    yield();
    EXPECT_EQ(sending.outcome, "the channel is closed");
}

// Values, handlers and arms.

TENDRIL_HUB_TEST(select, a_value_that_can_only_be_moved_stays_when_another_arm_completes) {
    channel<std::unique_ptr<int>> ch;
    event ready;
    ready.set();
    auto item = std::make_unique<int>(1);
    select(ch.on_send(std::move(item), nothing), ready.on_set(nothing));
    EXPECT_NE(item, nullptr);
    task<std::unique_ptr<int>> receiving = spawn([&] { return ch.receive(); });
    ready.reset();
    select(ch.on_send(std::move(item), nothing), ready.on_set(nothing));
    EXPECT_EQ(*receiving.get(), 1);
}

TENDRIL_HUB_TEST(select, a_handler_may_wait_and_throw) {
    event ready;
    ready.set();
    EXPECT_EQ(
        outcome_of([&] {
            select(ready.on_set([] {
                sleep_for(1ms);
                throw std::string{"from the handler"};
            }));
        }),
        "from the handler");
    EXPECT_EQ(clock.elapsed(), 1ms);
}

TENDRIL_HUB_TEST(select, takes_as_many_arms_as_there_are) {
    std::array<event, 5> events;
    detail::event_arm<std::remove_const_t<decltype(nothing)>> arms[] = {
        events[0].on_set(nothing), events[1].on_set(nothing), events[2].on_set(nothing),
        events[3].on_set(nothing), events[4].on_set(nothing)};
    std::vector<select_arm*> all;
    for (auto& arm : arms) {
        all.push_back(&arm);
    }
    this_hub().call_later(1ms, [&] { events[3].set(); });
    EXPECT_EQ(select(all), 3U);
    EXPECT_EQ(
        test::misuse_of([] { select(std::span<select_arm* const>{}); }).substr(0, 8), "select()");
}
