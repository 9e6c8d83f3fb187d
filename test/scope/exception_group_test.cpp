// SPDX-License-Identifier: BSL-1.0
#include <harness/tendril_test.hpp>
#include <tendril/scope/exception_group.hpp>
#include <tendril/support/error.hpp>

#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace tendril;

std::exception_ptr range_error_of(std::string const& text) {
    return std::make_exception_ptr(std::range_error{text});
}
std::exception_ptr domain_error_of(std::string const& text) {
    return std::make_exception_ptr(std::domain_error{text});
}

// r1, (d2, (r3))
exception_group nested_group() {
    exception_group const inner{"inner", {range_error_of("3")}};
    exception_group const middle{"middle", {domain_error_of("2"), std::make_exception_ptr(inner)}};
    return exception_group{"outer", {range_error_of("1"), std::make_exception_ptr(middle)}};
}

}  // namespace

TENDRIL_TEST(exception_group, its_text_shows_every_error_as_nested_as_it_is) {
    EXPECT_EQ(
        std::string{nested_group().what()},
        "outer\n"
        "  - std::range_error: 1\n"
        "  - middle\n"
        "    - std::domain_error: 2\n"
        "    - inner\n"
        "      - std::range_error: 3");
}

TENDRIL_TEST(exception_group, knows_its_leaves) {
    EXPECT_EQ(nested_group().leaves().size(), 3U);
    EXPECT_EQ(nested_group().errors().size(), 2U);
    EXPECT_TRUE(nested_group().contains<std::domain_error>());
    EXPECT_FALSE(nested_group().contains<misuse>());
}

TENDRIL_TEST(exception_group, a_split_keeps_the_nesting) {
    auto const [matching, rest] = nested_group().split<std::range_error>();
    ASSERT_TRUE(matching && rest);
    EXPECT_EQ(
        std::string{matching->what()},
        "outer\n"
        "  - std::range_error: 1\n"
        "  - middle\n"
        "    - inner\n"
        "      - std::range_error: 3");
    EXPECT_EQ(
        std::string{rest->what()},
        "outer\n"
        "  - middle\n"
        "    - std::domain_error: 2");
}

TENDRIL_TEST(exception_group, a_split_of_which_one_side_is_empty_has_nothing_there) {
    auto const [all, none] = nested_group().split<std::exception>();
    EXPECT_TRUE(all);
    EXPECT_FALSE(none);
    auto const [no_match, everything] = nested_group().split<misuse>();
    EXPECT_FALSE(no_match);
    EXPECT_EQ(everything->leaves().size(), 3U);
}

TENDRIL_TEST(exception_group, holds_one_error_or_more_and_no_null_pointers) {
    EXPECT_THROW((exception_group{"none", {}}), misuse);
    EXPECT_THROW((exception_group{"null", {nullptr}}), misuse);
}
