// SPDX-License-Identifier: BSL-1.0
#include <harness/network.hpp>
#include <tendril/server/address_set.hpp>

#include <string>

namespace {

using namespace tendril;

bool holds(address_set const& set, std::string const& text) {
    return set.contains(boost::asio::ip::make_address(text));
}

}  // namespace

TENDRIL_TEST(address_set, an_empty_one_contains_nobody) {
    address_set const set;
    EXPECT_TRUE(set.empty());
    EXPECT_FALSE(holds(set, "127.0.0.1"));
    EXPECT_FALSE(holds(set, "::1"));
}

TENDRIL_TEST(address_set, contains_single_addresses_of_both_families) {
    address_set const set{"127.0.0.1", "::1"};
    EXPECT_TRUE(holds(set, "127.0.0.1"));
    EXPECT_TRUE(holds(set, "::1"));
    EXPECT_FALSE(holds(set, "127.0.0.2"));
    EXPECT_FALSE(holds(set, "::2"));
}

TENDRIL_TEST(address_set, contains_networks_of_any_size) {
    address_set const set{"10.0.0.0/8", "192.168.4.0/22", "2001:db8:8000::/33"};
    EXPECT_TRUE(holds(set, "10.255.0.1"));
    EXPECT_FALSE(holds(set, "11.0.0.1"));
    EXPECT_TRUE(holds(set, "192.168.7.255"));
    EXPECT_FALSE(holds(set, "192.168.8.0"));
    EXPECT_TRUE(holds(set, "2001:db8:ffff::1"));
    EXPECT_FALSE(holds(set, "2001:db8:7fff::1"));
}

TENDRIL_TEST(address_set, all_of_one_family_is_not_all_of_the_other) {
    EXPECT_TRUE(holds({"0.0.0.0/0"}, "8.8.8.8"));
    EXPECT_FALSE(holds({"0.0.0.0/0"}, "2001:db8::1"));
    EXPECT_TRUE(holds({"::/0"}, "2001:db8::1"));
}

TENDRIL_TEST(address_set, takes_both_forms_of_an_address_for_the_same) {
    EXPECT_TRUE(holds({"10.0.0.0/8"}, "::ffff:10.1.2.3"));
    EXPECT_TRUE(holds({"::ffff:10.1.2.3"}, "10.1.2.3"));
}

TENDRIL_TEST(address_set, refuses_what_is_no_address_and_names_it) {
    for (std::string const text :
         {"", "/8", "localhost", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x", "::/129",
          "10.0.0/8", "10.0.0.0/8/8"}) {
        address_set set;
        EXPECT_EQ(test::code_of([&] { set.add(text); }), errc::bad_name) << text;
        EXPECT_NE(test::text_of([&] { set.add(text); }).find("'" + text + "'"), std::string::npos);
        EXPECT_TRUE(set.empty());
    }
}
