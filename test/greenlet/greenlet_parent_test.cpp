// SPDX-License-Identifier: BSL-1.0
//
// What may become a parent, and when a new one counts.
#include <harness/greenlets.hpp>
#include <tendril/greenlet/greenlet.hpp>

#include <string>
#include <type_traits>
#include <utility>

namespace {

using namespace tendril;
using test::second_thread;
using test::switch_to_parent;
using test::transcript;

template <typename T>
constexpr bool can_be_set_as_parent = requires(greenlet const& child, T const& parent) {
    child.set_parent(parent);
};

// Does something when it is copied into what a switch carries.
template <typename F>
struct acts_when_copied {
    explicit acts_when_copied(F function) : action{std::move(function)} {}
    acts_when_copied(acts_when_copied const& other) : action{other.action} { action(); }
    acts_when_copied(acts_when_copied&& other) noexcept : action{std::move(other.action)} {}
    F action;
};

}  // namespace

TENDRIL_TEST(greenlet, only_a_handle_can_be_set_as_its_parent) {
    EXPECT_TRUE(can_be_set_as_parent<greenlet>);
    EXPECT_TRUE(can_be_set_as_parent<greenlet_ref>);
    EXPECT_FALSE(can_be_set_as_parent<int>);
    EXPECT_FALSE(can_be_set_as_parent<std::string>);
    EXPECT_FALSE(can_be_set_as_parent<std::nullptr_t>);
    EXPECT_FALSE(can_be_set_as_parent<void (*)()>);
}

TENDRIL_TEST(greenlet, its_parent_cannot_be_taken_away) {
    greenlet const parent{[] {}};
    greenlet const child{[] {}, {.parent = parent}};
    EXPECT_THROW(child.set_parent({}), misuse);
    EXPECT_THROW(child.set_parent(greenlet{}), misuse);
    EXPECT_EQ(child.parent(), parent);
}

TENDRIL_TEST(greenlet, a_started_one_gets_no_parent_of_another_thread) {
    second_thread other;
    greenlet elsewhere;
    other.run([&] { elsewhere = greenlet{[] {}}; });
    greenlet started{[] {
        switch_to_parent();
        return 7;
    }};
    started.switch_to();
    EXPECT_THROW(started.set_parent(elsewhere), wrong_thread);
    EXPECT_EQ(started.parent(), greenlet::current());
    EXPECT_EQ(started.switch_to().as<int>(), 7);
    other.run([&] { elsewhere = greenlet{}; });
}

TENDRIL_TEST(greenlet, a_circle_that_closes_while_the_first_values_are_packed_starts_nothing) {
    greenlet const parent{[](value) {}};
    greenlet const child{[](value) {}, {.parent = parent}};
    acts_when_copied const closes_it{[&] { parent.set_parent(child); }};
    EXPECT_THROW(child.switch_to(closes_it), misuse);
    EXPECT_FALSE(child.started());
    EXPECT_EQ(parent.parent(), greenlet::current());
}

TENDRIL_TEST(greenlet, a_parent_that_is_set_while_the_first_values_are_packed_counts) {
    transcript seen;
    greenlet_ref const main = greenlet::current();
    greenlet later_parent{[&](int result) {
        seen.push_back("later parent got " + std::to_string(result));
        main.switch_to(std::string{"done"});
    }};
    greenlet g{[](value) { return 5; }};
    acts_when_copied const moves_it{[&] { g.set_parent(later_parent); }};
    EXPECT_EQ(g.switch_to(moves_it).as<std::string>(), "done");
    EXPECT_EQ(seen, (transcript{"later parent got 5"}));
}
