// SPDX-License-Identifier: BSL-1.0
#include <harness/tendril_test.hpp>
#include <tendril/http/response.hpp>
#include <tendril/support/error.hpp>

#include <string>
#include <string_view>

namespace {

using namespace tendril;
using namespace std::string_view_literals;

}  // namespace

TENDRIL_TEST(http_response, a_response_is_an_empty_success_at_first) {
    http_response const response;
    EXPECT_EQ(response.status(), 200);
    EXPECT_EQ(response.body(), "");
    EXPECT_EQ(response.fields().size(), 0U);
    EXPECT_FALSE(response.closes());
}

TENDRIL_TEST(http_response, a_response_is_put_together_in_one_expression) {
    http_response response;
    response.status(404).header("X-Why", "none").body("nothing").close();
    EXPECT_EQ(response.status(), 404);
    EXPECT_EQ(response.fields().get("x-why"), "none");
    EXPECT_EQ(response.body(), "nothing");
    EXPECT_TRUE(response.closes());
}

TENDRIL_TEST(http_response, a_cleared_response_is_a_fresh_one) {
    http_response response;
    response.status(404).header("X-Why", "none").body("nothing").close();
    response.clear();
    EXPECT_EQ(response.status(), 200);
    EXPECT_EQ(response.body(), "");
    EXPECT_EQ(response.fields().size(), 0U);
    EXPECT_FALSE(response.closes());
}

TENDRIL_TEST(http_response, a_status_is_a_final_one) {
    http_response response;
    for (int const code : {200, 204, 304, 404, 599}) {
        EXPECT_EQ(response.status(code).status(), code);
    }
    for (int const code : {-1, 0, 100, 101, 199, 600, 1000}) {
        EXPECT_THROW(response.status(code), misuse) << code;
    }
    EXPECT_EQ(response.status(), 599);
}

TENDRIL_TEST(http_response, a_value_that_would_end_its_line_is_refused) {
    http_response response;
    for (std::string_view const value :
         {"a\r\nSet-Cookie: x"sv, "a\nb"sv, "a\rb"sv, "a\0b"sv, "\r\n\r\n<html>"sv, "\x1b[1m"sv,
          "a\x7f"sv}) {
        EXPECT_THROW(response.header("X-Name", value), misuse) << value;
        EXPECT_THROW(response.status(200, std::string{value}), misuse) << value;
    }
    response.header("X-Name", "\ta \xc3\xa4");
    response.clear();
    EXPECT_EQ(response.fields().size(), 0U);
}

TENDRIL_TEST(http_response, a_name_that_is_no_token_is_refused) {
    http_response response;
    for (std::string_view const name :
         {""sv, "X Name"sv, "X:"sv, "X\r\nY"sv, "X\0"sv, "N\xc3\xa4me"sv, "(X)"sv, "X\t"sv}) {
        EXPECT_THROW(response.header(name, "value"), misuse) << name;
    }
    EXPECT_EQ(response.fields().size(), 0U);
}

TENDRIL_TEST(http_response, every_character_of_a_token_is_allowed_in_a_name) {
    http_response response;
    constexpr std::string_view token = "!#$%&'*+-.^_`|~09azAZ";
    response.header(token, "value");
    EXPECT_EQ(response.fields()[0].name, token);
}

TENDRIL_TEST(http_response, the_fields_that_frame_a_message_are_the_servers) {
    http_response response;
    for (char const* const name :
         {"Content-Length", "content-length", "Transfer-Encoding", "TRANSFER-ENCODING",
          "Connection", "Keep-Alive", "Upgrade", "Trailer"}) {
        EXPECT_THROW(response.header(name, "5"), misuse) << name;
    }
    EXPECT_EQ(response.fields().size(), 0U);
}

TENDRIL_TEST(http_response, a_body_may_contain_anything) {
    http_response response;
    std::string const bytes{"\0\r\n\xff", 4};
    EXPECT_EQ(response.body(bytes).body(), bytes);
}
