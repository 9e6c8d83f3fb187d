// SPDX-License-Identifier: BSL-1.0
//
// What happens when the last handle to a greenlet is dropped.
#include <harness/greenlets.hpp>
#include <tendril/greenlet/control_block.hpp>

#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace tendril;
using test::note_at_end;
using test::suspended_greenlet;
using test::switch_to_parent;
using test::transcript;
using test::traveller;
using test::unraisable_errors;

// Drops a greenlet while it is destroyed, and notes what is in flight before and after.
struct drops_when_destroyed {
    greenlet held;
    int& before;
    int& after;
    ~drops_when_destroyed() {
        before = std::uncaught_exceptions();
        held = greenlet{};
        after = std::uncaught_exceptions();
    }
};

// Suspends again each time an exit arrives, until it has seen `tolerance` of them.
greenlet swallowing_greenlet(int& swallowed, int tolerance) {
    greenlet g{[&swallowed, tolerance] {
        while (true) {
            try {
                switch_to_parent();
            } catch (greenlet_exit const&) {
                if (++swallowed > tolerance) {
                    throw;
                }
            }
        }
    }};
    g.switch_to();
    return g;
}

// Keeps itself alive in `saved` when an exit arrives, and then waits for a number.
greenlet resurrecting_greenlet(greenlet& saved, int& received) {
    greenlet g{[&saved, &received] {
        try {
            switch_to_parent();
        } catch (greenlet_exit const&) {
            saved = greenlet{greenlet::current()};
        }
        received = switch_to_parent().as<int>();
        switch_to_parent();
    }};
    g.switch_to();
    return g;
}

}  // namespace

TENDRIL_TEST(control_block, counts_handles_and_children) {
    greenlet const g{[] {}};
    EXPECT_EQ(g.block()->handles, 1U);
    {
        greenlet const copy = g;
        greenlet const child{[] {}, {.parent = g}};
        EXPECT_EQ(g.block()->handles, 2U);
        EXPECT_EQ(g.block()->children, 1U);
        EXPECT_EQ(references(*g.block()), 3U);
    }
    EXPECT_EQ(references(*g.block()), 1U);
}

TENDRIL_TEST(control_block, a_switch_and_the_current_one_are_not_counted) {
    std::uint32_t inside = 0;
    greenlet g{[&] {
        greenlet_ref const me = greenlet::current();
        inside = me.block()->handles;
    }};
    g.switch_to();
    EXPECT_EQ(inside, 1U);
}

TENDRIL_TEST(control_block, the_last_handle_ends_a_suspended_greenlet_before_it_is_gone) {
    int ended = 0;
    greenlet g = suspended_greenlet(ended);
    greenlet copy = g;
    g = greenlet{};
    EXPECT_EQ(ended, 0);
    copy = greenlet{};
    EXPECT_EQ(ended, 1);
}

TENDRIL_TEST(control_block, ending_runs_destructors_in_order_on_the_own_stack) {
    transcript seen;
    greenlet_ref where;
    greenlet g{[&] {
        note_at_end const outer{seen, "outer"};
        scope_exit const note{[&] { where = greenlet::current(); }};
        note_at_end const inner{seen, "inner"};
        switch_to_parent();
    }};
    g.switch_to();
    greenlet_ref const named = g;
    g = greenlet{};
    EXPECT_EQ(seen, (transcript{"inner", "outer"}));
    EXPECT_EQ(where, named);
}

TENDRIL_TEST(control_block, ending_gives_control_back_to_the_dropper_and_not_to_the_parent) {
    transcript seen;
    int ended = 0;
    greenlet victim = suspended_greenlet(ended);
    greenlet dropper{[&] {
        victim = greenlet{};
        seen.push_back("dropper");
    }};
    dropper.switch_to();
    seen.push_back("parent");
    EXPECT_EQ(ended, 1);
    EXPECT_EQ(seen, (transcript{"dropper", "parent"}));
}

