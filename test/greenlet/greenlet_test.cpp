// SPDX-License-Identifier: BSL-1.0
#include <harness/greenlets.hpp>
#include <tendril/greenlet/greenlet.hpp>

#include <functional>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using namespace tendril;
using test::note_at_end;
using test::on_new_thread;
using test::switch_to_parent;
using test::transcript;
using test::traveller;

// AddressSanitizer takes a millisecond for the fake stack of each life.
constexpr int many_lives = TENDRIL_ASAN ? 2000 : 100000;

stack_pool_statistics stacks() { return this_thread().stacks.statistics(); }

std::string printed(greenlet_ref const& g) {
    std::ostringstream text;
    text << g;
    return text.str();
}

}  // namespace

// Birth, identity, life.

TENDRIL_TEST(
    greenlet, the_first_switch_gives_the_arguments_and_later_ones_come_back_from_switch_to) {
    greenlet g{[](int x) {
        auto back = greenlet::current().parent();
        auto s = back.switch_to(x + 1).as<std::string>();
        return int(s.size());
    }};
    EXPECT_EQ(g.switch_to(41).as<int>(), 42);
    EXPECT_EQ(g.switch_to(std::string("four")).as<int>(), 4);
    EXPECT_TRUE(g.dead());
}

TENDRIL_TEST(greenlet, a_handle_that_names_nobody_refuses_every_operation) {
    greenlet const nobody;
    EXPECT_THROW(nobody.switch_to(), misuse);
    EXPECT_THROW(nobody.switch_to(1), misuse);
    EXPECT_THROW(nobody.throw_into(), misuse);
    EXPECT_THROW(nobody.parent(), misuse);
    EXPECT_THROW(nobody.set_parent(greenlet::current()), misuse);
    EXPECT_THROW(greenlet{[] {}}.set_parent(nobody), misuse);
}

TENDRIL_TEST(greenlet, a_handle_that_names_nobody_is_neither_started_nor_dead) {
    greenlet const nobody;
    EXPECT_FALSE(nobody.started());
    EXPECT_FALSE(nobody.dead());
    EXPECT_FALSE(nobody);
    EXPECT_EQ(nobody.block(), nullptr);
    EXPECT_EQ(nobody, greenlet_ref{});
}

TENDRIL_TEST(greenlet, making_one_runs_nothing_and_takes_no_stack) {
    bool ran = false;
    std::size_t const in_use = stacks().in_use;
    std::uint64_t const switches = this_thread().switches;
    greenlet const g{[&] { ran = true; }};
    EXPECT_FALSE(ran);
    EXPECT_EQ(stacks().in_use, in_use);
    EXPECT_EQ(this_thread().switches, switches);
}

TENDRIL_TEST(greenlet, is_neither_started_nor_dead_before_its_first_turn) {
    greenlet const g{[] {}};
    EXPECT_FALSE(g.started());
    EXPECT_FALSE(g.dead());
    EXPECT_FALSE(g);
}

TENDRIL_TEST(greenlet, is_true_from_its_first_turn_to_its_end) {
    bool inside = false;
    greenlet g{[&] {
        inside = bool{greenlet::current()};
        switch_to_parent();
    }};
    g.switch_to();
    EXPECT_TRUE(inside);
    EXPECT_TRUE(g);
    g.switch_to();
    EXPECT_FALSE(g);
    EXPECT_TRUE(g.started());
}

TENDRIL_TEST(greenlet, is_dead_before_its_parent_moves_the_result_out) {
    struct asks_when_moved {
        greenlet_ref who;
        bool* was_dead;
        asks_when_moved(greenlet_ref g, bool* answer) : who{g}, was_dead{answer} {}
        asks_when_moved(asks_when_moved&& other) noexcept
            : who{other.who},
              was_dead{other.was_dead} {
            *was_dead = who.dead();
        }
    };
    bool was_dead = false;
    greenlet g{[&] { return asks_when_moved{greenlet::current(), &was_dead}; }};
    value const result = g.switch_to();
    EXPECT_TRUE(was_dead);
}

TENDRIL_TEST(greenlet, gives_its_stack_back_at_death_while_handles_remain) {
    std::size_t const in_use = stacks().in_use;
    greenlet g{[] { switch_to_parent(); }};
    g.switch_to();
    EXPECT_EQ(stacks().in_use, in_use + 1);
    g.switch_to();
    EXPECT_EQ(stacks().in_use, in_use);
    EXPECT_TRUE(g.dead());
}

TENDRIL_TEST(greenlet, copies_of_a_handle_name_the_same_greenlet) {
    greenlet g{[] { return 7; }};
    greenlet copy = g;
    greenlet moved = std::move(copy);
    EXPECT_EQ(moved, g);
    EXPECT_EQ(copy.block(), nullptr);
    EXPECT_EQ(moved.switch_to().as<int>(), 7);
    EXPECT_TRUE(g.dead());
}

