// SPDX-License-Identifier: BSL-1.0
//
// Who is continued by a switch, and what happens to exceptions in flight meanwhile.
#include <harness/greenlets.hpp>
#include <tendril/greenlet/switch.hpp>

#include <alloca.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
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

greenlet dead_greenlet(greenlet_ref const& parent = {}) {
    greenlet g{[] {}};
    g.switch_to();
    if (parent.block() != nullptr) {
        g.set_parent(parent);
    }
    return g;
}

// The text of the exception that is being handled.
std::string rethrown() {
    try {
        throw;
    } catch (std::string const& own) {
        return own;
    }
}

// Suspends in an inner handler, then in the outer one, and writes what each rethrows.
void park_in_two_handlers(std::string const& name, transcript& seen) {
    try {
        throw name + " outer";
    } catch (std::string const&) {
        try {
            throw name + " inner";
        } catch (std::string const&) {
            switch_to_parent();
            seen.push_back(rethrown());
        }
        switch_to_parent();
        seen.push_back(rethrown());
    }
}

// Suspends some frames down, and throws from there when it goes on.
void throw_at_depth(int depth, int number) {
    if (depth > 0) {
        throw_at_depth(depth - 1, number);
        return;
    }
    switch_to_parent();
    throw number;
}

int descend_and_suspend(int depth) {
    auto* const block = static_cast<char*>(alloca(64));
    std::memset(block, depth % 100, 64);
    int const below = depth == 0 ? switch_to_parent().as<int>() : descend_and_suspend(depth - 1);
    return below + (block[63] == depth % 100 ? 1 : 0);
}

struct switches_when_destroyed {
    explicit switches_when_destroyed(greenlet_ref const& target) : to{target} {}
    switches_when_destroyed(switches_when_destroyed const&) = delete;
    ~switches_when_destroyed() { to.switch_to(); }
    greenlet_ref to;
};

greenlet counting_greenlet(int& visits) {
    return greenlet{[&visits] {
        while (true) {
            ++visits;
            switch_to_parent();
        }
    }};
}

}  // namespace

// Targets.

TENDRIL_TEST(switch, to_the_current_greenlet_returns_its_own_values) {
    std::uint64_t const switches = this_thread().switches;
    EXPECT_EQ(greenlet::current().switch_to(5).as<int>(), 5);
    EXPECT_TRUE(greenlet::current().switch_to().empty());
    EXPECT_EQ(this_thread().switches, switches);
}

TENDRIL_TEST(switch, to_itself_leaves_the_values_of_others_alone) {
    greenlet g{[](int first) {
        EXPECT_EQ(greenlet::current().switch_to(std::string{"own"}).as<std::string>(), "own");
        return first;
    }};
    EXPECT_EQ(g.switch_to(7).as<int>(), 7);
}

TENDRIL_TEST(switch, to_a_dead_greenlet_goes_to_its_nearest_living_ancestor) {
    int received = 0;
    greenlet ancestor{[&] { received = switch_to_parent().as<int>(); }};
    ancestor.switch_to();
    greenlet const between = dead_greenlet(ancestor);
    greenlet const dead = dead_greenlet(between);
    dead.switch_to(5);
    EXPECT_EQ(received, 5);
}

TENDRIL_TEST(switch, to_a_dead_child_of_the_caller_returns_the_own_values) {
    greenlet const dead = dead_greenlet();
    EXPECT_EQ(dead.switch_to(5).as<int>(), 5);
    EXPECT_TRUE(dead.switch_to().empty());
}

TENDRIL_TEST(switch, to_a_dead_greenlet_starts_an_unstarted_ancestor_with_the_values) {
    greenlet pending{[](int first) { return first + 1; }};
    greenlet const dead = dead_greenlet(pending);
    EXPECT_EQ(dead.switch_to(1).as<int>(), 2);
    EXPECT_TRUE(pending.dead());
}

