// SPDX-License-Identifier: BSL-1.0
#include <harness/network.hpp>
#include <tendril/http/url.hpp>

#include <string>
#include <utility>
#include <vector>

namespace {

using namespace tendril;

TENDRIL_TEST(url, has_parts) {
    http_url const url{"HTTP://Example.ORG:8080/a/b?c=d#e"};
    EXPECT_FALSE(url.is_secure());
    EXPECT_EQ(url.scheme(), "http");
    EXPECT_EQ(url.host(), "example.org");
    EXPECT_EQ(url.port(), 8080);
    EXPECT_EQ(url.target(), "/a/b?c=d");
    EXPECT_EQ(url.authority(), "example.org:8080");
    EXPECT_EQ(url.text(), "http://example.org:8080/a/b?c=d");
}

// What is read, and what it is then.
TENDRIL_TEST(url, is_written_in_one_way) {
    std::vector<std::pair<std::string, std::string>> const same{
        {"http://a", "http://a/"},
        {"https://a", "https://a/"},
        {"http://a:", "http://a/"},
        {"http://a:80/", "http://a/"},
        {"https://a:443/", "https://a/"},
        {"https://a:80/", "https://a:80/"},
        {"http://a?b", "http://a/?b"},
        {"http://a#b", "http://a/"},
        {"http://a/?b/../c#d?e", "http://a/?b/../c"},
        {"http://a/b/./c/../d", "http://a/b/d"},
        {"http://a/b/..", "http://a/"},
        {"http://a/../../b", "http://a/b"},
        {"http://a/b/.", "http://a/b/"},
        {"http://a//b", "http://a//b"},
        {"http://a/%2e%2e/b", "http://a/%2e%2e/b"},
        {"http://a/\xc3\xa9{\"|\"}", "http://a/%C3%A9%7B%22%7C%22%7D"},
        {"http://[::1]", "http://[::1]/"},
        {"http://[2001:DB8::1]:81/", "http://[2001:db8::1]:81/"},
        {"http://127.0.0.1/", "http://127.0.0.1/"},
        {"http://under_score.a./", "http://under_score.a./"},
    };
    for (auto const& [given, written] : same) {
        EXPECT_EQ(http_url{given}.text(), written) << given;
    }
}

TENDRIL_TEST(url, an_ipv6_host_has_brackets_only_where_it_must) {
    http_url const url{"https://[::1]/"};
    EXPECT_EQ(url.host(), "::1");
    EXPECT_EQ(url.authority(), "[::1]");
    EXPECT_EQ(url.host_and_port(), "[::1]:443");
}

TENDRIL_TEST(url, what_others_read_otherwise_is_refused) {
    std::vector<std::string> const bad{
        "",
        "a",
        "/a",
        "//a/",
        "ftp://a/",
        "http:a",
        "http:/a",
        "http://",
        "http:///a",
        "http://user@a/",
        "http://user:word@a/",
        "http://a@b@c/",
        "http://a:0/",
        "http://a:65536/",
        "http://a:-1/",
        "http://a:8o/",
        "http://a:80:80/",
        "http://[::1",
        "http://[::1]x/",
        "http://[fe80::1%25eth0]/",
        "http://[127.0.0.1]/",
        "http://::1/",
        "http://127.1/",
        "http://0x7f.0.0.1/",
        "http://2130706433/",
        "http://127.0.0.256/",
        "http://a..b/",
        "http://.a/",
        "http://./",
        "http://a%2eb/",
        "http://\xc3\xa9/",
        "http://a b/",
        "http://a/b c",
        "http://a/b\r\nc",
        "http://a/b\tc",
        "http://a\\b/",
        "http://a/\\b",
        "http://a/\x7f",
        "http://a\r\n/",
        " http://a/",
        "http://a/ ",
        "http://a,b/",
        std::string{"http://a/\0b", 11},
        std::string{"http://[::1\0\r\nX: y]/", 20},
        "http://" + std::string(254, 'a') + "/",
    };
    for (std::string const& each : bad) {
        EXPECT_EQ(test::code_of([&] { http_url{each}; }), errc::bad_name) << each;
    }
}

TENDRIL_TEST(url, an_error_names_the_text_and_the_reason) {
    std::string const text = test::text_of([] { http_url{"http://a b\r\n/"}; });
    EXPECT_NE(text.find("'http://a b??/'"), std::string::npos) << text;
    EXPECT_NE(text.find("host"), std::string::npos) << text;
}

TENDRIL_TEST(url, an_error_does_not_tell_a_password) {
    std::string const text = test::text_of([] { http_url{"http://me:secret@a/b?c"}; });
    EXPECT_NE(text.find("'http://...@a/b?c'"), std::string::npos) << text;
    EXPECT_NE(text.find("Authorization"), std::string::npos) << text;
}

// RFC 3986, 5.4, as far as the schemes are ours.
TENDRIL_TEST(url, references_are_resolved) {
    http_url const base{"http://a/b/c/d;p?q"};
    std::vector<std::pair<std::string, std::string>> const found{
        {"g", "http://a/b/c/g"},
        {"./g", "http://a/b/c/g"},
        {"g/", "http://a/b/c/g/"},
        {"/g", "http://a/g"},
        {"//g", "http://g/"},
        {"?y", "http://a/b/c/d;p?y"},
        {"g?y", "http://a/b/c/g?y"},
        {"#s", "http://a/b/c/d;p?q"},
        {"g#s", "http://a/b/c/g"},
        {";x", "http://a/b/c/;x"},
        {"", "http://a/b/c/d;p?q"},
        {".", "http://a/b/c/"},
        {"./", "http://a/b/c/"},
        {"..", "http://a/b/"},
        {"../g", "http://a/b/g"},
        {"../..", "http://a/"},
        {"../../../g", "http://a/g"},
        {"/./g", "http://a/g"},
        {"/../g", "http://a/g"},
        {"g.", "http://a/b/c/g."},
        {"..g", "http://a/b/c/..g"},
        {"./g/.", "http://a/b/c/g/"},
        {"g/../h", "http://a/b/c/h"},
        {"g?y/../x", "http://a/b/c/g?y/../x"},
        {"https://other:81/x", "https://other:81/x"},
        {"g?http://x/", "http://a/b/c/g?http://x/"},
    };
    for (auto const& [reference, expected] : found) {
        EXPECT_EQ(base.resolve(reference).text(), expected) << reference;
    }
    EXPECT_EQ(test::code_of([&] { base.resolve("javascript:x"); }), errc::bad_name);
    EXPECT_EQ(test::code_of([&] { base.resolve("/a\r\nb"); }), errc::bad_name);
    EXPECT_EQ(test::code_of([&] { base.resolve("//me@x/"); }), errc::bad_name);
}

TENDRIL_TEST(url, an_origin_is_scheme_host_and_port) {
    http_url const base{"https://a/x"};
    EXPECT_TRUE(base.same_origin(http_url{"HTTPS://A:443/y"}));
    EXPECT_FALSE(base.same_origin(http_url{"http://a/x"}));
    EXPECT_FALSE(base.same_origin(http_url{"https://b/x"}));
    EXPECT_FALSE(base.same_origin(http_url{"https://a:444/x"}));
}

}  // namespace
