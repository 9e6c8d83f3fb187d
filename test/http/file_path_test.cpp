// SPDX-License-Identifier: BSL-1.0
#include <harness/tendril_test.hpp>
#include <tendril/http/file_path.hpp>

#include <string>
#include <string_view>

namespace {

using namespace tendril;
using namespace std::string_view_literals;

// Returns what a path names, or "refused".
std::string named_by(std::string_view path) { return http_file_path(path).value_or("refused"); }

void expect_refused(std::initializer_list<std::string_view> paths) {
    for (std::string_view const path : paths) {
        EXPECT_EQ(named_by(path), "refused") << path;
    }
}

bool reads_as_utf8(std::string const& bytes) { return named_by("/" + bytes) == bytes; }

}  // namespace

TENDRIL_TEST(http_file_path, a_path_is_what_stands_below_a_folder) {
    EXPECT_EQ(named_by("/"), "");
    EXPECT_EQ(named_by("/a"), "a");
    EXPECT_EQ(named_by("/a/b.txt"), "a/b.txt");
    EXPECT_EQ(named_by("/a/"), "a/");
    EXPECT_EQ(named_by("/..."), "...");
    EXPECT_EQ(named_by("/a..b/.c"), "a..b/.c");
}

TENDRIL_TEST(http_file_path, escapes_are_decoded_once) {
    EXPECT_EQ(named_by("/a%20b+c"), "a b+c");
    EXPECT_EQ(named_by("/%41%7e%7E"), "A~~");
    EXPECT_EQ(named_by("/%3Fq%23f"), "?q#f");
    EXPECT_EQ(named_by("/100%25"), "100%");
    EXPECT_EQ(named_by("/5%25of"), "5%of");
    expect_refused({"/%252e%252e/a", "/%25%32%65", "/a%2541", "/%2525%252"});
}

TENDRIL_TEST(http_file_path, half_an_escape_is_refused) {
    expect_refused(
        {"/%", "/a%4", "/%4g", "/%g4", "/%+1", "/%-1", "/%0x", "/% 1", "/%%41", "/%u0041"});
}

TENDRIL_TEST(http_file_path, no_name_leads_upwards_or_nowhere) {
    expect_refused(
        {"/..", "/.", "/../a", "/a/..", "/a/../b", "/a/./b", "/./a", "/a/.", "/%2e%2e/a", "/.%2E/a",
         "/%2e", "/a/%2e%2e", "//", "//a", "/a//b", "/a//"});
}

TENDRIL_TEST(http_file_path, a_slash_in_a_name_is_refused_in_both_directions) {
    expect_refused(
        {"/a%2fb", "/..%2fa", "/%2Fetc/passwd", "/a\\b", "/..\\a", "/..%5ca", "/%5c", "/C:\\a"});
}

TENDRIL_TEST(http_file_path, control_bytes_are_refused) {
    expect_refused({"/a%00", "/a%00.txt", "/%0a", "/a%0D%0Ab", "/%1b[m", "/%7f", "/%09"});
    expect_refused({"/a\0b"sv, "/a\nb"sv, "/\x7f"sv});
}

TENDRIL_TEST(http_file_path, what_is_no_utf8_is_refused) {
    EXPECT_EQ(named_by("/%C3%A9"), "\xC3\xA9");
    for (char const* good :
         {"\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80", "\xEF\xBF\xBF",
          "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF", "a\xC3\xA9z"}) {
        EXPECT_TRUE(reads_as_utf8(good)) << good;
    }
    for (char const* bad :
         {"\x80", "\xBF", "\xC3", "\xC3z", "\xE2\x82", "\xE2\x82z", "\xF0\x9F\x98",
          "\xF5\x80\x80\x80", "\xF8\x88\x80\x80\x80", "\xFE", "\xFF", "\xC3\xA9\xA9"}) {
        EXPECT_FALSE(reads_as_utf8(bad)) << bad;
    }
    // Too long, halves of pairs, and too large.
    expect_refused(
        {"/%C0%AE%C0%AE/a", "/%C0%AF", "/%C1%BF", "/%E0%80%AF", "/%E0%9F%BF", "/%F0%80%80%AF",
         "/%F0%8F%BF%BF", "/%C0%80", "/%ED%A0%80", "/%ED%BF%BF", "/%F4%90%80%80", "/%F7%BF%BF%BF"});
}

TENDRIL_TEST(http_file_path, what_is_no_path_names_nothing) {
    expect_refused({"", "a", "*", "http://host/a", "%2fa", "..", "?a"});
}