TENDRIL_TEST(switch, to_a_dead_greenlet_follows_its_new_parent) {
    greenlet const dead = dead_greenlet();
    EXPECT_EQ(dead.switch_to(1).as<int>(), 1);
    greenlet const echo{[](int first) { return first * 10; }};
    dead.set_parent(echo);
    EXPECT_EQ(dead.switch_to(1).as<int>(), 10);
}

TENDRIL_TEST(switch, a_result_starts_an_unstarted_parent) {
    greenlet const parent{[](int result) { return result + 1; }};
    greenlet const child{[] { return 1; }, {.parent = parent}};
    EXPECT_EQ(child.switch_to().as<int>(), 2);
}

TENDRIL_TEST(switch, a_result_that_does_not_fit_an_unstarted_parent_fails_in_the_grandparent) {
    greenlet const parent{[](int) {}};
    greenlet const child{[] { return std::string{"no int"}; }, {.parent = parent}};
    EXPECT_THROW(child.switch_to(), bad_value);
    EXPECT_TRUE(parent.dead());
}

TENDRIL_TEST(switch, a_result_passes_dead_parents_on_its_way_up) {
    greenlet const dead = dead_greenlet();
    greenlet const child{[] { return 3; }, {.parent = dead}};
    EXPECT_EQ(child.switch_to().as<int>(), 3);
}

TENDRIL_TEST(switch, an_error_passes_dead_and_unstarted_parents_on_its_way_up) {
    greenlet const pending{[] {}};
    greenlet const dead = dead_greenlet(pending);
    greenlet const child{[] { throw std::runtime_error{"up"}; }, {.parent = dead}};
    EXPECT_THROW(child.switch_to(), std::runtime_error);
    EXPECT_TRUE(pending.dead());
}

TENDRIL_TEST(switch, the_death_of_a_child_leaves_its_grandparent_alone) {
    int ended = 0;
    transcript seen;
    greenlet const grandparent = suspended_greenlet(ended);
    greenlet_ref const main = greenlet::current();
    greenlet const parent{
        [&] {
            seen.push_back("parent");
            main.switch_to();
        },
        {.parent = grandparent}};
    greenlet const child{[] {}, {.parent = parent}};
    child.switch_to();
    EXPECT_EQ(seen, (transcript{"parent"}));
    EXPECT_TRUE(grandparent);
}

TENDRIL_TEST(switch, values_survive_a_thousand_frames_below_it) {
    // Sanitizers make frames larger.
    greenlet g{[] { return descend_and_suspend(1000); }, {.stack_size = 4 * 1024 * 1024}};
    g.switch_to();
    EXPECT_EQ(g.switch_to(5).as<int>(), 1006);
}

TENDRIL_TEST(switch, works_inside_the_comparison_of_a_c_library_sort) {
    static int comparisons;
    comparisons = 0;
    std::array<int, 5> numbers{3, 1, 5, 2, 4};
    greenlet g{[&] {
        std::qsort(numbers.data(), numbers.size(), sizeof(int), [](void const* a, void const* b) {
            ++comparisons;
            switch_to_parent();
            return *static_cast<int const*>(a) - *static_cast<int const*>(b);
        });
    }};
    while (!g.dead()) {
        g.switch_to();
    }
    EXPECT_GT(comparisons, 4);
    EXPECT_TRUE(std::is_sorted(numbers.begin(), numbers.end()));
}

TENDRIL_TEST(switch, a_function_whose_destructor_switches_ends_in_order) {
    transcript seen;
    greenlet other{[&] {
        seen.push_back("other");
        switch_to_parent();
    }};
    greenlet g{[&seen, last = std::make_unique<switches_when_destroyed>(other)] {
        seen.push_back("function");
    }};
    other.set_parent(g);
    g.switch_to();
    seen.push_back("parent");
    EXPECT_EQ(seen, (transcript{"function", "other", "parent"}));
    EXPECT_TRUE(g.dead());
}

TENDRIL_TEST(switch, the_elements_of_a_container_may_switch_when_they_are_destroyed) {
    int visits = 0;
    greenlet const counter = counting_greenlet(visits);
    {
        std::vector<std::vector<std::unique_ptr<switches_when_destroyed>>> nested(3);
        for (auto& inner : nested) {
            inner.push_back(std::make_unique<switches_when_destroyed>(counter));
        }
    }
    EXPECT_EQ(visits, 3);
}

