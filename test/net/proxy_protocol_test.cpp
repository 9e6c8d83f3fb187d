// SPDX-License-Identifier: BSL-1.0
#include <harness/hubs.hpp>
#include <harness/network.hpp>
#include <tendril/net/proxy_protocol.hpp>
#include <tendril/support/random.hpp>
#include <tendril/testing/memory_stream.hpp>

#include <boost/asio/error.hpp>
#include <boost/system/errc.hpp>

#include <cstdio>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using namespace std::string_literals;
using tendril::testing::memory_stream;
using kind = proxy_header::kind;
namespace asio_error = boost::asio::error;

constexpr auto everything = std::numeric_limits<std::size_t>::max();
std::string const start = "\r\n\r\n\0\r\nQUIT\n"s;

tcp_endpoint endpoint(char const* address, std::uint16_t port) {
    return {boost::asio::ip::make_address(address), port};
}

proxy_header of(kind what, char const* source = "0.0.0.0", char const* destination = "0.0.0.0") {
    return {
        .what = what, .source = endpoint(source, 56324), .destination = endpoint(destination, 443)};
}

// What came of a text, and what was left of it.
struct reading {
    proxy_header header;
    error_code error;
    std::string rest;
};

reading read_from(
    std::string const& text, std::size_t most_at_a_time = everything,
    proxy_header_options options = {}) {
    auto [here, there] = memory_stream::pair({.largest_read = most_at_a_time});
    if (!text.empty()) {
        there.write_some(boost::asio::buffer(text));
    }
    there.shutdown_send();
    reading made;
    made.header = read_proxy_header(here, options, made.error);
    char rest[70'000];
    error_code end;
    while (!end.failed()) {
        made.rest.append(rest, here.read_some(boost::asio::buffer(rest), end));
    }
    return made;
}

bool is_no_header(error_code const& error) {
    return error == boost::system::errc::make_error_condition(boost::system::errc::protocol_error);
}

// A header of version 2, as written by hand.
std::string binary(char command, char family, std::string const& body) {
    std::string made = start + command + family;
    made.push_back(static_cast<char>(body.size() >> 8));
    made.push_back(static_cast<char>(body.size() & 0xFF));
    return made + body;
}

std::vector<std::string> good_headers() {
    proxy_header local = of(kind::unix_stream);
    local.source_path = "/run/a.socket";
    local.destination_path = "\0abstract"s;
    proxy_header extended = of(kind::tcp, "10.1.2.3", "10.4.5.6");
    extended.extensions = "\x02\x00\x0b"
                          "example.org"
                          "\x04\x00\x00"s;
    return {
        proxy_header_v1(of(kind::tcp, "192.168.0.1", "192.168.0.11")),
        proxy_header_v1(of(kind::tcp, "2001:db8::1", "::")),
        "PROXY UNKNOWN\r\n",
        "PROXY UNKNOWN ffff:f...f:ffff anything at all 65535 65535\r\n",
        "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
        "PROXY TCP6 ::1 ::1 1 1\r\n",
        "PROXY TCP4 1.1.1.1 1.1.1.1 0 0\r\n",
        proxy_header_v2(of(kind::tcp, "192.168.0.1", "192.168.0.11")),
        proxy_header_v2(of(kind::udp, "2001:db8::1", "2001:db8::2")),
        proxy_header_v2(of(kind::local)),
        proxy_header_v2(of(kind::unknown)),
        proxy_header_v2(local),
        proxy_header_v2(extended),
    };
}

}  // namespace

TENDRIL_HUB_TEST(proxy_protocol, a_line_of_version_1_says_who_has_connected) {
    auto const four = read_from("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\nGET /");
    EXPECT_FALSE(four.error.failed());
    EXPECT_EQ(four.header.what, kind::tcp);
    EXPECT_EQ(four.header.source, endpoint("192.168.0.1", 56324));
    EXPECT_EQ(four.header.destination, endpoint("192.168.0.11", 443));
    EXPECT_EQ(four.rest, "GET /");
    auto const six = read_from("PROXY TCP6 2001:db8::1 ::ffff:10.0.0.1 1 65535\r\n");
    EXPECT_EQ(six.header.source, endpoint("2001:db8::1", 1));
    EXPECT_EQ(six.header.destination, endpoint("::ffff:10.0.0.1", 65535));
}

