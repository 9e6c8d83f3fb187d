// SPDX-License-Identifier: BSL-1.0
#include <harness/tendril_test.hpp>
#include <tendril/testing/transcript.hpp>

#include <sstream>

namespace {

using record = tendril::testing::transcript;

}  // namespace

TENDRIL_TEST(transcript, a_line_is_put_together_from_its_parts) {
    record seen;
    seen.note("read ", 7, " bytes");
    seen.note("done");
    EXPECT_EQ(seen, (record{"read 7 bytes", "done"}));
    EXPECT_EQ(seen.size(), 2U);
}

TENDRIL_TEST(transcript, one_that_is_as_expected_has_no_difference) {
    EXPECT_EQ((record{"a", "b"}.difference_from({"a", "b"})), "");
    EXPECT_EQ(record{}.difference_from({}), "");
}

TENDRIL_TEST(transcript, a_difference_names_the_first_line_that_differs_and_those_before) {
    record const seen{"a", "b", "c", "d", "x", "f"};
    EXPECT_EQ(
        seen.difference_from({"a", "b", "c", "d", "e", "g"}),
        "line 5 differs\n"
        "    both:     \"b\"\n"
        "    both:     \"c\"\n"
        "    both:     \"d\"\n"
        "    expected: \"e\"\n"
        "    seen:     \"x\"\n");
}

TENDRIL_TEST(transcript, one_that_is_shorter_or_longer_differs_at_the_end) {
    EXPECT_EQ(
        record{"a"}.difference_from({"a", "b"}),
        "line 2 differs\n"
        "    both:     \"a\"\n"
        "    expected: \"b\"\n"
        "    seen:     the end\n");
    EXPECT_EQ(
        record{"a"}.difference_from({}),
        "line 1 differs\n"
        "    expected: the end\n"
        "    seen:     \"a\"\n");
}

TENDRIL_TEST(transcript, prints_its_lines_with_their_numbers) {
    std::ostringstream out;
    out << record{"a", "b"};
    EXPECT_EQ(out.str(), "\n1: a\n2: b");
}

TENDRIL_TEST(transcript, forgets_when_it_is_told_to) {
    record seen{"a"};
    seen.clear();
    EXPECT_TRUE(seen.empty());
}
