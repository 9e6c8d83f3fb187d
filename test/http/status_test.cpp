// SPDX-License-Identifier: BSL-1.0
#include <harness/tendril_test.hpp>
#include <tendril/http/status.hpp>

namespace {

using namespace tendril;

}  // namespace

TENDRIL_TEST(http_status, a_status_has_the_usual_words) {
    EXPECT_EQ(http_reason(200), "OK");
    EXPECT_EQ(http_reason(404), "Not Found");
    EXPECT_EQ(http_reason(413), "Payload Too Large");
    EXPECT_EQ(http_reason(431), "Request Header Fields Too Large");
    EXPECT_EQ(http_reason(505), "HTTP Version Not Supported");
}

TENDRIL_TEST(http_status, a_status_without_words_has_none) {
    EXPECT_EQ(http_reason(299), "");
    EXPECT_EQ(http_reason(598), "");
}