TENDRIL_HUB_TEST(proxy_protocol, unknown_has_no_addresses_whatever_follows) {
    auto const bare = read_from("PROXY UNKNOWN\r\nx");
    EXPECT_EQ(bare.header.what, kind::unknown);
    EXPECT_EQ(bare.rest, "x");
    auto const more = read_from("PROXY UNKNOWN 1.2.3.4 what ever\r\n\r\n");
    EXPECT_EQ(more.header.what, kind::unknown);
    EXPECT_EQ(more.header.source, tcp_endpoint{});
    EXPECT_EQ(more.rest, "\r\n");
}

TENDRIL_HUB_TEST(proxy_protocol, version_2_says_who_has_connected) {
    std::string const four = "\x0A\x01\x02\x03\x0A\x04\x05\x06\xDC\x04\x01\xBB"s;
    auto const tcp = read_from(binary('\x21', '\x11', four) + "GET /");
    EXPECT_EQ(tcp.header.what, kind::tcp);
    EXPECT_EQ(tcp.header.source, endpoint("10.1.2.3", 56324));
    EXPECT_EQ(tcp.header.destination, endpoint("10.4.5.6", 443));
    EXPECT_EQ(tcp.rest, "GET /");
    EXPECT_EQ(read_from(binary('\x21', '\x12', four)).header.what, kind::udp);
    std::string const six = std::string(15, '\0') + '\x01' + std::string(16, '\x20') +
        "\x00\x50\x00\x51"s;
    auto const over_six = read_from(binary('\x21', '\x21', six));
    EXPECT_EQ(over_six.header.source, endpoint("::1", 80));
    EXPECT_EQ(over_six.header.destination.port(), 81);
}

TENDRIL_HUB_TEST(proxy_protocol, version_2_knows_unix_sockets) {
    std::string paths = "/run/x"s + std::string(102, '\0') + "\0name"s + std::string(103, '\0');
    auto const named = read_from(binary('\x21', '\x31', paths));
    EXPECT_EQ(named.header.what, kind::unix_stream);
    EXPECT_EQ(named.header.source_path, "/run/x");
    EXPECT_EQ(named.header.destination_path, "\0name"s);
    auto const full = read_from(binary('\x21', '\x32', std::string(216, 'p')));
    EXPECT_EQ(full.header.what, kind::unix_datagram);
    EXPECT_EQ(full.header.source_path, std::string(108, 'p'));
    EXPECT_EQ(read_from(binary('\x21', '\x31', std::string(216, '\0'))).header.source_path, "");
}

TENDRIL_HUB_TEST(proxy_protocol, local_has_no_addresses_whatever_it_carries) {
    auto const local = read_from(binary('\x20', '\x11', std::string(12, 'x')) + "y");
    EXPECT_FALSE(local.error.failed());
    EXPECT_EQ(local.header.what, kind::local);
    EXPECT_EQ(local.header.source, tcp_endpoint{});
    EXPECT_EQ(local.rest, "y");
    EXPECT_EQ(read_from(binary('\x20', '\x00', "nonsense")).header.what, kind::local);
    EXPECT_EQ(read_from(binary('\x21', '\x00', "nonsense")).header.what, kind::unknown);
}

TENDRIL_HUB_TEST(proxy_protocol, extensions_are_kept_and_must_fit) {
    std::string const addresses(12, '\1');
    std::string const extensions = "\x03\x00\x04"
                                   "abcd"
                                   "\x20\x00\x00"s;
    auto const kept = read_from(binary('\x21', '\x11', addresses + extensions));
    EXPECT_EQ(kept.header.extensions, extensions);
    for (auto const& bad : {"\x03"s, "\x03\x00"s, "\x03\x00\x01"s, "\x03\xFF\xFFx"s}) {
        EXPECT_TRUE(is_no_header(read_from(binary('\x21', '\x11', addresses + bad)).error));
    }
}

