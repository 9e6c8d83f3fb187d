// SPDX-License-Identifier: BSL-1.0
#include <harness/tasks.hpp>
#include <tendril/testing/sequencer.hpp>
#include <tendril/testing/settle.hpp>

#include <functional>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using tendril::testing::broken_sequence;
using tendril::testing::sequencer;
using tendril::testing::settle;
using test::attempt;
using test::outcome_of;
using test::start;
using test::transcript;

std::string outcome_in_sequence(std::function<void()> const& function) {
    return outcome_of([&] {
        try {
            function();
        } catch (broken_sequence const&) {
            throw std::string{"broken"};
        }
    });
}

}  // namespace

TENDRIL_HUB_TEST(sequencer, blocks_run_in_the_order_of_their_numbers) {
    sequencer order;
    transcript seen;
    std::vector<task<void>> all;
    for (std::size_t const number : {3U, 0U, 2U, 1U}) {
        all.push_back(spawn([&, number] {
            auto const turn = order.wait_for(number);
            seen.push_back(std::to_string(number));
            sleep_for(1ms);
            seen.push_back(std::to_string(number));
        }));
    }
    sleep_for(1s);
    EXPECT_EQ(seen, (transcript{"0", "0", "1", "1", "2", "2", "3", "3"}));
    EXPECT_EQ(order.position(), 4U);
}

TENDRIL_HUB_TEST(sequencer, a_turn_whose_predecessors_have_ended_begins_at_once) {
    sequencer order;
    { auto const turn = order.wait_for(0); }
    std::uint64_t const switches = this_hub().statistics().switches;
    { auto const turn = order.wait_for(1); }
    if (!test::present_seed()) {
        EXPECT_EQ(this_hub().statistics().switches, switches);
    }
    EXPECT_EQ(order.position(), 2U);
}

TENDRIL_HUB_TEST(sequencer, one_greenlet_may_have_several_turns) {
    sequencer order;
    transcript seen;
    auto const other = spawn([&] {
        auto const turn = order.wait_for(1);
        seen.push_back("other");
    });
    {
        auto const turn = order.wait_for(0);
        settle();
        seen.push_back("first");
    }
    auto const turn = order.wait_for(2);
    seen.push_back("last");
    EXPECT_EQ(seen, (transcript{"first", "other", "last"}));
}

TENDRIL_HUB_TEST(sequencer, an_exception_that_leaves_a_turn_ends_it) {
    sequencer order;
    EXPECT_THROW(
        {
            auto const turn = order.wait_for(0);
            throw 1;
        },
        int);
    auto const turn = order.wait_for(1);
    EXPECT_EQ(order.position(), 1U);
}

TENDRIL_HUB_TEST(sequencer, a_turn_that_was_moved_ends_once) {
    sequencer order;
    {
        auto first = order.wait_for(0);
        auto const second = std::move(first);
    }
    EXPECT_EQ(order.position(), 1U);
}

TENDRIL_HUB_TEST(sequencer, a_number_that_was_asked_for_is_refused_before_and_after_its_turn) {
    sequencer order;
    {
        auto const turn = order.wait_for(0);
        EXPECT_EQ(outcome_of([&] { static_cast<void>(order.wait_for(0)); }), "misuse");
    }
    EXPECT_EQ(outcome_of([&] { static_cast<void>(order.wait_for(0)); }), "misuse");
    auto const turn = order.wait_for(1);
    EXPECT_FALSE(order.broken());
}

TENDRIL_HUB_TEST(sequencer, one_that_is_interrupted_breaks_the_sequence_for_the_others) {
    sequencer order;
    attempt interrupted;
    std::string behind;
    std::string before;
    start(interrupted, [&] { static_cast<void>(order.wait_for(2)); });
    spawn([&] { behind = outcome_in_sequence([&] { static_cast<void>(order.wait_for(3)); }); });
    settle();
    interrupted.run_by.cancel();
    settle();
    EXPECT_EQ(interrupted.outcome, "cancelled");
    EXPECT_EQ(behind, "broken");
    EXPECT_TRUE(order.broken());
    before = outcome_in_sequence([&] { static_cast<void>(order.wait_for(0)); });
    EXPECT_EQ(before, "broken");
}

TENDRIL_HUB_TEST(sequencer, a_turn_that_runs_when_the_sequence_breaks_ends_as_usual) {
    sequencer order;
    attempt interrupted;
    start(interrupted, [&] { static_cast<void>(order.wait_for(1)); });
    {
        auto const turn = order.wait_for(0);
        settle();
        interrupted.run_by.cancel();
        settle();
    }
    EXPECT_EQ(order.position(), 1U);
    EXPECT_TRUE(order.broken());
}
