// SPDX-License-Identifier: BSL-1.0
#include <harness/greenlets.hpp>
#include <tendril/greenlet/state.hpp>

#include <set>
#include <string>

namespace {

using namespace tendril;
using test::switch_to_parent;

greenlet_state state_of(greenlet_ref const& g) { return g.block()->state; }

}  // namespace

TENDRIL_TEST(state, every_state_has_a_word_of_its_own) {
    std::set<std::string> words;
    for (int number = 0; number <= static_cast<int>(greenlet_state::dead); ++number) {
        words.insert(to_string(static_cast<greenlet_state>(number)));
    }
    EXPECT_EQ(
        words,
        (std::set<std::string>{"unstarted", "running", "suspended", "parked", "ready", "dead"}));
}

TENDRIL_TEST(state, follows_a_greenlet_through_its_life) {
    greenlet_state inside{};
    greenlet g{[&] {
        inside = state_of(greenlet::current());
        switch_to_parent();
    }};
    EXPECT_EQ(state_of(g), greenlet_state::unstarted);
    g.switch_to();
    EXPECT_EQ(inside, greenlet_state::running);
    EXPECT_EQ(state_of(g), greenlet_state::suspended);
    g.switch_to();
    EXPECT_EQ(state_of(g), greenlet_state::dead);
}

TENDRIL_TEST(state, of_whoever_switched_away_is_suspended) {
    greenlet_state seen{};
    greenlet g{[&] { seen = state_of(greenlet::current().parent()); }};
    g.switch_to();
    EXPECT_EQ(seen, greenlet_state::suspended);
    EXPECT_EQ(state_of(greenlet::current()), greenlet_state::running);
}

TENDRIL_TEST(state, of_one_that_was_killed_before_its_first_turn_is_dead) {
    greenlet g{[] {}};
    g.throw_into();
    EXPECT_EQ(state_of(g), greenlet_state::dead);
}
