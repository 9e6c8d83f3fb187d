// SPDX-License-Identifier: BSL-1.0
#include <harness/failing_allocations.hpp>
#include <harness/tendril_test.hpp>
#include <tendril/http/forwarded.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace tendril;
namespace ip = boost::asio::ip;
using node_kind = forwarded_node::kind;

// Trusts the networks 10.0.0.0/8 and fd00::/8.
struct private_networks {
    bool contains(ip::address const& address) const {
        return address.is_v4() ? address.to_v4().to_bytes()[0] == 10
                               : address.to_v6().to_bytes()[0] == 0xfd;
    }
};

tcp_endpoint at(char const* address, std::uint16_t port = 4000) {
    return {ip::make_address(address), port};
}

using header = std::vector<std::pair<std::string_view, std::string_view>>;

http_fields fields_of(header const& lines) {
    http_fields made;
    for (auto const& [name, value] : lines) {
        made.add(name, value);
    }
    return made;
}

request_origin by_forwarded(tcp_endpoint const& peer, header const& lines) {
    return find_origin(peer, fields_of(lines), forwarding_fields::forwarded, private_networks{});
}
request_origin by_x_forwarded(tcp_endpoint const& peer, header const& lines) {
    return find_origin(peer, fields_of(lines), forwarding_fields::x_forwarded, private_networks{});
}

std::string client_in(request_origin const& origin) {
    return origin.address.to_string() + " " + std::to_string(origin.port) + " " + origin.scheme +
        " " + origin.host + (origin.hidden ? " hidden" : "") +
        (origin.malformed ? " malformed" : "");
}

}  // namespace

TENDRIL_TEST(forwarded, a_node_is_an_address_or_a_word_for_none) {
    struct row {
        char const* text;
        node_kind what;
        char const* address;
        int port;
    };
    for (row const& wanted : std::vector<row>{
             {"192.0.2.43", node_kind::address, "192.0.2.43", 0},
             {"192.0.2.43:47011", node_kind::address, "192.0.2.43", 47011},
             {"192.0.2.43:_p-1", node_kind::address, "192.0.2.43", 0},
             {"[2001:db8:cafe::17]", node_kind::address, "2001:db8:cafe::17", 0},
             {"[2001:db8:cafe::17]:4711", node_kind::address, "2001:db8:cafe::17", 4711},
             {"unknown", node_kind::unknown, "0.0.0.0", 0},
             {"Unknown:80", node_kind::unknown, "0.0.0.0", 80},
             {"_hidden", node_kind::unknown, "0.0.0.0", 0},
             {"_SEVKISEK.a_b-c", node_kind::unknown, "0.0.0.0", 0},
         }) {
        auto const node = parse_forwarded_node(wanted.text);
        ASSERT_TRUE(node) << wanted.text;
        EXPECT_EQ(node->what, wanted.what) << wanted.text;
        EXPECT_EQ(node->address.to_string(), wanted.address) << wanted.text;
        EXPECT_EQ(node->port, wanted.port) << wanted.text;
        EXPECT_EQ(node->text, wanted.text);
    }
}

TENDRIL_TEST(forwarded, anything_else_is_no_node) {
    for (char const* text :
         {"",
          " ",
          "_",
          "name",
          "192.0.2",
          "192.0.2.256",
          "192.0.2.01",
          "192.0.2.1:",
          "192.0.2.1:x",
          "192.0.2.1:+1",
          "192.0.2.1:-1",
          "192.0.2.1:65536",
          "192.0.2.1:000080",
          "192.0.2.1:80:80",
          "192.0.2.1 ",
          " 192.0.2.1",
          "192.0.2.1/8",
          "2001:db8::1",
          "::1",
          "[::1",
          "::1]",
          "[]",
          "[::1]80",
          "[::1]]",
          "[192.0.2.1]",
          "[::1%lo]",
          "[fe80::1%25eth0]",
          "_a b",
          "_\xC3\xA4",
          "unknown ",
          ":80",
          "[::1]:",
          "0x7f.1",
          "2130706433"}) {
        EXPECT_FALSE(parse_forwarded_node(text)) << text;
    }
    using namespace std::string_view_literals;
    EXPECT_FALSE(parse_forwarded_node("192.0.2.1\0"sv));
}

TENDRIL_TEST(forwarded, a_list_has_an_element_for_each_proxy) {
    auto const all = parse_forwarded(
        "for=192.0.2.43, For=\"[2001:db8:cafe::17]:80\";Proto=HTTPS;by=203.0.113.60 ,\t"
        "host=\"example.org:8080\";for=_a;secret=\"a, \\\"b;\xc3\xa4\"");
    ASSERT_TRUE(all);
    ASSERT_EQ(all->size(), 3U);
    EXPECT_EQ((*all)[0].client.text, "192.0.2.43");
    EXPECT_EQ((*all)[0].by.what, node_kind::none);
    EXPECT_EQ((*all)[1].client.port, 80);
    EXPECT_EQ((*all)[1].scheme, "https");
    EXPECT_EQ((*all)[1].by.text, "203.0.113.60");
    EXPECT_EQ((*all)[2].host, "example.org:8080");
    EXPECT_EQ((*all)[2].client.what, node_kind::unknown);
}

