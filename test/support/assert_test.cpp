// SPDX-License-Identifier: BSL-1.0
#include <harness/tendril_test.hpp>
#include <tendril/support/assert.hpp>

#include <cstdio>
#include <string>

namespace {

using namespace tendril;

void divide_by(int divisor) { TENDRIL_REQUIRE(divisor != 0, "a divisor is not zero: check it"); }

void name_a_worker(char* text, unsigned long size) noexcept {
    std::snprintf(text, size, "greenlet 7 'worker'");
}

[[noreturn]] void break_an_invariant_in_a_named_greenlet() {
    set_describe_current(&name_a_worker);
    TENDRIL_ASSERT(1 + 1 == 3, "adder invariant 4");
    std::_Exit(0);
}

}  // namespace

TENDRIL_TEST(assert, a_kept_requirement_does_nothing) { EXPECT_NO_THROW(divide_by(2)); }

TENDRIL_TEST(assert, a_broken_requirement_throws_misuse_with_the_rule_as_its_text) {
    try {
        divide_by(0);
        FAIL() << "nothing was thrown";
    } catch (misuse const& error) {
        EXPECT_STREQ(error.what(), "a divisor is not zero: check it");
    }
}

TENDRIL_TEST(assert, a_requirement_can_throw_a_descendant_of_misuse) {
    auto const use_elsewhere = [] { TENDRIL_REQUIRE_AS(wrong_thread, false, "one thread only"); };
    EXPECT_THROW(use_elsewhere(), wrong_thread);
}

TENDRIL_TEST(assert, a_check_looks_at_its_condition_once) {
    int looks = 0;
    TENDRIL_REQUIRE(++looks > 0, "counted");
    TENDRIL_ASSERT(++looks > 0, "counted");
    EXPECT_EQ(looks, 2);
}

TENDRIL_TEST(assert, a_check_is_one_statement_to_an_if_without_braces) {
    bool reached_else = false;
    // clang-format off
    if (reached_else)
        TENDRIL_REQUIRE(false, "not reached");
    else
        reached_else = true;
    // clang-format on
    EXPECT_TRUE(reached_else);
}

TENDRIL_TEST(assert, a_broken_invariant_stops_and_says_which_one_and_where) {
    EXPECT_DEATH(
        TENDRIL_ASSERT(1 + 1 == 3, "adder invariant 4"),
        "invariant broken: adder invariant 4 \\(1 \\+ 1 == 3\\) at .*assert_test.cpp:[0-9]+");
}

TENDRIL_TEST(assert, a_broken_invariant_names_the_running_greenlet) {
    EXPECT_DEATH(break_an_invariant_in_a_named_greenlet(), "in greenlet 7 'worker'");
}
