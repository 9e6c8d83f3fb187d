// SPDX-License-Identifier: BSL-1.0
#include <harness/tendril_test.hpp>
#include <tendril/http/message.hpp>
#include <tendril/support/error.hpp>

#include <string>
#include <string_view>

namespace {

using namespace tendril;
using namespace std::string_view_literals;

}  // namespace

TENDRIL_TEST(message, fields_keep_their_order_and_their_bytes) {
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

TENDRIL_TEST(message, a_field_is_found_without_regard_to_case) {
    http_fields fields;
    fields.add("Content-Type", "text/plain");
    EXPECT_EQ(fields.get("content-TYPE"), "text/plain");
    EXPECT_EQ(fields.get("Content"), "");
    EXPECT_EQ(fields.get("Content-Type-2"), "");
}

TENDRIL_TEST(message, a_name_with_an_underscore_is_another_name) {
    http_fields fields;
    fields.add("Content_Length", "5");
    EXPECT_EQ(fields.count("Content-Length"), 0U);
}

TENDRIL_TEST(message, of_several_fields_the_first_is_found_and_all_are_counted) {
    http_fields fields;
    fields.add("Cookie", "a=1");
    fields.add("Other", "x");
    fields.add("cookie", "b=2");
    EXPECT_EQ(fields.get("Cookie"), "a=1");
    EXPECT_EQ(fields.count("COOKIE"), 2U);
    EXPECT_EQ(fields.count("none"), 0U);
}

TENDRIL_TEST(message, cleared_fields_are_gone) {
    http_fields fields;
    fields.add("Name", "value");
    fields.clear();
    EXPECT_EQ(fields.size(), 0U);
    EXPECT_EQ(fields.get("Name"), "");
    fields.add("Next", "1");
    EXPECT_EQ(fields[0].name, "Next");
}

TENDRIL_TEST(message, a_response_is_an_empty_success_at_first) {
    http_response const response;
    EXPECT_EQ(response.status(), 200);
    EXPECT_EQ(response.body(), "");
    EXPECT_EQ(response.fields().size(), 0U);
    EXPECT_FALSE(response.closes());
}

TENDRIL_TEST(message, a_response_is_put_together_in_one_expression) {
    http_response response;
    response.status(404).header("X-Why", "none").body("nothing").close();
    EXPECT_EQ(response.status(), 404);
    EXPECT_EQ(response.fields().get("x-why"), "none");
    EXPECT_EQ(response.body(), "nothing");
    EXPECT_TRUE(response.closes());
}

TENDRIL_TEST(message, a_cleared_response_is_a_fresh_one) {
    http_response response;
    response.status(404).header("X-Why", "none").body("nothing").close();
    response.clear();
    EXPECT_EQ(response.status(), 200);
    EXPECT_EQ(response.body(), "");
    EXPECT_EQ(response.fields().size(), 0U);
    EXPECT_FALSE(response.closes());
}

TENDRIL_TEST(message, a_status_is_a_final_one) {
    http_response response;
    for (int const code : {200, 204, 304, 404, 599}) {
        EXPECT_EQ(response.status(code).status(), code);
    }
    for (int const code : {-1, 0, 100, 101, 199, 600, 1000}) {
        EXPECT_THROW(response.status(code), misuse) << code;
    }
    EXPECT_EQ(response.status(), 599);
}

TENDRIL_TEST(message, a_value_that_would_end_its_line_is_refused) {
    http_response response;
    for (std::string_view const value :
         {"a\r\nSet-Cookie: x"sv, "a\nb"sv, "a\rb"sv, "a\0b"sv, "\r\n\r\n<html>"sv}) {
        EXPECT_THROW(response.header("X-Name", value), misuse) << value;
    }
    EXPECT_EQ(response.fields().size(), 0U);
}

TENDRIL_TEST(message, a_name_that_is_no_token_is_refused) {
    http_response response;
    for (std::string_view const name :
         {""sv, "X Name"sv, "X:"sv, "X\r\nY"sv, "X\0"sv, "N\xc3\xa4me"sv, "(X)"sv, "X\t"sv}) {
        EXPECT_THROW(response.header(name, "value"), misuse) << name;
    }
    EXPECT_EQ(response.fields().size(), 0U);
}

TENDRIL_TEST(message, every_character_of_a_token_is_allowed_in_a_name) {
    http_response response;
    constexpr std::string_view token = "!#$%&'*+-.^_`|~09azAZ";
    response.header(token, "value");
    EXPECT_EQ(response.fields()[0].name, token);
}

TENDRIL_TEST(message, the_fields_that_frame_a_message_are_the_servers) {
    http_response response;
    for (char const* const name :
         {"Content-Length", "content-length", "Transfer-Encoding", "TRANSFER-ENCODING",
          "Connection", "Keep-Alive", "Upgrade", "Trailer"}) {
        EXPECT_THROW(response.header(name, "5"), misuse) << name;
    }
    EXPECT_EQ(response.fields().size(), 0U);
}

TENDRIL_TEST(message, a_body_may_contain_anything) {
    http_response response;
    std::string const bytes{"\0\r\n\xff", 4};
    EXPECT_EQ(response.body(bytes).body(), bytes);
}

TENDRIL_TEST(message, a_status_has_the_usual_words) {
    EXPECT_EQ(http_reason(200), "OK");
    EXPECT_EQ(http_reason(404), "Not Found");
    EXPECT_EQ(http_reason(413), "Payload Too Large");
    EXPECT_EQ(http_reason(431), "Request Header Fields Too Large");
    EXPECT_EQ(http_reason(505), "HTTP Version Not Supported");
}

TENDRIL_TEST(message, a_status_without_words_has_none) {
    EXPECT_EQ(http_reason(299), "");
    EXPECT_EQ(http_reason(598), "");
}

TENDRIL_TEST(message, a_field_may_be_made_of_another_one) {
    http_fields fields;
    fields.add("X-First", std::string(50, 'v'));
    for (int lap = 0; lap < 10; ++lap) {
        fields.add(fields[0].name, fields[0].value);
    }
    EXPECT_EQ(fields[10].name, "X-First");
    EXPECT_EQ(fields[10].value, std::string(50, 'v'));
}