TENDRIL_TEST(greenlet, assigning_a_handle_to_itself_keeps_the_greenlet) {
    int ended = 0;
    greenlet g = test::suspended_greenlet(ended);
    greenlet& same = g;
    g = same;
    EXPECT_EQ(ended, 0);
    EXPECT_TRUE(g);
}

TENDRIL_TEST(greenlet, prints_number_name_and_state) {
    greenlet g{[] { switch_to_parent(); }, {.name = "worker"}};
    std::string const number = std::to_string(g.id());
    EXPECT_EQ(printed(g), "greenlet " + number + " 'worker' unstarted");
    g.switch_to();
    EXPECT_EQ(printed(g), "greenlet " + number + " 'worker' suspended");
    g.switch_to();
    EXPECT_EQ(printed(g), "greenlet " + number + " 'worker' dead");
    EXPECT_EQ(printed(greenlet::current()), "greenlet 0 'main' running");
    EXPECT_EQ(printed(greenlet_ref{}), "no greenlet");
}

TENDRIL_TEST(greenlet, has_a_number_of_its_own) {
    greenlet const a{[] {}};
    greenlet const b{[] {}};
    EXPECT_NE(a.id(), b.id());
    EXPECT_NE(a.id(), 0U);
}

TENDRIL_TEST(greenlet, a_hundred_thousand_short_lives_take_no_more_memory_than_one) {
    on_new_thread([] {
        for (int count = 0; count < many_lives; ++count) {
            greenlet g{[](int n) { return n; }};
            EXPECT_EQ(g.switch_to(count).as<int>(), count);
        }
        EXPECT_EQ(stacks().peak, 1U);
        EXPECT_EQ(stacks().slabs, 1U);
        EXPECT_EQ(this_thread().blocks.live(), 1U);
    });
}

TENDRIL_TEST(greenlet, a_hundred_thousand_killed_ones_take_no_more_memory_than_one) {
    on_new_thread([] {
        for (int count = 0; count < many_lives; ++count) {
            greenlet g{[] { switch_to_parent(); }};
            g.switch_to();
        }
        EXPECT_EQ(stacks().peak, 1U);
        EXPECT_EQ(this_thread().blocks.live(), 1U);
        EXPECT_EQ(this_thread().started, 0U);
    });
}

TENDRIL_TEST(greenlet, those_that_never_overlap_run_on_one_stack) {
    on_new_thread([] {
        std::vector<greenlet> dead;
        for (int count = 0; count < 100; ++count) {
            dead.emplace_back([] { switch_to_parent(); });
            dead.back().switch_to();
            dead.back().switch_to();
        }
        EXPECT_EQ(stacks().idle, 1U);
        EXPECT_EQ(stacks().peak, 1U);
    });
}

TENDRIL_TEST(greenlet, gets_a_stack_of_the_size_it_asks_for) {
    greenlet g{[] { switch_to_parent(); }, {.stack_size = 1024 * 1024}};
    g.switch_to();
    EXPECT_GE(g.block()->memory->size() + 2048, 1024U * 1024);
}

TENDRIL_TEST(greenlet, asking_for_too_large_a_stack_is_misuse_and_drops_the_function) {
    traveller::start();
    auto make = [passenger = traveller{1}] {};
    greenlet_options const too_large{.stack_size = stack_pool::maximum_size + 1};
    EXPECT_THROW((greenlet{std::move(make), too_large}), misuse);
    EXPECT_EQ(traveller::alive, 1);
}

// The current and the main greenlet.

TENDRIL_TEST(greenlet, current_is_the_one_that_asks) {
    greenlet_ref inside;
    greenlet g{[&] { inside = greenlet::current(); }};
    greenlet_ref const before = greenlet::current();
    g.switch_to();
    EXPECT_EQ(inside, g);
    EXPECT_EQ(greenlet::current(), before);
}

TENDRIL_TEST(greenlet, a_thread_that_never_used_one_runs_in_its_main_greenlet) {
    on_new_thread([] {
        greenlet_ref const main = greenlet::current();
        EXPECT_EQ(main.id(), 0U);
        EXPECT_EQ(main.parent(), greenlet_ref{});
        EXPECT_TRUE(main);
        EXPECT_FALSE(main.dead());
    });
}

TENDRIL_TEST(greenlet, only_the_main_one_has_no_parent) {
    greenlet const g{[] {}};
    EXPECT_EQ(g.parent(), greenlet::current());
    EXPECT_EQ(g.parent().parent(), greenlet_ref{});
}

TENDRIL_TEST(greenlet, the_main_one_gets_no_parent) {
    greenlet const g{[] {}};
    EXPECT_THROW(greenlet::current().set_parent(g), misuse);
    EXPECT_EQ(greenlet::current().parent(), greenlet_ref{});
}