TENDRIL_TEST(switch, the_elements_of_a_container_may_switch_while_an_error_unwinds_it) {
    int visits = 0;
    greenlet const counter = counting_greenlet(visits);
    try {
        std::vector<std::unique_ptr<switches_when_destroyed>> all;
        all.push_back(std::make_unique<switches_when_destroyed>(counter));
        all.push_back(std::make_unique<switches_when_destroyed>(counter));
        throw std::runtime_error{"unwinding"};
    } catch (std::runtime_error const& error) {
        EXPECT_STREQ(error.what(), "unwinding");
    }
    EXPECT_EQ(visits, 2);
}

// Exceptions in flight.

TENDRIL_TEST(switch, whoever_goes_on_sees_nothing_of_a_handler_left_behind) {
    greenlet g{[] {
        try {
            throw 1;
        } catch (int) {
            switch_to_parent();
        }
    }};
    g.switch_to();
    EXPECT_EQ(std::current_exception(), nullptr);
    EXPECT_EQ(std::uncaught_exceptions(), 0);
}

TENDRIL_TEST(switch, a_greenlet_started_inside_a_handler_handles_nothing) {
    std::exception_ptr inside = std::make_exception_ptr(0);
    int uncaught = -1;
    greenlet g{[&] {
        inside = std::current_exception();
        uncaught = std::uncaught_exceptions();
    }};
    try {
        throw 1;
    } catch (int) {
        g.switch_to();
    }
    EXPECT_EQ(inside, nullptr);
    EXPECT_EQ(uncaught, 0);
}

TENDRIL_TEST(switch, the_handled_exception_is_the_same_object_after_a_round_trip) {
    bool same = false;
    greenlet g{[&] {
        try {
            throw std::runtime_error{"x"};
        } catch (std::runtime_error const&) {
            std::exception_ptr const before = std::current_exception();
            switch_to_parent();
            same = before == std::current_exception();
        }
    }};
    g.switch_to();
    EXPECT_THROW(throw std::logic_error{"another in between"}, std::logic_error);
    g.switch_to();
    EXPECT_TRUE(same);
}

TENDRIL_TEST(switch, three_greenlets_in_two_handlers_each_rethrow_their_own_in_any_order) {
    // Each of the three has three turns: start, leave the inner handler, leave the outer one.
    std::array<int, 9> order{0, 0, 0, 1, 1, 1, 2, 2, 2};
    int orders = 0;
    do {
        std::array<transcript, 3> seen;
        std::array<greenlet, 3> all;
        for (std::size_t who = 0; who < 3; ++who) {
            all[who] = greenlet{
                [who, &seen] { park_in_two_handlers(std::to_string(who), seen[who]); }};
        }
        for (int who : order) {
            all[static_cast<std::size_t>(who)].switch_to();
        }
        for (std::size_t who = 0; who < 3; ++who) {
            std::string const name = std::to_string(who);
            ASSERT_EQ(seen[who], (transcript{name + " inner", name + " outer"}));
        }
        ++orders;
    } while (std::next_permutation(order.begin(), order.end()));
    EXPECT_EQ(orders, 1680);
}

TENDRIL_TEST(switch, four_greenlets_that_throw_at_different_depths_each_catch_their_own) {
    std::array<int, 4> caught{};
    std::array<greenlet, 4> all;
    for (std::size_t who = 0; who < 4; ++who) {
        all[who] = greenlet{[who, &caught] {
            try {
                throw_at_depth(static_cast<int>(who) * 10, static_cast<int>(who) + 1);
            } catch (int number) {
                caught[who] = number;
                switch_to_parent();
            }
        }};
        all[who].switch_to();
    }
    for (std::size_t who : {2U, 0U, 3U, 1U}) {
        all[who].switch_to();
    }
    EXPECT_EQ(caught, (std::array{1, 2, 3, 4}));
}

