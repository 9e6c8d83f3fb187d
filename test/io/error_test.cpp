// SPDX-License-Identifier: BSL-1.0
#include <harness/tendril_test.hpp>
#include <tendril/io/error.hpp>

#include <boost/asio/error.hpp>

#include <string>
#include <system_error>

namespace {

using namespace tendril;

}  // namespace

TENDRIL_TEST(error, a_code_of_ours_is_equal_to_itself_only) {
    EXPECT_TRUE(io_error(errc::closed) == errc::closed);
    EXPECT_FALSE(io_error(errc::closed) == errc::busy);
    EXPECT_FALSE(error_code{} == errc::closed);
    // One of the standard library compares by itself, with this header as without it.
    EXPECT_TRUE(make_error_code(errc::closed) == errc::closed);
}

TENDRIL_TEST(error, a_code_of_the_system_with_the_same_number_is_not_ours) {
    error_code const system{static_cast<int>(errc::closed), boost::system::system_category()};
    EXPECT_FALSE(system == errc::closed);
    EXPECT_FALSE(error_code{boost::asio::error::eof} == errc::busy);
}

TENDRIL_TEST(error, a_code_of_ours_is_a_failure_and_has_a_text) {
    for (errc const code :
         {errc::closed, errc::busy, errc::timed_out, errc::broken, errc::bad_name,
          errc::overloaded}) {
        EXPECT_TRUE(io_error(code).failed());
        EXPECT_EQ(io_error(code).message(), make_error_code(code).message());
    }
}

TENDRIL_TEST(error, a_code_of_ours_converts_to_the_standard_library_and_back) {
    std::error_code const standard = io_error(errc::broken);
    EXPECT_EQ(standard, make_error_code(errc::broken));
    EXPECT_STREQ(standard.category().name(), "tendril");
}