TENDRIL_HUB_TEST(proxy_protocol, what_is_written_is_read_again) {
    for (std::string const& text : good_headers()) {
        auto const made = read_from(text + "rest");
        ASSERT_FALSE(made.error.failed()) << text;
        EXPECT_EQ(made.rest, "rest") << text;
        if (text.starts_with(start)) {
            EXPECT_EQ(proxy_header_v2(made.header), text);
        }
    }
    auto const line = proxy_header_v1(of(kind::tcp, "192.168.0.1", "192.168.0.11"));
    EXPECT_EQ(line, "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n");
    EXPECT_EQ(proxy_header_v1(of(kind::unknown)), "PROXY UNKNOWN\r\n");
}

TENDRIL_HUB_TEST(proxy_protocol, however_it_is_cut_not_a_byte_more_is_read) {
    for (std::string const& text : good_headers()) {
        for (std::size_t const piece : {std::size_t{1}, std::size_t{2}, std::size_t{7}}) {
            auto const made = read_from(text + "\r\n\0rest"s, piece);
            EXPECT_FALSE(made.error.failed()) << text;
            EXPECT_EQ(made.rest, "\r\n\0rest"s) << text;
        }
    }
}

TENDRIL_HUB_TEST(proxy_protocol, one_that_ends_too_early_is_an_end_of_file) {
    for (std::string const& text : good_headers()) {
        for (std::size_t size = 0; size < text.size(); ++size) {
            EXPECT_EQ(read_from(text.substr(0, size)).error, asio_error::eof) << text << size;
        }
    }
}

TENDRIL_HUB_TEST(proxy_protocol, what_is_not_exactly_a_line_is_refused) {
    for (auto const& text :
         {"GET / HTTP/1.1\r\n\r\n"s,
          "proxy TCP4 1.1.1.1 1.1.1.1 1 1\r\n"s,
          "PROXY  TCP4 1.1.1.1 1.1.1.1 1 1\r\n"s,
          "PROXY TCP4 1.1.1.1 1.1.1.1 1 1 \r\n"s,
          "PROXY TCP4 1.1.1.1 1.1.1.1 1 1\n............"s,
          "PROXY TCP4 1.1.1.1 1.1.1.1 1\r\n....."s,
          "PROXY TCP4 1.1.1.1 1.1.1.1 1 1 1\r\n"s,
          "PROXY TCP4 ::1 ::1 1 1\r\n..........."s,
          "PROXY TCP6 1.1.1.1 1.1.1.1 1 1\r\n"s,
          "PROXY TCP4 1.1.1 1.1.1.1 1 1\r\n.."s,
          "PROXY TCP4 01.1.1.1 1.1.1.1 1 1\r\n"s,
          "PROXY TCP4 1.1.1.1 1.1.1.1 01 1\r\n"s,
          "PROXY TCP4 1.1.1.1 1.1.1.1 65536 1\r\n"s,
          "PROXY TCP4 1.1.1.1 1.1.1.1 -1 1\r\n"s,
          "PROXY TCP4 1.1.1.1 1.1.1.1 +1 1\r\n"s,
          "PROXY TCP4 1.1.1.1\0 1.1.1.1 1 1\r\n"s,
          "PROXY TCP6 fe80::1%lo ::1 1 1\r\n"s,
          "PROXY TCP5 1.1.1.1 1.1.1.1 1 1\r\n"s,
          "PROXY UNKNOWNX\r\n"s,
          "PROXY UNKNOWN\rx\r\n"s,
          "PROXY UDP4 1.1.1.1 1.1.1.1 1 1\r\n"s,
          "PROXY UNKNOWN "s + std::string(107, 'x') + "\r\n"s,
          "PROXY TCP4 "s + std::string(107, ' ') + "\r\n"s}) {
        auto const made = read_from(text);
        EXPECT_TRUE(is_no_header(made.error)) << text << ": " << made.error.message();
    }
}

