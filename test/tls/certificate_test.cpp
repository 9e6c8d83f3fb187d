// SPDX-License-Identifier: BSL-1.0
#include <harness/secured.hpp>
#include <tendril/tls/certificate.hpp>

#include <cstdio>
#include <cstdlib>
#include <fstream>

namespace {

using namespace tendril;
using namespace std::chrono_literals;

// A file that goes with the test.
class text_file {
public:
    explicit text_file(std::string const& text) {
        char name[] = "/tmp/tendril-test-XXXXXX";
        int const descriptor = ::mkstemp(name);
        EXPECT_GE(descriptor, 0);
        ::close(descriptor);
        path = name;
        std::ofstream{path} << text;
    }
    text_file(text_file const&) = delete;
    text_file& operator=(text_file const&) = delete;
    ~text_file() { std::remove(path.c_str()); }

    std::string path;
};

}  // namespace

TENDRIL_HUB_TEST(tls_certificate, says_whose_it_is_and_for_how_long) {
    auto const now = std::chrono::system_clock::now();
    tls_identity const mine = test::trusted().issue({
        .subject = "somebody",
        .names = {"good.test", "also.test", "192.0.2.7"},
        .valid_from = -1h,
        .valid_until = 2h,
    });
    auto ends = test::shaken_ends(test::good_client(), test::good_server({.identity = mine}));
    auto const shown = ends.client.peer_certificate();
    ASSERT_TRUE(shown);
    EXPECT_EQ(shown->subject, "CN = somebody");
    EXPECT_EQ(shown->issuer, "CN = the authority of the tests");
    EXPECT_EQ(shown->names, (std::vector<std::string>{"good.test", "also.test", "192.0.2.7"}));
    EXPECT_LT(shown->valid_from, now - 59min);
    EXPECT_GT(shown->valid_from, now - 61min);
    EXPECT_GT(shown->valid_until, now + 119min);
    EXPECT_LT(shown->valid_until, now + 121min);
    EXPECT_EQ(shown->fingerprint.size(), 64U);
    EXPECT_EQ(shown->pem, mine.chain);
    EXPECT_FALSE(ends.server.peer_certificate());
}

TENDRIL_HUB_TEST(tls_certificate, an_address_of_an_impossible_length_is_no_name) {
    // Addresses of one byte and of four.
    tls_identity const odd = test::trusted().issue({.raw_names = "DER:30098701418704C0000207"});
    auto ends = test::shaken_ends(
        tls_context::client({.verify = tls_verify::nothing}), test::good_server({.identity = odd}));
    EXPECT_EQ(ends.client.peer_certificate()->names, (std::vector<std::string>{"192.0.2.7"}));
}

TENDRIL_HUB_TEST(tls_certificate, an_identity_is_read_from_files) {
    text_file const chain{test::good_identity().chain};
    text_file const key{test::good_identity().key};
    tls_identity const read = tls_identity::from_files(chain.path, key.path);
    EXPECT_EQ(read.chain, test::good_identity().chain);
    EXPECT_EQ(read.key, test::good_identity().key);
}

TENDRIL_TEST(tls_certificate, a_file_that_cannot_be_read_is_named) {
    try {
        tls_identity::from_files("/nowhere/chain.pem", "/nowhere/key.pem");
        FAIL() << "it was read";
    } catch (system_error const& error) {
        EXPECT_EQ(error.code(), boost::system::errc::no_such_file_or_directory);
        EXPECT_NE(std::string{error.what()}.find("'/nowhere/chain.pem'"), std::string::npos);
    }
}
