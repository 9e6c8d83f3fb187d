// SPDX-License-Identifier: BSL-1.0
#include <harness/tendril_test.hpp>
#include <tendril/io/error.hpp>
#include <tendril/net/endpoint.hpp>

#include <boost/asio/ip/address.hpp>

#include <string>
#include <string_view>

namespace {

using namespace tendril;

std::string parts_of(std::string_view text) {
    host_and_service const parsed = parse_address(text);
    return parsed.host + " | " + parsed.service;
}

template <typename F>
std::string refusal_of(F&& call) {
    try {
        call();
    } catch (system_error const& error) {
        EXPECT_EQ(error.code(), errc::bad_name);
        return error.what();
    }
    return "";
}

}  // namespace

TENDRIL_TEST(endpoint, an_address_is_a_host_and_a_service) {
    EXPECT_EQ(parts_of("127.0.0.1:7000"), "127.0.0.1 | 7000");
    EXPECT_EQ(parts_of("localhost:http"), "localhost | http");
}

TENDRIL_TEST(endpoint, brackets_keep_the_colons_of_ipv6_apart_from_the_port) {
    EXPECT_EQ(parts_of("[::1]:80"), "::1 | 80");
    EXPECT_EQ(parts_of("[fe80::1%eth0]:80"), "fe80::1%eth0 | 80");
}

TENDRIL_TEST(endpoint, an_address_without_a_host_means_every_address) {
    EXPECT_EQ(parts_of(":8080"), " | 8080");
    EXPECT_EQ(parts_of("8080"), " | 8080");
}

TENDRIL_TEST(endpoint, an_address_that_can_be_read_in_two_ways_is_refused_and_named) {
    for (char const* const text : {"::1:80", "fe80::1", "a:b:c", "[::1]", "[]:80", "x:", "", ":"}) {
        std::string const said = refusal_of([&] { parse_address(text); });
        EXPECT_NE(said.find("'" + std::string{text} + "'"), std::string::npos) << text;
    }
}

TENDRIL_TEST(endpoint, a_port_is_a_number_of_sixteen_bits) {
    EXPECT_EQ(parse_port("0"), 0);
    EXPECT_EQ(parse_port("80"), 80);
    EXPECT_EQ(parse_port("65535"), 65535);
}

TENDRIL_TEST(endpoint, anything_else_is_refused_as_a_port_and_named) {
    for (char const* const text : {"65536", "-1", "+80", " 80", "80 ", "8o", "http", ""}) {
        std::string const said = refusal_of([&] { parse_port(text); });
        EXPECT_NE(said.find("'" + std::string{text} + "'"), std::string::npos) << text;
    }
}

TENDRIL_TEST(endpoint, is_printed_as_it_is_read) {
    using boost::asio::ip::make_address;
    EXPECT_EQ(to_string(tcp_endpoint{make_address("127.0.0.1"), 80}), "127.0.0.1:80");
    EXPECT_EQ(to_string(tcp_endpoint{make_address("::1"), 80}), "[::1]:80");
}