TENDRIL_HUB_TEST(proxy_protocol, what_is_not_exactly_binary_is_refused) {
    std::string const four(12, '\1');
    for (auto const& text :
         {binary('\x22', '\x11', four), binary('\x11', '\x11', four), binary('\x01', '\x11', four),
          binary('\x21', '\x13', four), binary('\x21', '\x41', four), binary('\x21', '\x10', four),
          binary('\x21', '\x11', four.substr(1)), binary('\x21', '\x21', std::string(35, 'x')),
          binary('\x21', '\x31', std::string(215, 'x')), start.substr(0, 11) + "X____"s}) {
        EXPECT_TRUE(is_no_header(read_from(text).error));
    }
}

TENDRIL_HUB_TEST(proxy_protocol, a_long_one_is_refused_before_it_is_read) {
    std::string const long_one = binary('\x20', '\x00', std::string(5000, 'x'));
    auto const refused = read_from(long_one);
    EXPECT_TRUE(is_no_header(refused.error));
    EXPECT_EQ(refused.rest.size(), 5000U);
    EXPECT_FALSE(read_from(long_one, everything, {.most_bytes = 6000}).error.failed());
    EXPECT_THROW(read_from("", everything, {.most_bytes = 106}), misuse);
    EXPECT_THROW(read_from("", everything, {.most_bytes = 70'000}), misuse);
}

TENDRIL_HUB_TEST(proxy_protocol, what_cannot_be_said_is_not_written) {
    EXPECT_THROW(proxy_header_v1(of(kind::udp)), misuse);
    EXPECT_THROW(proxy_header_v1(of(kind::tcp, "::1", "1.1.1.1")), misuse);
    EXPECT_THROW(proxy_header_v2(of(kind::tcp, "::1", "1.1.1.1")), misuse);
    proxy_header too_long = of(kind::unix_stream);
    too_long.source_path = std::string(109, 'x');
    EXPECT_THROW(proxy_header_v2(too_long), misuse);
    too_long.source_path.clear();
    too_long.extensions = std::string(65'536, 'x');
    EXPECT_THROW(proxy_header_v2(too_long), misuse);
}

TENDRIL_HUB_TEST(proxy_protocol, no_bytes_at_all_make_it_read_past_its_bounds) {
    seeded_random random{20'240'229};
    auto const headers = good_headers();
    int whole = 0;
    for (int count = 0; count < 20'000; ++count) {
        std::string text = headers[random_below(random, headers.size())] + "tail";
        for (std::uint64_t changes = random_below(random, 4); changes > 0; --changes) {
            auto const place = random_below(random, text.size());
            text[place] = static_cast<char>(random_below(random, 256));
        }
        auto const made = read_from(text, 1 + random_below(random, 40));
        EXPECT_TRUE(made.rest.empty() || text.ends_with(made.rest));
        bool const known = !made.error.failed() || made.error == asio_error::eof ||
            is_no_header(made.error);
        EXPECT_TRUE(known) << made.error.message();
        whole += made.error.failed() ? 0 : 1;
    }
    std::printf("20000 headers with bytes changed, %d of them still whole\n", whole);
    EXPECT_GT(whole, 1000);
}

TENDRIL_HUB_TEST(proxy_protocol, over_tcp_a_limit_of_the_callers_holds) {
    auto [here, there] = test::connected_pair();
    test::say(there, "PROXY TCP4 1.2.3.4 ");
    auto const read = [&stream = here] {
        timeout const limit{1s};
        read_proxy_header(stream);
    };
    EXPECT_EQ(test::interruption_of(read), "timed out");
    EXPECT_EQ(clock.elapsed(), 1s);
}

TENDRIL_HUB_TEST(proxy_protocol, over_tcp_what_follows_is_the_clients) {
    auto [here, there] = test::connected_pair();
    test::say(there, proxy_header_v2(of(kind::tcp, "1.2.3.4", "5.6.7.8")) + "hello");
    EXPECT_EQ(read_proxy_header(here).source, endpoint("1.2.3.4", 56324));
    EXPECT_EQ(test::hear(here), "hello");
    there.close();
    EXPECT_EQ(test::code_of([&stream = here] { read_proxy_header(stream); }), asio_error::eof);
}
