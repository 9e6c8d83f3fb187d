// SPDX-License-Identifier: BSL-1.0
#include <harness/tendril_test.hpp>
#include <tendril/http/fields.hpp>

namespace {

using namespace tendril;

}  // namespace

TENDRIL_TEST(http_fields, fields_keep_their_order_and_their_bytes) {
    http_fields fields;
    fields.add("First", "1");
    fields.add("second", "");
    fields.add("FIRST", "3");
    ASSERT_EQ(fields.size(), 3U);
    EXPECT_EQ(fields[0].name, "First");
    EXPECT_EQ(fields[0].value, "1");
    EXPECT_EQ(fields[1].name, "second");
    EXPECT_EQ(fields[1].value, "");
    EXPECT_EQ(fields[2].name, "FIRST");
    EXPECT_EQ(fields[2].value, "3");
}

TENDRIL_TEST(http_fields, a_field_is_found_without_regard_to_case) {
    http_fields fields;
    fields.add("Content-Type", "text/plain");
    EXPECT_EQ(fields.get("content-TYPE"), "text/plain");
    EXPECT_EQ(fields.get("Content"), "");
    EXPECT_EQ(fields.get("Content-Type-2"), "");
}

TENDRIL_TEST(http_fields, a_name_with_an_underscore_is_another_name) {
    http_fields fields;
    fields.add("Content_Length", "5");
    EXPECT_EQ(fields.count("Content-Length"), 0U);
}

TENDRIL_TEST(http_fields, of_several_fields_the_first_is_found_and_all_are_counted) {
    http_fields fields;
    fields.add("Cookie", "a=1");
    fields.add("Other", "x");
    fields.add("cookie", "b=2");
    EXPECT_EQ(fields.get("Cookie"), "a=1");
    EXPECT_EQ(fields.count("COOKIE"), 2U);
    EXPECT_EQ(fields.count("none"), 0U);
}

TENDRIL_TEST(http_fields, cleared_fields_are_gone) {
    http_fields fields;
    fields.add("Name", "value");
    fields.clear();
    EXPECT_EQ(fields.size(), 0U);
    EXPECT_EQ(fields.get("Name"), "");
    fields.add("Next", "1");
    EXPECT_EQ(fields[0].name, "Next");
}

TENDRIL_TEST(http_fields, a_field_may_be_made_of_another_one) {
    http_fields fields;
    fields.add("X-First", std::string(50, 'v'));
    for (int lap = 0; lap < 10; ++lap) {
        fields.add(fields[0].name, fields[0].value);
    }
    EXPECT_EQ(fields[10].name, "X-First");
    EXPECT_EQ(fields[10].value, std::string(50, 'v'));
}
