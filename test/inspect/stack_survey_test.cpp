// SPDX-License-Identifier: BSL-1.0
#include <harness/greenlets.hpp>
#include <tendril/inspect/stack_survey.hpp>

#include <sstream>

namespace {

using namespace tendril;
using tendril::test::on_new_thread;
using tendril::test::switch_to_parent;

constexpr std::size_t kib = 1024;

// Writes to about so much stack.
[[gnu::noinline]] void dig(std::size_t bytes) {
    std::byte volatile frame[1024];
    frame[0] = std::byte{1};
    // Compilers make a loop of a recursion whose frames nobody else can see.
    asm volatile("" : : "r"(frame) : "memory");
    if (bytes > sizeof frame) {
        dig(bytes - sizeof frame);
    }
    frame[1] = std::byte{2};
}

greenlet digger(std::size_t bytes) {
    greenlet made{[bytes] {
        dig(bytes);
        switch_to_parent();
    }};
    made.switch_to();
    return made;
}

TENDRIL_TEST(stack_survey, tells_how_deep_a_greenlet_has_been) {
    on_new_thread([] {
        greenlet const shallow = digger(1 * kib);
        greenlet const deep = digger(100 * kib);
        EXPECT_LT(stack_usage(shallow), 16 * kib);
        EXPECT_GE(stack_usage(deep), 100 * kib);
        EXPECT_LT(stack_usage(deep), 190 * kib);
    });
}

TENDRIL_TEST(stack_survey, a_greenlet_without_a_stack_uses_none) {
    greenlet g{[] {}};
    EXPECT_EQ(stack_usage(g), 0U);
    g.switch_to();
    EXPECT_EQ(stack_usage(g), 0U);
    EXPECT_EQ(stack_usage(greenlet::current()), 0U);
}

TENDRIL_TEST(stack_survey, usage_of_nobody_or_of_another_thread_is_refused) {
    EXPECT_THROW(stack_usage(greenlet{}), misuse);
    greenlet g{[] {}};
    on_new_thread([&] { EXPECT_THROW(stack_usage(g), wrong_thread); });
}

TENDRIL_TEST(stack_survey, keeps_the_largest_use_of_each_place) {
    stack_survey const survey;
    for (std::size_t depth : {10 * kib, 90 * kib, 20 * kib}) {
        greenlet{[depth] { dig(depth); }, {.name = "digs"}}.switch_to();
    }
    greenlet{[] {}}.switch_to();
    std::vector<stack_survey::row> const rows = survey.rows();
    ASSERT_EQ(rows.size(), 2U);
    EXPECT_EQ(rows[0].count, 3U);
    EXPECT_EQ(rows[0].name, "digs");
    EXPECT_GE(rows[0].largest, 90 * kib);
    EXPECT_LT(rows[0].largest, 180 * kib);
    EXPECT_EQ(rows[1].count, 1U);
    EXPECT_LT(rows[1].largest, 16 * kib);
}

TENDRIL_TEST(stack_survey, does_not_count_what_earlier_users_of_the_stack_have_touched) {
    greenlet{[] { dig(150 * kib); }}.switch_to();
    stack_survey const survey;
    greenlet{[] {}}.switch_to();
    EXPECT_LT(survey.rows().at(0).largest, 16 * kib);
}

TENDRIL_TEST(stack_survey, advises_a_size_that_holds_half_as_much_again) {
    stack_survey const survey;
    greenlet{[] { dig(10 * kib); }}.switch_to();
    greenlet{[] { dig(150 * kib); }}.switch_to();
    std::vector<stack_survey::row> const rows = survey.rows();
    EXPECT_EQ(rows.at(0).advised, 448 * kib);
    EXPECT_EQ(rows.at(1).advised, 64 * kib);
}

TENDRIL_TEST(stack_survey, prints_a_line_for_each_place) {
    stack_survey const survey;
    greenlet{[] {}, {.name = "worker"}}.switch_to();
    std::ostringstream text;
    text << survey;
    EXPECT_NE(text.str().find("stack_survey_test.cpp:"), std::string::npos) << text.str();
    EXPECT_NE(text.str().find("worker"), std::string::npos) << text.str();
}

TENDRIL_TEST(stack_survey, there_is_one_for_a_thread_at_a_time) {
    {
        stack_survey const survey;
        EXPECT_THROW(stack_survey{}, misuse);
    }
    stack_survey const another;
    EXPECT_TRUE(another.rows().empty());
}

}  // namespace
