// SPDX-License-Identifier: BSL-1.0
#include <harness/tasks.hpp>
#include <tendril/scope/exception_group.hpp>
#include <tendril/support/error.hpp>

#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
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

namespace {

// Each group is the only error of the next one, but for the innermost, which has two.
std::exception_ptr nested_so_deep(int levels) {
    std::exception_ptr all = std::make_exception_ptr(
        exception_group{"level", {range_error_of("a"), domain_error_of("b")}});
    for (int level = 1; level < levels; ++level) {
        all = std::make_exception_ptr(exception_group{"level", {std::move(all)}});
    }
    return all;
}

exception_group group_of(std::exception_ptr const& error) {
    try {
        std::rethrow_exception(error);
    } catch (exception_group const& group) {
        return group;
    }
}

// Each throw takes long under sanitizers.
constexpr int very_deep = TENDRIL_ASAN || TENDRIL_TSAN ? 10'000 : 100'000;

std::string deepest_line(char const* error) {
    return "- (level " + std::to_string(very_deep) + ") " + error;
}

}  // namespace

TENDRIL_HUB_TEST(exception_group, that_is_very_deep_has_a_text_on_the_stack_of_a_task) {
    spawn([] {
        exception_group const group = group_of(nested_so_deep(very_deep));
        std::string const text = group.what();
        EXPECT_EQ(text.rfind("level\n  - level\n    - level\n", 0), 0U);
        EXPECT_TRUE(test::contains(text, deepest_line("std::range_error: a\n")));
        EXPECT_TRUE(test::contains(text, deepest_line("std::domain_error: b")));
        EXPECT_LT(text.size(), std::size_t{100} * very_deep);
    }).join();
}

TENDRIL_HUB_TEST(exception_group, that_is_very_deep_is_split_on_the_stack_of_a_task) {
    spawn([] {
        exception_group const group = group_of(nested_so_deep(very_deep));
        EXPECT_EQ(group.leaves().size(), 2U);
        EXPECT_TRUE(group.contains<std::domain_error>());
        auto const [matching, rest] = group.split<std::range_error>();
        ASSERT_TRUE(matching && rest);
        EXPECT_EQ(matching->leaves().size(), 1U);
        EXPECT_TRUE(rest->contains<std::domain_error>());
        EXPECT_TRUE(test::contains(rest->what(), deepest_line("std::domain_error: b")));
    }).join();
}

TENDRIL_HUB_TEST(exception_group, that_is_very_deep_goes_on_the_stack_of_a_task) {
    spawn([] {
        std::exception_ptr all = nested_so_deep(very_deep);
        exception_group kept = group_of(all);
        all = nullptr;
        EXPECT_EQ(kept.message(), "level");
        kept = exception_group{"another", {range_error_of("c")}};
        EXPECT_EQ(kept.leaves().size(), 1U);
    }).join();
}

TENDRIL_TEST(exception_group, its_copies_share_one_text) {
    exception_group const group = nested_group();
    exception_group const copy = group;
    EXPECT_EQ(group.what(), copy.what());
    std::exception_ptr const thrown = std::make_exception_ptr(copy);
    EXPECT_EQ(group_of(thrown).what(), group.what());
}

TENDRIL_TEST(exception_group, may_be_read_by_several_threads) {
    exception_group const group = nested_group();
    std::vector<std::string> texts(4);
    std::vector<std::thread> readers;
    for (std::string& text : texts) {
        readers.emplace_back([&] { text = group.what(); });
    }
    for (std::thread& each : readers) {
        each.join();
    }
    EXPECT_EQ(texts, std::vector<std::string>(4, group.what()));
}