TENDRIL_TEST(control_block, dropping_an_unstarted_greenlet_runs_nothing_of_it) {
    traveller::start();
    bool ran = false;
    {
        greenlet const g{[&ran, passenger = traveller{1}] { ran = true; }};
        traveller::moves = 0;
    }
    EXPECT_FALSE(ran);
    EXPECT_EQ(traveller::alive, 0);
}

TENDRIL_TEST(control_block, dropping_a_dead_greenlet_runs_nothing_of_it) {
    int runs = 0;
    {
        greenlet g{[&] { ++runs; }};
        g.switch_to();
    }
    EXPECT_EQ(runs, 1);
}

TENDRIL_TEST(control_block, a_chain_that_only_its_parents_hold_ends_child_first) {
    transcript seen;
    greenlet leaf;
    {
        greenlet root{[&] {
            note_at_end const note{seen, "root"};
            switch_to_parent();
        }};
        root.switch_to();
        greenlet middle{[&] {
            note_at_end const note{seen, "middle"};
            switch_to_parent();
        }};
        middle.switch_to();
        middle.set_parent(root);
        leaf = greenlet{[] {}, {.parent = middle}};
    }
    EXPECT_TRUE(seen.empty());
    leaf = greenlet{};
    EXPECT_EQ(seen, (transcript{"middle", "root"}));
}

TENDRIL_TEST(control_block, a_long_chain_of_parents_is_freed_without_recursion) {
    greenlet last;
    for (int count = 0; count < 100000; ++count) {
        last = greenlet{[] {}, {.parent = last}};
    }
    last = greenlet{};
    EXPECT_EQ(this_thread().started, 0U);
}

TENDRIL_TEST(control_block, a_greenlet_dropped_during_unwinding_leaves_the_error_alone) {
    int before = 0;
    int after = 0;
    int ended = 0;
    try {
        drops_when_destroyed const guard{suspended_greenlet(ended), before, after};
        throw std::runtime_error{"in flight"};
    } catch (std::runtime_error const& error) {
        EXPECT_STREQ(error.what(), "in flight");
    }
    EXPECT_EQ(ended, 1);
    EXPECT_EQ(before, 1);
    EXPECT_EQ(after, 1);
}

TENDRIL_TEST(control_block, a_greenlet_dropped_in_a_handler_leaves_the_handled_error_alone) {
    int ended = 0;
    greenlet g = suspended_greenlet(ended);
    try {
        throw std::runtime_error{"handled"};
    } catch (std::runtime_error const&) {
        std::exception_ptr const before = std::current_exception();
        g = greenlet{};
        EXPECT_EQ(std::current_exception(), before);
        EXPECT_EQ(ended, 1);
        EXPECT_THROW(throw, std::runtime_error);
    }
}

TENDRIL_TEST(control_block, a_victim_whose_cleanup_switches_elsewhere_goes_on_with_it_later) {
    transcript seen;
    greenlet_ref const dropper = greenlet::current();
    greenlet elsewhere{[&] {
        seen.push_back("elsewhere");
        dropper.switch_to();
    }};
    greenlet victim{[&] {
        note_at_end const outer{seen, "outer"};
        scope_exit const leave{[&] { elsewhere.switch_to(); }};
        switch_to_parent();
    }};
    victim.switch_to();
    victim = greenlet{};
    seen.push_back("dropper");
    EXPECT_EQ(seen, (transcript{"elsewhere", "outer", "dropper"}));
}

TENDRIL_TEST(control_block, one_that_waits_in_a_destructor_while_unwinding_is_not_thrown_into) {
    transcript seen;
    greenlet g{[&] {
        try {
            scope_exit const wait{[] { switch_to_parent(); }};
            throw std::string{"its own error"};
        } catch (std::string const& own) {
            seen.push_back(own);
        }
        note_at_end const note{seen, "ended"};
        switch_to_parent();
        seen.push_back("never");
    }};
    g.switch_to();
    g = greenlet{};
    EXPECT_EQ(seen, (transcript{"its own error", "ended"}));
}