// What a switch carries.

TENDRIL_TEST(greenlet, receives_what_anybody_sends_it) {
    int received = 0;
    greenlet waiting{[&] { received = switch_to_parent().as<int>(); }};
    waiting.switch_to();
    greenlet sibling{[&] { waiting.switch_to(5); }};
    sibling.switch_to();
    EXPECT_EQ(received, 5);
}

TENDRIL_TEST(greenlet, several_values_arrive_as_a_tuple) {
    greenlet g{[](int a, std::string const& b) {
        auto [c, d] = switch_to_parent(a, b).as<char, double>();
        return std::tuple{c, d};
    }};
    EXPECT_EQ(
        (g.switch_to(1, std::string{"x"}).as<int, std::string>()),
        (std::tuple{1, std::string{"x"}}));
    EXPECT_EQ((g.switch_to('c', 2.5).as<char, double>()), (std::tuple{'c', 2.5}));
}

TENDRIL_TEST(greenlet, a_switch_without_values_delivers_nothing) {
    bool nothing_arrived = false;
    greenlet g{[&] { nothing_arrived = switch_to_parent().empty(); }};
    EXPECT_TRUE(g.switch_to().empty());
    EXPECT_TRUE(g.switch_to().empty());
    EXPECT_TRUE(nothing_arrived);
}

TENDRIL_TEST(greenlet, a_switch_without_values_does_not_deliver_those_of_an_earlier_one) {
    greenlet g{[] {
        while (true) {
            switch_to_parent(1);
            switch_to_parent();
        }
    }};
    EXPECT_EQ(g.switch_to().as<int>(), 1);
    EXPECT_TRUE(g.switch_to().empty());
    EXPECT_EQ(g.switch_to().as<int>(), 1);
}

TENDRIL_TEST(greenlet, a_value_object_is_passed_on_as_it_is) {
    greenlet g{[](value first) { return switch_to_parent(std::move(first)); }};
    EXPECT_EQ(g.switch_to(value{1}).as<int>(), 1);
    EXPECT_TRUE(g.switch_to(value{}).empty());
}

TENDRIL_TEST(greenlet, a_hundred_round_trips_leave_no_value_behind) {
    traveller::start();
    {
        greenlet g{[](traveller) {
            while (true) {
                switch_to_parent(traveller{1});
            }
        }};
        for (int trip = 0; trip < 100; ++trip) {
            g.switch_to(traveller{2});
        }
    }
    EXPECT_EQ(traveller::alive, 0);
    EXPECT_EQ(traveller::copies, 0);
}

TENDRIL_TEST(greenlet, a_value_is_moved_in_across_and_out_and_never_copied) {
    greenlet g{[] { switch_to_parent().as<traveller>(); }};
    g.switch_to();
    traveller sent{7};
    traveller::start();
    g.switch_to(std::move(sent));
    EXPECT_EQ(traveller::copies, 0);
    EXPECT_EQ(traveller::moves, 3);
    EXPECT_EQ(traveller::alive, 0);
}

TENDRIL_TEST(greenlet, first_values_that_do_not_fit_are_an_error_in_the_parent) {
    bool ran = false;
    greenlet g{[&](int) { ran = true; }};
    EXPECT_THROW(g.switch_to(std::string{"not an int"}), bad_value);
    EXPECT_TRUE(g.dead());
    EXPECT_FALSE(ran);
}

TENDRIL_TEST(greenlet, its_locals_are_gone_before_the_result_arrives) {
    transcript seen;
    greenlet g{[&] {
        note_at_end const local{seen, "local"};
        return note_at_end{seen, "result"};
    }};
    {
        auto const result = g.switch_to().as<note_at_end>();
        seen.push_back("arrived");
    }
    EXPECT_EQ(seen, (transcript{"local", "arrived", "result"}));
}

TENDRIL_TEST(greenlet, its_function_is_destroyed_before_the_parent_goes_on) {
    transcript seen;
    greenlet g{[captured = note_at_end{seen, "function"}] { switch_to_parent(); }};
    g.switch_to();
    seen.push_back("suspended");
    g.switch_to();
    seen.push_back("parent");
    EXPECT_EQ(seen, (transcript{"suspended", "function", "parent"}));
}

TENDRIL_TEST(greenlet, siblings_switch_to_each_other_without_their_parent) {
    transcript seen;
    greenlet second;
    greenlet first{[&] {
        seen.push_back("first");
        second.switch_to();
        seen.push_back("first again");
    }};
    second = greenlet{[&] {
        seen.push_back("second");
        first.switch_to();
        seen.push_back("never");
    }};
    first.switch_to();
    seen.push_back("parent");
    EXPECT_EQ(seen, (transcript{"first", "second", "first again", "parent"}));
}

