// SPDX-License-Identifier: BSL-1.0
#include <harness/greenlets.hpp>
#include <harness/tasks.hpp>
#include <tendril/channel/channel_ends.hpp>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::attempt;
using test::contains;
using test::misuse_of;
using test::outcome_of;
using test::start;

}  // namespace

TENDRIL_HUB_TEST(channel_ends, what_one_end_sends_the_other_receives) {
    auto [out, in] = open_channel<int>(2);
    out.send(1);
    EXPECT_TRUE(out.try_send(2));
    EXPECT_FALSE(out.send_for(1ms, 3));
    EXPECT_EQ(in.receive(), 1);
    EXPECT_EQ(in.try_receive(), 2);
    EXPECT_EQ(in.receive_for(1ms), std::nullopt);
}

TENDRIL_HUB_TEST(channel_ends, it_closes_when_the_last_sender_goes) {
    auto [out, in] = open_channel<int>(3);
    std::optional<sender<int>> second{out};
    out.send(1);
    out.close();
    EXPECT_FALSE(in.closed());
    second->send(2);
    second.reset();
    EXPECT_TRUE(in.closed());
    std::vector<int> seen;
    for (int const number : in) {
        seen.push_back(number);
    }
    EXPECT_EQ(seen, (std::vector{1, 2}));
}

TENDRIL_HUB_TEST(channel_ends, it_closes_when_the_last_receiver_goes) {
    auto [out, in] = open_channel<int>(3);
    {
        receiver<int> const second{in};
        in.close();
        EXPECT_FALSE(out.closed());
    }
    EXPECT_TRUE(out.closed());
    EXPECT_EQ(outcome_of([&, &to = out] { to.send(1); }), "the channel is closed");
}

TENDRIL_HUB_TEST(channel_ends, what_nobody_can_receive_is_destroyed_at_once) {
    auto const item = std::make_shared<int>(1);
    auto [out, in] = open_channel<std::shared_ptr<int>>(1);
    out.send(item);
    EXPECT_EQ(item.use_count(), 2);
    in.close();
    EXPECT_EQ(item.use_count(), 1);
}

TENDRIL_HUB_TEST(channel_ends, an_item_may_hold_the_last_sender_of_its_own_channel) {
    struct letter {
        sender<letter> answer_to;
    };
    auto [out, in] = open_channel<letter>(1);
    sender<letter> last{out};
    out.send(letter{std::move(last)});
    out.close();
    EXPECT_FALSE(in.closed());
    EXPECT_NO_THROW(in.close());
}

TENDRIL_HUB_TEST(channel_ends, who_waits_is_woken_when_the_last_of_the_others_goes) {
    auto ends = open_channel<int>();
    attempt receiving;
    start(receiving, [in = std::move(ends.second)]() mutable { in.receive(); });
    yield();
    ends.first.close();
    yield();
    EXPECT_EQ(receiving.outcome, "the channel is closed");
}

TENDRIL_HUB_TEST(channel_ends, a_handle_may_go_while_its_greenlet_waits) {
    auto [out, in] = open_channel<int>();
    attempt sending;
    start(sending, [&to = out] { to.send(1); });
    yield();
    out.close();
    in.close();
    yield();
    EXPECT_EQ(sending.outcome, "the channel is closed");
}

TENDRIL_HUB_TEST(channel_ends, an_empty_handle_is_refused) {
    auto [out, in] = open_channel<int>(1);
    sender<int> const moved{std::move(out)};
    EXPECT_FALSE(out.valid());
    EXPECT_TRUE(moved.valid());
    EXPECT_TRUE(contains(misuse_of([&to = out] { to.send(1); }), "it was closed, or moved away"));
    in.close();
    EXPECT_TRUE(contains(misuse_of([&from = in] { from.receive(); }), "it was closed"));
    EXPECT_NO_THROW(in.close());
}

TENDRIL_HUB_TEST(channel_ends, assignment_gives_the_old_channel_up) {
    auto [out, in] = open_channel<int>(1);
    auto [other_out, other_in] = open_channel<int>(1);
    out = other_out;
    EXPECT_TRUE(in.closed());
    out.send(1);
    EXPECT_EQ(other_in.try_receive(), 1);
}

TENDRIL_HUB_TEST(channel_ends, their_arms_join_a_select) {
    auto [out, in] = open_channel<int>(1);
    int received = 0;
    EXPECT_EQ(select(in.on_receive([&](int) {}), out.on_send(7, [] {})), 1U);
    EXPECT_EQ(select(in.on_receive([&](int number) { received = number; })), 0U);
    EXPECT_EQ(received, 7);
    out.close();
    bool ended = false;
    select(in.on_receive([](int) {}, [&] { ended = true; }));
    EXPECT_TRUE(ended);
}