TENDRIL_TEST(control_block, an_exit_that_was_swallowed_is_delivered_again) {
    int swallowed = 0;
    unraisable_errors const errors;
    { greenlet const g = swallowing_greenlet(swallowed, 7); }
    EXPECT_EQ(swallowed, 8);
    EXPECT_TRUE(unraisable_errors::collected().empty());
    EXPECT_EQ(this_thread().started, 0U);
}

TENDRIL_TEST(control_block, one_that_swallows_eight_exits_is_reported_and_left_alive) {
    int swallowed = 0;
    unraisable_errors const errors;
    greenlet g = swallowing_greenlet(swallowed, 8);
    greenlet_ref const named = g;
    g = greenlet{};
    EXPECT_EQ(swallowed, 8);
    ASSERT_EQ(unraisable_errors::collected().size(), 1U);
    EXPECT_NE(unraisable_errors::collected()[0].find("swallowed greenlet_exit"), std::string::npos);
    EXPECT_TRUE(named);
    // Nobody refers to it any more, but one count remains so that it is never freed alive.
    release(*named.block());
    EXPECT_EQ(swallowed, 9);
}

TENDRIL_TEST(control_block, one_that_refused_to_die_can_still_be_switched_to) {
    int turns = 0;
    bool stubborn = true;
    greenlet g{[&] {
        while (stubborn) {
            try {
                switch_to_parent(++turns);
            } catch (greenlet_exit const&) {}
        }
        return -1;
    }};
    g.switch_to();
    unraisable_errors const errors;
    greenlet_ref const named = std::exchange(g, greenlet{});
    int const turns_before = turns;
    EXPECT_EQ(named.switch_to().as<int>(), turns_before + 1);
    stubborn = false;
    EXPECT_EQ(named.switch_to().as<int>(), -1);
    release(*named.block());
}

TENDRIL_TEST(control_block, one_that_turns_the_exit_into_another_error_is_reported) {
    greenlet g{[] {
        try {
            switch_to_parent();
        } catch (greenlet_exit const&) {
            throw std::runtime_error{"instead"};
        }
    }};
    g.switch_to();
    unraisable_errors const errors;
    EXPECT_NO_THROW(g = greenlet{});
    EXPECT_EQ(unraisable_errors::collected(), (transcript{"std::runtime_error: instead"}));
}

TENDRIL_TEST(control_block, an_ordinary_end_by_the_last_handle_is_not_reported) {
    int ended = 0;
    unraisable_errors const errors;
    { greenlet const g = suspended_greenlet(ended); }
    EXPECT_TRUE(unraisable_errors::collected().empty());
}

TENDRIL_TEST(control_block, a_victim_that_makes_a_new_handle_to_itself_lives_on) {
    greenlet saved;
    int received = 0;
    unraisable_errors const errors;
    { greenlet const g = resurrecting_greenlet(saved, received); }
    EXPECT_TRUE(saved);
    saved.switch_to(5);
    EXPECT_EQ(received, 5);
    EXPECT_TRUE(unraisable_errors::collected().empty());
}

TENDRIL_TEST(control_block, a_victim_that_lives_on_has_its_parent_again) {
    greenlet saved;
    int received = 0;
    greenlet g = resurrecting_greenlet(saved, received);
    greenlet_ref const parent = g.parent();
    greenlet dropper{[&] { g = greenlet{}; }};
    dropper.switch_to();
    EXPECT_TRUE(dropper.dead());
    EXPECT_EQ(saved.parent(), parent);
}

TENDRIL_TEST(control_block, a_victim_that_lived_on_ends_with_its_next_last_handle) {
    greenlet saved;
    int received = 0;
    { greenlet const g = resurrecting_greenlet(saved, received); }
    saved.switch_to(5);
    std::size_t const started = this_thread().started;
    saved = greenlet{};
    EXPECT_EQ(this_thread().started, started - 1);
}