TENDRIL_TEST(greenlet, nothing_but_death_and_a_switch_changes_who_runs) {
    std::uint64_t const before = this_thread().switches;
    greenlet g{[] { switch_to_parent(1); }};
    greenlet const copy = g;
    static_cast<void>(g.parent());
    g.set_parent(greenlet::current());
    g.switch_to();
    EXPECT_EQ(this_thread().switches, before + 2);
    g.switch_to();
    EXPECT_EQ(this_thread().switches, before + 4);
}

TENDRIL_TEST(greenlet, nested_greenlets_return_level_by_level) {
    std::function<int(int)> descend = [&](int depth) -> int {
        if (depth == 0) {
            return 0;
        }
        greenlet next{[&](int below) { return descend(below) + 1; }};
        return next.switch_to(depth - 1).as<int>();
    };
    EXPECT_EQ(descend(200), 200);
}

// Parents.

TENDRIL_TEST(greenlet, its_parent_is_the_one_that_made_it_and_not_the_one_that_starts_it) {
    greenlet maker{[] { return greenlet{[] { return 1; }}; }};
    greenlet made = maker.switch_to().as<greenlet>();
    EXPECT_EQ(made.parent(), maker);
    greenlet starter{[&] { made.switch_to(); }};
    starter.switch_to();
    EXPECT_EQ(made.parent(), maker);
}

TENDRIL_TEST(greenlet, its_parent_can_be_named_when_it_is_made) {
    greenlet parent{[](int result) { return result + 1; }};
    greenlet child{[] { return 1; }, {.parent = parent}};
    EXPECT_EQ(child.parent(), parent);
    EXPECT_EQ(child.switch_to().as<int>(), 2);
}

TENDRIL_TEST(greenlet, no_named_parent_means_the_current_one) {
    greenlet const g{[] {}, {.parent = greenlet_ref{}}};
    EXPECT_EQ(g.parent(), greenlet::current());
}

TENDRIL_TEST(greenlet, cannot_be_its_own_parent) {
    greenlet const g{[] {}};
    EXPECT_THROW(g.set_parent(g), misuse);
    EXPECT_EQ(g.parent(), greenlet::current());
}

TENDRIL_TEST(greenlet, a_circle_of_parents_is_refused_and_changes_nothing) {
    greenlet const a{[] {}};
    greenlet const b{[] {}, {.parent = a}};
    greenlet const c{[] {}, {.parent = b}};
    EXPECT_THROW(a.set_parent(c), misuse);
    EXPECT_THROW(a.set_parent(b), misuse);
    EXPECT_EQ(a.parent(), greenlet::current());
    EXPECT_EQ(c.parent(), b);
}

TENDRIL_TEST(greenlet, its_result_goes_to_the_parent_it_has_at_death) {
    int received = 0;
    greenlet later_parent{[&] { received = switch_to_parent().as<int>(); }};
    later_parent.switch_to();
    greenlet g{[] {
        switch_to_parent();
        return 5;
    }};
    g.switch_to();
    g.set_parent(later_parent);
    EXPECT_TRUE(g.switch_to().empty());
    EXPECT_EQ(received, 5);
}

TENDRIL_TEST(greenlet, its_error_goes_to_the_parent_it_has_at_death) {
    std::string caught;
    greenlet later_parent{[&] {
        try {
            switch_to_parent();
        } catch (std::runtime_error const& error) {
            caught = error.what();
        }
    }};
    later_parent.switch_to();
    greenlet g{[] { throw std::runtime_error{"for the later parent"}; }};
    g.set_parent(later_parent);
    g.switch_to();
    EXPECT_EQ(caught, "for the later parent");
}

TENDRIL_TEST(greenlet, a_child_keeps_its_parent_alive) {
    int ended = 0;
    greenlet parent = test::suspended_greenlet(ended);
    greenlet child{[] {}, {.parent = parent}};
    parent = greenlet{};
    EXPECT_EQ(ended, 0);
    child = greenlet{};
    EXPECT_EQ(ended, 1);
}

TENDRIL_TEST(greenlet, a_parent_does_not_keep_its_children_alive) {
    int parents_ended = 0;
    int children_ended = 0;
    greenlet const parent = test::suspended_greenlet(parents_ended);
    greenlet child = test::suspended_greenlet(children_ended);
    child.set_parent(parent);
    child = greenlet{};
    EXPECT_EQ(children_ended, 1);
    EXPECT_EQ(parents_ended, 0);
}

TENDRIL_TEST(greenlet, a_new_parent_frees_the_old_one_that_nobody_else_holds) {
    int ended = 0;
    greenlet old_parent = test::suspended_greenlet(ended);
    greenlet const child{[] {}, {.parent = old_parent}};
    old_parent = greenlet{};
    child.set_parent(greenlet::current());
    EXPECT_EQ(ended, 1);
}