TENDRIL_TEST(forwarded, a_list_that_breaks_the_grammar_is_none) {
    for (char const* text :
         {"",
          ",",
          "for",
          "for=",
          "=192.0.2.1",
          "for=192.0.2.1,",
          ",for=192.0.2.1",
          "for=192.0.2.1,,for=192.0.2.2",
          "for=192.0.2.1;",
          ";for=192.0.2.1",
          "for=192.0.2.1;;proto=http",
          "for =192.0.2.1",
          "for= 192.0.2.1",
          "for=192.0.2.1 ;proto=http",
          "for=192.0.2.1; proto=http",
          "for=192.0.2.1:80",
          "for=[::1]",
          "for=\"192.0.2.1",
          "for=192.0.2.1\"",
          "for=\"192.0.2.1\"x",
          "for=\"\\",
          "for=192.0.2.1;for=192.0.2.2",
          "for=192.0.2.1;FOR=192.0.2.1",
          "a=b;a=c",
          "for=name",
          "by=",
          "proto=",
          "proto=\"\"",
          "proto=\"a b\"",
          "proto=1a",
          "host=",
          "host=\"\"",
          "host=\"a b\"",
          "host=\"u@h\"",
          "host=\"a:b\"",
          "host=\"[::1\"",
          "host=\"a/b\"",
          "f\xC3\xA4=b",
          "a=\"\x01\"",
          "a=b c=d",
          "for=192.0.2.1 for=192.0.2.2",
          "a=b,\x01",
          "a=b;",
          "for\t=a"}) {
        EXPECT_FALSE(parse_forwarded(text)) << text;
    }
}

TENDRIL_TEST(forwarded, an_element_has_sixteen_parameters_at_most) {
    std::string list = "p0=a";
    for (int more = 1; more < 16; ++more) {
        list += ";p" + std::to_string(more) + "=a";
    }
    EXPECT_TRUE(parse_forwarded(list));
    EXPECT_TRUE(parse_forwarded(list + "," + list));
    EXPECT_FALSE(parse_forwarded(list + ";p16=a"));
}

TENDRIL_TEST(forwarded, a_peer_that_is_not_trusted_speaks_for_itself) {
    EXPECT_EQ(
        client_in(by_forwarded(at("203.0.113.9"), {{"Forwarded", "for=192.0.2.1;proto=https"}})),
        "203.0.113.9 4000  ");
    EXPECT_EQ(
        client_in(by_forwarded(at("203.0.113.9"), {{"Forwarded", "nonsense"}})),
        "203.0.113.9 4000  ");
    EXPECT_EQ(
        client_in(by_x_forwarded(at("203.0.113.9"), {{"X-Forwarded-For", "192.0.2.1"}})),
        "203.0.113.9 4000  ");
}

TENDRIL_TEST(forwarded, a_trusted_peer_names_the_client) {
    EXPECT_EQ(
        client_in(by_forwarded(
            at("10.0.0.1"), {{"forwarded", "for=\"192.0.2.1:99\";proto=https;host=a.example"}})),
        "192.0.2.1 99 https a.example");
    EXPECT_EQ(client_in(by_forwarded(at("10.0.0.1"), {})), "10.0.0.1 4000  ");
    EXPECT_EQ(
        client_in(by_forwarded(at("::ffff:10.0.0.1"), {{"Forwarded", "for=192.0.2.1"}})),
        "192.0.2.1 0  ");
    EXPECT_EQ(
        client_in(by_forwarded(at("fd00::1"), {{"Forwarded", "for=\"[2001:db8::1]\""}})),
        "2001:db8::1 0  ");
}

TENDRIL_TEST(forwarded, the_walk_ends_at_the_first_that_is_not_trusted) {
    auto const origin = by_forwarded(
        at("10.0.0.2"),
        {{"Forwarded", "for=10.6.6.6;proto=http, for=203.0.113.9;proto=https;host=a"},
         {"Accept", "*/*"},
         {"Forwarded", "for=10.0.0.7;proto=http;host=inner"}});
    EXPECT_EQ(client_in(origin), "203.0.113.9 0 https a");
    EXPECT_EQ(origin.proxies, 2U);
}

TENDRIL_TEST(forwarded, when_all_are_trusted_the_first_of_them_is_the_client) {
    EXPECT_EQ(
        client_in(by_forwarded(at("10.0.0.3"), {{"Forwarded", "for=10.0.0.1,for=10.0.0.2"}})),
        "10.0.0.1 0  ");
}

TENDRIL_TEST(forwarded, what_an_inner_proxy_says_of_itself_is_not_about_the_client) {
    EXPECT_EQ(
        client_in(by_forwarded(
            at("10.0.0.2"), {{"Forwarded", "for=192.0.2.1, for=10.0.0.1;proto=https;host=inner"}})),
        "192.0.2.1 0  ");
}