TENDRIL_TEST(control_block, a_victim_may_take_another_parent_while_it_is_ended) {
    int ended = 0;
    greenlet const other = suspended_greenlet(ended);
    std::uint32_t const before = references(*greenlet::current().block());
    greenlet g{[&] {
        scope_exit const move{[&] { greenlet::current().set_parent(other); }};
        switch_to_parent();
    }};
    g.switch_to();
    // It returns to its new parent, which then ends and lets this one go on.
    g = greenlet{};
    EXPECT_EQ(ended, 1);
    EXPECT_EQ(references(*greenlet::current().block()), before);
}

TENDRIL_TEST(control_block, one_that_drops_the_last_handle_to_itself_runs_on_until_it_leaves) {
    transcript seen;
    auto own = std::make_unique<greenlet>();
    *own = greenlet{[&] {
        note_at_end const note{seen, "unwound"};
        own.reset();
        seen.push_back("runs on");
        switch_to_parent();
        seen.push_back("never");
    }};
    own->switch_to();
    seen.push_back("parent");
    EXPECT_EQ(seen, (transcript{"runs on", "unwound", "parent"}));
}

TENDRIL_TEST(control_block, one_that_drops_the_last_handle_to_itself_still_delivers_its_result) {
    auto own = std::make_unique<greenlet>();
    *own = greenlet{[&] {
        own.reset();
        return std::string{"delivered"};
    }};
    EXPECT_EQ(own->switch_to().as<std::string>(), "delivered");
}

TENDRIL_TEST(control_block, one_that_drops_the_last_handle_to_itself_still_delivers_its_error) {
    auto own = std::make_unique<greenlet>();
    *own = greenlet{[&] {
        own.reset();
        throw std::runtime_error{"delivered"};
    }};
    EXPECT_THROW(own->switch_to(), std::runtime_error);
}

TENDRIL_TEST(control_block, one_that_dropped_itself_and_took_a_new_handle_lives_on) {
    auto own = std::make_unique<greenlet>();
    greenlet again;
    *own = greenlet{[&] {
        own.reset();
        again = greenlet{greenlet::current()};
        switch_to_parent();
    }};
    own->switch_to();
    EXPECT_TRUE(again);
    again.switch_to();
    EXPECT_TRUE(again.dead());
}

TENDRIL_TEST(control_block, a_handle_on_its_own_stack_keeps_a_greenlet_alive) {
    int ended = 0;
    greenlet g{[&] {
        scope_exit const count{[&] { ++ended; }};
        greenlet const myself{greenlet::current()};
        switch_to_parent();
    }};
    g.switch_to();
    greenlet_ref const named = std::exchange(g, greenlet{});
    EXPECT_EQ(ended, 0);
    EXPECT_TRUE(named);
    named.throw_into();
    EXPECT_EQ(ended, 1);
}

TENDRIL_TEST(control_block, a_container_of_suspended_greenlets_ends_every_one) {
    int ended = 0;
    std::vector<greenlet> all;
    for (int count = 0; count < 100; ++count) {
        all.push_back(suspended_greenlet(ended));
    }
    all.clear();
    EXPECT_EQ(ended, 100);
    EXPECT_EQ(this_thread().started, 0U);
}

TENDRIL_TEST(control_block, a_destructor_may_drop_a_greenlet_that_drops_the_next) {
    int ended = 0;
    greenlet chain;
    for (int count = 0; count < 50; ++count) {
        greenlet next{[&ended, held = std::exchange(chain, greenlet{})]() mutable {
            scope_exit const count_end{[&ended] { ++ended; }};
            greenlet const local = std::move(held);
            switch_to_parent();
        }};
        next.switch_to();
        chain = next;
    }
    chain = greenlet{};
    EXPECT_EQ(ended, 50);
}
