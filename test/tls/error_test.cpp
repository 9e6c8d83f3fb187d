// SPDX-License-Identifier: BSL-1.0
#include <harness/tendril_test.hpp>
#include <tendril/tls/error.hpp>

#include <boost/asio/ssl/error.hpp>

#include <set>
#include <string>

namespace {

using namespace tendril;

constexpr tls_errc all_tls_errors[] = {
    tls_errc::truncated,   tls_errc::expired,           tls_errc::not_yet_valid,
    tls_errc::self_signed, tls_errc::unknown_authority, tls_errc::wrong_host,
    tls_errc::revoked,     tls_errc::no_certificate,    tls_errc::refused,
};

}  // namespace

TENDRIL_TEST(tls_error, each_is_a_code_with_a_text_of_its_own) {
    std::set<std::string> texts;
    for (tls_errc const each : all_tls_errors) {
        error_code const code = each;
        EXPECT_TRUE(code.failed());
        EXPECT_TRUE(code == each);
        EXPECT_TRUE(texts.insert(code.message()).second) << code.message();
    }
    EXPECT_FALSE(error_code{tls_errc::expired} == tls_errc::revoked);
}

TENDRIL_TEST(tls_error, a_truncation_is_the_code_that_code_for_asio_knows) {
    error_code const code = tls_errc::truncated;
    EXPECT_TRUE(code == boost::asio::ssl::error::stream_truncated);
}

TENDRIL_TEST(tls_error, a_number_that_is_none_of_them_has_a_text_too) {
    error_code const known = tls_errc::expired;
    EXPECT_STREQ(known.category().name(), "tendril.tls");
    EXPECT_EQ(error_code(999, known.category()).message(), "unknown error of TLS");
}
