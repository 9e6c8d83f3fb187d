// SPDX-License-Identifier: BSL-1.0
//
// What a client refuses to take for an answer.
#include <harness/network.hpp>
#include <harness/scripted_server.hpp>
#include <tendril/http/client_error.hpp>
#include <tendril/http/http_client.hpp>
#include <tendril/hub/waiter.hpp>

#include <string>
#include <utility>
#include <vector>

namespace {

using namespace tendril;
using test::scripted_peer;
using test::scripted_server;

// An answer, what it is refused for, and a word of the reason.
struct bad_answer {
    std::string text;
    http_client_errc code;
    std::string why;
    std::string method = "GET";
};

constexpr auto malformed = http_client_errc::bad_response;

std::string with(std::string const& fields, std::string const& body = "") {
    return "HTTP/1.1 200 OK\r\n" + fields + "\r\n" + body;
}
std::string in_chunks(std::string const& chunks) {
    return with("Transfer-Encoding: chunked\r\n", chunks);
}

std::string many_fields(int number, std::size_t size = 1) {
    std::string fields;
    for (int count = 0; count < number; ++count) {
        fields += "A: " + std::string(size, 'b') + "\r\n";
    }
    return fields;
}

std::vector<bad_answer> const bad_answers{
    // The status line.
    {"HTTP/2 200 OK\r\n\r\n", malformed, "not HTTP/1"},
    {"HTTP/1.2 200 OK\r\n\r\n", malformed, "rules"},
    {"HTTP/0.9 200 OK\r\n\r\n", malformed, "not HTTP/1"},
    {"http/1.1 200 OK\r\n\r\n", malformed, "not HTTP/1"},
    {"ICY 200 OK\r\n\r\n", malformed, "not HTTP/1"},
    {"<html>", malformed, "not HTTP/1"},
    {"\r\nHTTP/1.1 200 OK\r\n\r\n", malformed, "not HTTP/1"},
    {"HTTP/1.1  200 OK\r\n\r\n", malformed, "rules"},
    {"HTTP/1.1 20 OK\r\n\r\n", malformed, "rules"},
    {"HTTP/1.1 2000 OK\r\n\r\n", malformed, "rules"},
    {"HTTP/1.1 099 OK\r\n\r\n", malformed, "rules"},
    {"HTTP/1.1 -20 OK\r\n\r\n", malformed, "rules"},
    {"HTTP/1.1 200 O\x01K\r\n\r\n", malformed, "control"},
    {"HTTP/1.1 101 Switching Protocols\r\n\r\n", malformed, "interim"},
    // Lines.
    {"HTTP/1.1 200 OK\n\n", malformed, "lone LF"},
    {with("A: b\nC: d\r\n"), malformed, "lone LF"},
    {with("A: b\rC: d\r\n"), malformed, "lone CR"},
    {with("A: b\r\n c\r\n"), malformed, "folded"},
    {with("A: b\r\n\tc\r\n"), malformed, "folded"},
    {with(" A: b\r\n"), malformed, "folded"},
    {with("A : b\r\n"), malformed, "rules"},
    {with("A\r\n"), malformed, "rules"},
    {with(": b\r\n"), malformed, "rules"},
    {with("A\x01: b\r\n"), malformed, "control"},
    {with(std::string{"A: b\0c\r\n", 8}), malformed, "control"},
    {with("A: \x7f\r\n"), malformed, "control"},
    // Two ways to see the end.
    {with("Content-Length: 1\r\nContent-Length: 2\r\n", "ab"), malformed, ""},
    {with("Content-Length: 1\r\nContent-Length: 1\r\n", "a"), malformed, ""},
    {with("Content-Length: 1, 1\r\n", "a"), malformed, ""},
    {with("Content-Length: +1\r\n", "a"), malformed, ""},
    {with("Content-Length: -1\r\n", "a"), malformed, ""},
    {with("Content-Length: 0x1\r\n", "a"), malformed, ""},
    {with("Content-Length: 1 1\r\n", "a"), malformed, ""},
    {with("Content-Length:\r\n", "a"), malformed, ""},
    {with("Content-Length: 9223372036854775808\r\n"), malformed, ""},
    {with("Content-Length: 99999999999999999999\r\n"), malformed, ""},
    {with("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), malformed, ""},
    {with("Transfer-Encoding: chunked\r\nContent-Length: 1\r\n", "0\r\n\r\n"), malformed, ""},
    {with("Transfer-Encoding: gzip\r\n"), malformed, "chunked"},
    {with("Transfer-Encoding: gzip, chunked\r\n"), malformed, "chunked"},
    {with("Transfer-Encoding: chunked, chunked\r\n"), malformed, "chunked"},
    {with("Transfer-Encoding: xchunked\r\n"), malformed, "chunked"},
    {with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), malformed, ""},
    {with("Transfer-Encoding: identity\r\n"), malformed, "chunked"},
    {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", malformed, "excludes"},
    {with("Content-Length: x\r\n"), malformed, "", "HEAD"},
    // Chunks.
    {in_chunks("x\r\n"), malformed, "size of a chunk"},
    {in_chunks("\r\n"), malformed, "size of a chunk"},
    {in_chunks("-1\r\n"), malformed, "size of a chunk"},
    {in_chunks("+1\r\na\r\n"), malformed, "size of a chunk"},
    {in_chunks("0x1\r\na\r\n"), malformed, "size of a chunk"},
    {in_chunks(" 1\r\na\r\n"), malformed, "size of a chunk"},
    {in_chunks("1 \r\na\r\n"), malformed, "size of a chunk"},
    {in_chunks("1 1\r\na\r\n"), malformed, "size of a chunk"},
    {in_chunks("10000000000000001\r\n"), malformed, "size of a chunk"},
    {in_chunks("ffffffffffffffff\r\n"), malformed, "size of a chunk"},
    {in_chunks("1;;\r\na\r\n"), malformed, "no extension"},
    {in_chunks("1;=x\r\na\r\n"), malformed, "no extension"},
    {in_chunks("1;a=\"b\r\na\r\n"), malformed, "no extension"},
    {in_chunks("1;" + std::string(3000, 'x') + "\r\na\r\n1;" + std::string(3000, 'x') + "\r\n"),
     malformed, "extensions"},
    {in_chunks("1\na\r\n"), malformed, "lone CR or LF"},
    {in_chunks("1\ra\r\n"), malformed, "lone CR"},
    {in_chunks("1\r\nab\r\n"), malformed, "longer"},
    {in_chunks("1\r\na\n0\r\n\r\n"), malformed, "CR or LF"},
    {in_chunks("1\r\na0\r\n\r\n"), malformed, "longer"},
    {in_chunks(std::string{"1;\0\r\na", 7}), malformed, "control"},
    {in_chunks("1;" + std::string(5000, 'x') + "\r\na\r\n"), malformed, "extensions"},
    {in_chunks(std::string(9000, '0')), malformed, "too long"},
    {in_chunks("0\r\nA\r\n\r\n"), malformed, "not a field"},
    {in_chunks("0\r\nA : b\r\n\r\n"), malformed, "not a field"},
    {in_chunks("0\r\n b\r\n\r\n"), malformed, "not a field"},
    {in_chunks("0\r\nA: " + std::string(9000, 'x')), malformed, "too long"},
    {in_chunks("0\r\n" + many_fields(65)), malformed, "too many trailers"},
    {in_chunks("0\r\n" + many_fields(3, 3000)), malformed, "too many trailers"},
    // Ends.
    {"", http_client_errc::no_response, ""},
    {"H", http_client_errc::truncated, ""},
    {"HTTP/1.1 200 OK\r\nA:", http_client_errc::truncated, ""},
    {"HTTP/1.1 100 Continue\r\n\r\n", http_client_errc::truncated, ""},
    {with("Content-Length: 3\r\n", "ab"), http_client_errc::truncated, "middle"},
    {with("Content-Length: 3\r\n"), http_client_errc::truncated, "middle"},
    {in_chunks(""), http_client_errc::truncated, "middle"},
    {in_chunks("2\r\na"), http_client_errc::truncated, "middle"},
    {in_chunks("1\r\na\r\n"), http_client_errc::truncated, "middle"},
    {in_chunks("1\r\na\r\n0\r\n"), http_client_errc::truncated, "middle"},
    {in_chunks("0\r\nA: b\r\n"), http_client_errc::truncated, "middle"},
    // Sizes.
    {with("A: " + std::string(70'000, 'x') + "\r\n"), http_client_errc::head_too_large, "long"},
    {"HTTP/1.1 200 " + std::string(70'000, 'x'), http_client_errc::head_too_large, "long"},
};

void expect_refusal(bad_answer const& bad, bool slowly, http_client_options options = {}) {
    job_under_way const time_stands_still{this_hub()};
    scripted_server const server{[&](scripted_peer& peer) {
        peer.hear_head();
        slowly ? peer.say_slowly(bad.text) : static_cast<void>(peer.say(bad.text));
    }};
    tendril::http_client client{std::move(options)};
    std::string const shown = bad.text.substr(0, 80);
    try {
        client.request({.method = bad.method, .url = server.url()});
        ADD_FAILURE() << "was taken: " << shown;
    } catch (http_client_error const& error) {
        EXPECT_EQ(error.code(), make_error_code(bad.code)) << error.what() << '\n' << shown;
        std::string const text = error.what();
        EXPECT_NE(text.find(bad.why), std::string::npos) << text << '\n' << shown;
    }
    EXPECT_EQ(client.statistics().busy + client.statistics().idle, 0U) << shown;
    EXPECT_EQ(client.statistics().retried, 0U) << shown;
}

}  // namespace

TENDRIL_HUB_TEST(client_error, bad_answers_are_refused) {
    for (bad_answer const& bad : bad_answers) {
        expect_refusal(bad, false);
    }
    expect_refusal({with(many_fields(257)), http_client_errc::head_too_large, "fields"}, false);
}

TENDRIL_HUB_TEST(client_error, how_large_a_head_may_be_is_an_option) {
    bad_answer const many{with(many_fields(4)), http_client_errc::head_too_large, "fields"};
    expect_refusal(many, false, {.fields_limit = 3});
    bad_answer const large{with(many_fields(1, 1000)), http_client_errc::head_too_large, "long"};
    expect_refusal(large, false, {.head_limit = 1000});
    expect_refusal(large, true, {.head_limit = 1000});
    scripted_server const server{scripted_server::always(
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" + many_fields(2, 400) + "\r\n")};
    tendril::http_client client{{.head_limit = 1000, .fields_limit = 3}};
    EXPECT_EQ(client.get(server.url()).status(), 200);
}

TENDRIL_HUB_TEST(client_error, bad_answers_are_refused_byte_by_byte) {
    for (bad_answer const& bad : bad_answers) {
        if (bad.text.size() < 200) {
            expect_refusal(bad, true);
        }
    }
}

TENDRIL_HUB_TEST(client_error, what_is_hopeless_is_refused_before_its_end) {
    for (std::string const text : {"<", "HTTP/1.1 200 OK\n", "HTTP/1.1 200 OK\r\nA: b\nC"}) {
        scripted_server const server{[&](scripted_peer& peer) {
            peer.hear_head();
            peer.say(text);
            peer.hear_end();
        }};
        tendril::http_client client;
        auto const before = clock.elapsed();
        EXPECT_EQ(test::code_of([&] { client.get(server.url()); }), make_error_code(malformed));
        EXPECT_EQ(clock.elapsed(), before) << text;
    }
}

TENDRIL_TEST(client_error, codes_and_phases_have_words) {
    for (int code = 1; code <= 10; ++code) {
        EXPECT_NE(make_error_code(http_client_errc{code}).message(), "unknown");
    }
    EXPECT_EQ(make_error_code(http_client_errc{99}).message(), "unknown");
    EXPECT_EQ(
        make_error_code(http_client_errc::no_tls).category().name(),
        std::string{"tendril.http_client"});
    for (int phase = 0; phase <= 6; ++phase) {
        EXPECT_NE(to_string(http_phase(phase)), std::string{"unknown"});
    }
}