TENDRIL_TEST(forwarded, a_proxy_may_hide_who_has_asked_it) {
    for (char const* value : {"for=unknown", "for=_a", "proto=http", "for=192.0.2.1, for=_a"}) {
        auto const origin = by_forwarded(at("10.0.0.2"), {{"Forwarded", value}});
        EXPECT_TRUE(origin.hidden && !origin.malformed) << value;
        EXPECT_EQ(origin.address.to_string(), "10.0.0.2") << value;
    }
}

TENDRIL_TEST(forwarded, nonsense_of_a_client_is_not_even_looked_at) {
    EXPECT_EQ(
        client_in(by_forwarded(
            at("10.0.0.2"), {{"Forwarded", "nonsense \""}, {"Forwarded", "for=192.0.2.1"}})),
        "192.0.2.1 0  ");
    EXPECT_EQ(
        client_in(by_x_forwarded(
            at("10.0.0.2"), {{"X-Forwarded-For", "nonsense, 300.1.1.1,, \", 192.0.2.1"}})),
        "192.0.2.1 0  ");
}

TENDRIL_TEST(forwarded, nonsense_that_is_looked_at_is_malformed) {
    EXPECT_EQ(
        client_in(by_forwarded(at("10.0.0.2"), {{"Forwarded", "for=\", for=192.0.2.1"}})),
        "10.0.0.2 4000   malformed");
    EXPECT_EQ(
        client_in(by_forwarded(
            at("10.0.0.2"), {{"Forwarded", "nonsense"}, {"Forwarded", "for=10.0.0.1"}})),
        "10.0.0.1 0   malformed");
    for (char const* value : {"", "192.0.2.1,", "nonsense", "192.0.2.1, a b", "1.2.3.4.5"}) {
        EXPECT_TRUE(by_x_forwarded(at("10.0.0.2"), {{"X-Forwarded-For", value}}).malformed)
            << value;
    }
}

TENDRIL_TEST(forwarded, x_forwarded_for_knows_addresses_in_every_form) {
    for (auto const& [value, wanted] : std::vector<std::pair<char const*, char const*>>{
             {"192.0.2.1", "192.0.2.1 0  "},
             {"192.0.2.1:80", "192.0.2.1 80  "},
             {"2001:db8::1", "2001:db8::1 0  "},
             {"[2001:db8::1]", "2001:db8::1 0  "},
             {"[2001:db8::1]:80", "2001:db8::1 80  "},
             {"::ffff:192.0.2.1", "192.0.2.1 0  "},
             {"6.6.6.6, 192.0.2.1 ,10.0.0.7", "192.0.2.1 0  "},
         }) {
        EXPECT_EQ(client_in(by_x_forwarded(at("10.0.0.2"), {{"X-Forwarded-For", value}})), wanted);
    }
}

TENDRIL_TEST(forwarded, scheme_and_host_stand_beside_the_address_or_alone) {
    EXPECT_EQ(
        client_in(by_x_forwarded(
            at("10.0.0.2"),
            {{"X-Forwarded-For", "192.0.2.1, 10.0.0.1"},
             {"X-Forwarded-Proto", "HTTPS"},
             {"X-Forwarded-Host", "a.example"}})),
        "192.0.2.1 0 https a.example");
    EXPECT_EQ(
        client_in(by_x_forwarded(
            at("10.0.0.2"),
            {{"X-Forwarded-For", "6.6.6.6, 192.0.2.1"},
             {"X-Forwarded-For", "10.0.0.1"},
             {"X-Forwarded-Proto", "gopher, https, http"},
             {"X-Forwarded-Host", "x, a.example, inner"}})),
        "192.0.2.1 0 https a.example");
    EXPECT_EQ(
        client_in(by_x_forwarded(
            at("10.0.0.2"),
            {{"X-Forwarded-For", "192.0.2.1, 10.0.0.1, 10.0.0.3"},
             {"X-Forwarded-Proto", "https, http"}})),
        "192.0.2.1 0  ");
    EXPECT_TRUE(by_x_forwarded(
                    at("10.0.0.2"), {{"X-Forwarded-For", "192.0.2.1"}, {"X-Forwarded-Host", "a/b"}})
                    .malformed);
}

TENDRIL_TEST(forwarded, the_other_kind_of_field_is_not_believed) {
    EXPECT_EQ(
        client_in(by_forwarded(
            at("10.0.0.2"), {{"X-Forwarded-For", "6.6.6.6"}, {"Forwarded", "for=192.0.2.1"}})),
        "192.0.2.1 0  ");
    EXPECT_EQ(
        client_in(by_x_forwarded(
            at("10.0.0.2"), {{"X-Forwarded-For", "192.0.2.1"}, {"Forwarded", "for=6.6.6.6"}})),
        "192.0.2.1 0  ");
}

TENDRIL_TEST(forwarded, what_a_stranger_says_is_not_even_taken_apart) {
    http_fields const fields = fields_of(
        {{"X-Forwarded-For", "192.0.2.1, 192.0.2.2"}, {"X-Forwarded-Proto", "https"}});
    {
        test::no_allocation const until_end;
        request_origin const origin = find_origin(
            at("203.0.113.9"), fields, forwarding_fields::x_forwarded, private_networks{});
        EXPECT_EQ(origin.proxies, 0U);
    }
}