TENDRIL_TEST(switch, a_destructor_that_switches_while_unwinding_takes_its_count_along) {
    int after = -1;
    greenlet_ref const main = greenlet::current();
    greenlet g{[&] {
        try {
            scope_exit const note{[&] { after = std::uncaught_exceptions(); }};
            switches_when_destroyed const guard{main};
            throw 1;
        } catch (int) {}
    }};
    g.switch_to();
    EXPECT_EQ(std::uncaught_exceptions(), 0);
    g.switch_to();
    EXPECT_EQ(after, 1);
    EXPECT_TRUE(g.dead());
}

TENDRIL_TEST(switch, a_greenlet_started_while_unwinding_unwinds_nothing) {
    int inside = -1;
    greenlet g{[&] { inside = std::uncaught_exceptions(); }};
    try {
        switches_when_destroyed const guard{g};
        throw 1;
    } catch (int) {}
    EXPECT_EQ(inside, 0);
}

TENDRIL_TEST(switch, a_greenlet_that_fails_while_another_unwinds_disturbs_nobody) {
    std::string inner_caught;
    greenlet failing{[] { throw std::runtime_error{"inner"}; }};
    try {
        scope_exit const guard{[&] {
            try {
                failing.switch_to();
            } catch (std::runtime_error const& error) {
                inner_caught = error.what();
            }
        }};
        throw std::logic_error{"outer"};
    } catch (std::logic_error const& error) {
        EXPECT_STREQ(error.what(), "outer");
    }
    EXPECT_EQ(inner_caught, "inner");
}

TENDRIL_TEST(switch, a_greenlet_can_be_ended_while_it_is_suspended_in_a_handler) {
    traveller::start();
    {
        greenlet g{[] {
            try {
                throw traveller{1};
            } catch (traveller const&) {
                switch_to_parent();
            }
        }};
        g.switch_to();
        EXPECT_EQ(traveller::alive, 1);
    }
    EXPECT_EQ(traveller::alive, 0);
    EXPECT_EQ(std::current_exception(), nullptr);
}

TENDRIL_TEST(switch, an_error_thrown_into_a_handler_is_handled_inside_it) {
    transcript seen;
    greenlet g{[&] {
        try {
            throw std::string{"first"};
        } catch (std::string const&) {
            try {
                switch_to_parent();
            } catch (std::string const& second) {
                seen.push_back(second);
            }
            seen.push_back(rethrown());
        }
    }};
    g.switch_to();
    g.throw_into(std::string{"second"});
    EXPECT_EQ(seen, (transcript{"second", "first"}));
}

TENDRIL_TEST(switch, an_error_thrown_into_a_handler_can_leave_it) {
    traveller::start();
    greenlet g{[] {
        try {
            throw traveller{1};
        } catch (traveller const&) {
            switch_to_parent();
        }
    }};
    g.switch_to();
    EXPECT_THROW(g.throw_into(std::runtime_error{"second"}), std::runtime_error);
    EXPECT_EQ(traveller::alive, 0);
}

TENDRIL_TEST(switch, a_handler_that_starts_and_ends_greenlets_keeps_its_exception) {
    int ended = 0;
    try {
        throw std::string{"mine"};
    } catch (std::string const&) {
        { greenlet const g = suspended_greenlet(ended); }
        EXPECT_THROW((greenlet{[] { throw 1; }}.switch_to()), int);
        EXPECT_EQ(rethrown(), "mine");
    }
    EXPECT_EQ(ended, 1);
}

TENDRIL_TEST(switch, an_error_passes_an_unstarted_parent_whose_function_switches_when_destroyed) {
    transcript seen;
    greenlet other{[&] {
        seen.push_back("other");
        switch_to_parent();
    }};
    greenlet pending{[last = std::make_unique<switches_when_destroyed>(other)] {}};
    greenlet child{[] { throw std::runtime_error{"up"}; }, {.parent = pending}};
    other.set_parent(child);
    EXPECT_THROW(child.switch_to(), std::runtime_error);
    EXPECT_TRUE(child.dead());
    EXPECT_TRUE(pending.dead());
    EXPECT_EQ(seen, (transcript{"other"}));
}
