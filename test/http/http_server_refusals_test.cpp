// SPDX-License-Identifier: BSL-1.0
//
// What breaks the rules of RFC 9112, and what only looks as if it did. Each row is tried three
// times: in one piece with an innocent request behind it, byte by byte, and cut in two everywhere.
#include <harness/http_client.hpp>
#include <tendril/http/http_server.hpp>

#include <boost/asio/error.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace tendril;
using namespace std::string_literals;
using test::http_answer;
using test::http_client;
using test::settle;

constexpr int served = 200;

struct row {
    char const* what;
    int status;
    std::string bytes;
};
using table = std::vector<row>;

std::string get_with(std::string const& fields) {
    return "GET / HTTP/1.1\r\nHost: test\r\n" + fields + "\r\n";
}
std::string post_with(std::string const& fields, std::string const& body = "hello") {
    return "POST / HTTP/1.1\r\nHost: test\r\n" + fields + "\r\n" + body;
}
std::string chunked(std::string const& body) {
    return post_with("Transfer-Encoding: chunked\r\n", body);
}

std::string const innocent = "GET /innocent HTTP/1.1\r\nHost: test\r\n\r\n";

// A server that knows whether the request behind the one under test has reached a handler.
class watching_server : public http_server {
public:
    watching_server()
        : http_server{"127.0.0.1:0", [this](http_request& request, http_response& response) {
                          innocents_ += request.path() == "/innocent" ? 1 : 0;
                          response.body(request.body());
                      }} {
        start();
    }
    int take_innocents() { return std::exchange(innocents_, 0); }

private:
    int innocents_ = 0;
};

// Checks the answer, and that the connection goes on, or does not, as the answer says.
void expect_outcome(watching_server& web, http_client& client, row const& tried) {
    http_answer const answer = client.read();
    EXPECT_EQ(answer.status, tried.status) << tried.what;
    if (tried.status == served) {
        EXPECT_EQ(client.read().status, served) << tried.what << ", the request behind it";
        EXPECT_EQ(web.take_innocents(), 1) << tried.what;
    } else {
        EXPECT_TRUE(answer.closes()) << tried.what;
        EXPECT_EQ(client.drain(), boost::asio::error::eof) << tried.what;
        EXPECT_EQ(client.rest(), "") << tried.what;
        EXPECT_EQ(web.take_innocents(), 0) << tried.what;
    }
}

void expect_outcomes(table const& rows) {
    watching_server web;
    for (row const& tried : rows) {
        http_client client{web};
        client.send(tried.bytes + innocent);
        expect_outcome(web, client, tried);
    }
    for (row const& tried : rows) {
        http_client client{web};
        client.send_slowly(tried.bytes + innocent);
        expect_outcome(web, client, tried);
    }
    for (row const& tried : rows) {
        std::string const whole = tried.bytes + innocent;
        for (std::size_t cut = 1; cut < tried.bytes.size(); cut += 1 + whole.size() / 200) {
            http_client client{web};
            client.send(whole.substr(0, cut));
            settle();
            error_code gone;
            client.stream.write(boost::asio::buffer(whole.substr(cut)), gone);
            expect_outcome(web, client, tried);
        }
    }
}

}  // namespace

TENDRIL_HUB_TEST(http_server, the_request_line_is_taken_literally) {
    std::string const rest = "\r\nHost: test\r\n\r\n";
    expect_outcomes({
        {"an ordinary line", 200, "GET / HTTP/1.1" + rest},
        {"one empty line before", 200, "\r\nGET / HTTP/1.1" + rest},
        {"two empty lines before", 200, "\r\n\r\nGET / HTTP/1.1" + rest},
        {"three empty lines before", 400, "\r\n\r\n\r\nGET / HTTP/1.1" + rest},
        {"two spaces", 400, "GET  / HTTP/1.1" + rest},
        {"a tab", 400, "GET\t/ HTTP/1.1" + rest},
        {"a space before", 400, " GET / HTTP/1.1" + rest},
        {"a space behind", 400, "GET / HTTP/1.1 " + rest},
        {"a space in the target", 400, "GET /a b HTTP/1.1" + rest},
        {"a control character in the target", 400, "GET /\x01 HTTP/1.1" + rest},
        {"a NUL in the target", 400, "GET /\0 HTTP/1.1"s + rest},
        {"no target", 400, "GET HTTP/1.1" + rest},
        {"no version", 400, "GET /" + rest},
        {"the oldest version", 400, "GET /\r\n\r\n"},
        {"a method that is no token", 400, "G(T / HTTP/1.1" + rest},
        {"no method", 400, " / HTTP/1.1" + rest},
        {"small letters", 400, "GET / http/1.1" + rest},
        {"no digits", 400, "GET / HTTP/x.y" + rest},
        {"half a version", 400, "GET / HTTP/1." + rest},
        {"two digits", 400, "GET / HTTP/01.1" + rest},
        {"a version to come", 505, "GET / HTTP/2.0" + rest},
        {"a later one", 505, "GET / HTTP/3.0" + rest},
        {"one that never was", 505, "GET / HTTP/0.9" + rest},
    });
}

TENDRIL_HUB_TEST(http_server, lines_end_with_both_characters) {
    expect_outcomes({
        {"a lone LF ends the first line", 400, "GET / HTTP/1.1\nHost: test\r\n\r\n"},
        {"a lone LF ends a field", 400, "GET / HTTP/1.1\r\nHost: test\nX: y\r\n\r\n"},
        {"a lone LF ends the head", 400, "GET / HTTP/1.1\r\nHost: test\r\n\nX: y\r\n\r\n"},
        {"all lines end with a lone LF", 400, "GET / HTTP/1.1\nHost: test\n\n"},
        {"a lone CR ends the first line", 400, "GET / HTTP/1.1\rHost: test\r\n\r\n"},
        {"a lone CR in a value", 400, get_with("X: a\rb\r\n")},
        {"a lone CR ends the head", 400, "GET / HTTP/1.1\r\nHost: test\r\n\rX\r\n\r\n"},
        {"CR CR LF", 400, get_with("X: a\r\r\n")},
    });
}

TENDRIL_HUB_TEST(http_server, fields_have_names_and_harmless_values) {
    expect_outcomes({
        {"an ordinary field", 200, get_with("X-Name: value\r\n")},
        {"no value", 200, get_with("X-Name:\r\n")},
        {"blanks around the value", 200, get_with("X-Name: \t value \t \r\n")},
        {"bytes above ASCII in the value", 200, get_with("X-Name: \xc3\xa4\xff\r\n")},
        {"a tab in the value", 200, get_with("X-Name: a\tb\r\n")},
        {"no colon", 400, get_with("X-Name\r\n")},
        {"no name", 400, get_with(": value\r\n")},
        {"a space before the colon", 400, get_with("X-Name : value\r\n")},
        {"a tab before the colon", 400, get_with("X-Name\t: value\r\n")},
        {"a space in the name", 400, get_with("X Name: value\r\n")},
        {"a byte above ASCII in the name", 400, get_with("X-N\xe4me: value\r\n")},
        {"a NUL in the name", 400, get_with("X\0: value\r\n"s)},
        {"a NUL in the value", 400, get_with("X-Name: a\0b\r\n"s)},
        {"a control character in the value", 400, get_with("X-Name: a\x01"s + "b\r\n")},
        {"DEL in the value", 400, get_with("X-Name: a\x7f"s + "b\r\n")},
        {"a blank before the first field", 400, "GET / HTTP/1.1\r\n Host: test\r\n\r\n"},
        {"a folded field", 400, get_with("X-Name: one\r\n two\r\n")},
        {"a folded field with a tab", 400, get_with("X-Name: one\r\n\ttwo\r\n")},
        {"a field folded before its value", 400, get_with("X-Name:\r\n value\r\n")},
        {"a field folded into nothing", 400, get_with("X-Name:\r\n \r\n")},
    });
}

TENDRIL_HUB_TEST(http_server, there_is_exactly_one_host) {
    std::string const line = "GET / HTTP/1.1\r\n";
    expect_outcomes({
        {"one", 200, line + "Host: test:80\r\n\r\n"},
        {"IPv6", 200, line + "Host: [::1]:80\r\n\r\n"},
        {"a later kind of address", 200, line + "Host: [v7.fe80::1]\r\n\r\n"},
        {"one without a version", 400, line + "Host: [v.fe80]\r\n\r\n"},
        {"one without an address", 400, line + "Host: [V7.]\r\n\r\n"},
        {"one without a point", 400, line + "Host: [v7fe80]\r\n\r\n"},
        {"one with marks", 200, line + "Host: [vF.a-_~!$&'()*+,;=:1]:80\r\n\r\n"},
        {"one with an escape", 400, line + "Host: [v1.a%41]\r\n\r\n"},
        {"an empty one", 200, line + "Host:\r\n\r\n"},
        {"none", 400, line + "\r\n"},
        {"two", 400, line + "Host: a\r\nHost: b\r\n\r\n"},
        {"the same twice", 400, line + "Host: a\r\nHost: a\r\n\r\n"},
        {"a list", 400, line + "Host: a, b\r\n\r\n"},
        {"a space inside", 400, line + "Host: a b\r\n\r\n"},
        {"a path", 400, line + "Host: a/b\r\n\r\n"},
        {"a user", 400, line + "Host: u@h\r\n\r\n"},
        {"an empty port", 200, line + "Host: test:\r\n\r\n"},
        {"a port that is no number", 400, line + "Host: test:http\r\n\r\n"},
        {"two ports", 400, line + "Host: test:80:80\r\n\r\n"},
        {"half a bracket", 400, line + "Host: [::1\r\n\r\n"},
        {"characters of no host", 400, line + "Host: a\"b\r\n\r\n"},
    });
}

TENDRIL_HUB_TEST(http_server, a_length_is_one_plain_number) {
    std::string const length = "Content-Length: ";
    expect_outcomes({
        {"a number", 200, post_with(length + "5\r\n")},
        {"zeros in front", 200, post_with(length + "005\r\n")},
        {"zero", 200, post_with(length + "0\r\n", "")},
        {"of a GET", 200, "GET / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello"},
        {"a plus", 400, post_with(length + "+5\r\n")},
        {"a minus", 400, post_with(length + "-5\r\n")},
        {"hexadecimal", 400, post_with(length + "0x5\r\n")},
        {"an underscore", 400, post_with(length + "5_0\r\n")},
        {"a space inside", 400, post_with(length + "5 5\r\n")},
        {"a fraction", 400, post_with(length + "5.0\r\n")},
        {"nothing", 400, post_with(length + "\r\n")},
        {"a word", 400, post_with(length + "five\r\n")},
        {"other digits", 400, post_with(length + "\xd9\xa5\r\n")},
        {"more than there can be", 400, post_with(length + "99999999999999999999\r\n")},
        {"two", 400, post_with(length + "5\r\n" + length + "6\r\n")},
        {"the same twice", 400, post_with(length + "5\r\n" + length + "5\r\n")},
        {"a list", 400, post_with(length + "5, 6\r\n")},
        {"a list of the same", 400, post_with(length + "5, 5\r\n")},
        {"a list with a hole", 400, post_with(length + "5,\r\n")},
    });
}

TENDRIL_HUB_TEST(http_server, a_length_and_a_coding_together_are_refused) {
    std::string const length = "Content-Length: 5\r\n";
    std::string const coding = "Transfer-Encoding: chunked\r\n";
    std::string const body = "5\r\nhello\r\n0\r\n\r\n";
    expect_outcomes({
        {"the length first", 400, post_with(length + coding, body)},
        {"the coding first", 400, post_with(coding + length, body)},
        {"with an innocent field between", 400, post_with(length + "X: y\r\n" + coding, body)},
    });
}

TENDRIL_HUB_TEST(http_server, the_one_coding_is_chunked) {
    std::string const coding = "Transfer-Encoding: ";
    std::string const body = "5\r\nhello\r\n0\r\n\r\n";
    expect_outcomes({
        {"chunked", 200, post_with(coding + "chunked\r\n", body)},
        {"in other letters", 200, post_with(coding + "ChunKed\r\n", body)},
        {"another coding", 400, post_with(coding + "gzip\r\n", body)},
        {"another one before", 501, post_with(coding + "gzip, chunked\r\n", body)},
        {"another one behind", 400, post_with(coding + "chunked, gzip\r\n", body)},
        {"chunked twice", 400, post_with(coding + "chunked, chunked\r\n", body)},
        {"in two fields", 400, post_with(coding + "chunked\r\n" + coding + "chunked\r\n", body)},
        {"hidden in a second field", 501,
         post_with(coding + "x\r\n" + coding + "chunked\r\n", body)},
        {"a longer word", 501, post_with(coding + "xchunked\r\n", body)},
        {"with a parameter", 400, post_with(coding + "chunked;a=b\r\n", body)},
        {"in quotes", 400, post_with(coding + "\"chunked\"\r\n", body)},
        {"nothing", 400, post_with(coding + "\r\n", body)},
        {"identity", 400, post_with(coding + "identity\r\n", body)},
        {"a vertical tab before it", 400, post_with(coding + "\vchunked\r\n", body)},
        {"a space before the colon", 400, post_with("Transfer-Encoding : chunked\r\n", body)},
        {"in the old version", 400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n" + body},
    });
}

TENDRIL_HUB_TEST(http_server, chunks_are_taken_literally) {
    std::string const end = "0\r\n\r\n";
    expect_outcomes({
        {"no chunk at all", 200, chunked(end)},
        {"one", 200, chunked("5\r\nhello\r\n" + end)},
        {"large letters", 200, chunked("A\r\n0123456789\r\n" + end)},
        {"small letters", 200, chunked("a\r\n0123456789\r\n" + end)},
        {"zeros in front", 200, chunked("0005\r\nhello\r\n" + end)},
        {"several zeros at the end", 200, chunked("000\r\n\r\n")},
        {"an extension", 200, chunked("5;a=b\r\nhello\r\n" + end)},
        {"an extension in quotes", 200, chunked("5;a=\"b;c\"\r\nhello\r\n" + end)},
        {"a line feed in quotes", 400, chunked("5;a=\"\n\"\r\nhello\r\n" + end)},
        {"a bell in quotes", 400, chunked("5;a=\"\a\"\r\nhello\r\n" + end)},
        {"an extension of the last", 200, chunked("5\r\nhello\r\n0;a=b\r\n\r\n")},
        {"hexadecimal in the style of C", 400, chunked("0x5\r\nhello\r\n" + end)},
        {"a plus", 400, chunked("+5\r\nhello\r\n" + end)},
        {"a minus", 400, chunked("-5\r\nhello\r\n" + end)},
        {"a space before", 400, chunked(" 5\r\nhello\r\n" + end)},
        {"an underscore", 400, chunked("5_0\r\nhello\r\n" + end)},
        {"nothing", 400, chunked("\r\nhello\r\n" + end)},
        {"more digits than fit", 400, chunked("10000000000000005\r\nhello\r\n" + end)},
        {"a lone LF behind the size", 400, chunked("5\nhello\r\n" + end)},
        {"a lone CR behind the size", 400, chunked("5\rhello\r\n" + end)},
        {"a lone LF in an extension", 400, chunked("5;a\nb\r\nhello\r\n" + end)},
        {"no line end behind the data", 400, chunked("5\r\nhello" + end)},
        {"too much data", 400, chunked("5\r\nhello!!\r\n" + end)},
        {"a lone LF behind the data", 400, chunked("5\r\nhello\n" + end)},
        {"an extension without a name", 400, chunked("5;\r\nhello\r\n" + end)},
        {"a control character in an extension", 400, chunked("5;a\x01\r\nhello\r\n" + end)},
    });
}

TENDRIL_HUB_TEST(http_server, trailers_are_checked) {
    std::string const data = "5\r\nhello\r\n0\r\n";
    expect_outcomes({
        {"one", 200, chunked(data + "X-Sum: 1\r\n\r\n")},
        {"one that frames", 400, chunked(data + "Content-Length: 5\r\n\r\n")},
        {"another one that frames", 400, chunked(data + "Transfer-Encoding: chunked\r\n\r\n")},
        {"no colon", 400, chunked(data + "GET / HTTP/1.1\r\n\r\n")},
        {"a space before the colon", 400, chunked(data + "X : y\r\n\r\n")},
        {"a folded one", 400, chunked(data + "X: y\r\n z\r\n\r\n")},
        {"a NUL", 400, chunked(data + "X: \0\r\n\r\n"s)},
        {"a lone LF", 400, chunked(data + "X: y\n\r\n\r\n")},
    });
}

// Who puts a field behind the body could otherwise speak for a server that stands in front.
TENDRIL_HUB_TEST(http_server, trailers_are_dropped) {
    std::string seen;
    http_server web{"127.0.0.1:0", [&](http_request& request, http_response&) {
                        seen = std::string{request.header("X-User")} +
                            std::string{request.header("Host")} +
                            std::to_string(request.fields().size()) +
                            (request.keep_alive() ? "" : "closes");
                    }};
    web.start();
    http_client client{web};
    client.send(
        chunked("5\r\nhello\r\n0\r\nX-User: root\r\nHost: evil\r\nConnection: close\r\n\r\n"));
    EXPECT_EQ(client.read().status, 200);
    EXPECT_EQ(seen, "test2");
}

TENDRIL_HUB_TEST(http_server, fields_about_the_connection_change_nothing_else) {
    std::string const body = "Content-Length: 5\r\n";
    expect_outcomes({
        {"framing named as hop by hop", 200, post_with(body + "Connection: content-length\r\n")},
        {"an unknown upgrade", 200, get_with("Connection: Upgrade\r\nUpgrade: h2c\r\n")},
        {"an upgrade with a body", 200, post_with(body + "Upgrade: websocket\r\n")},
        {"an unknown method", 501, "BREW / HTTP/1.1\r\nHost: test\r\n\r\n"},
        {"a tunnel", 501, "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n"},
    });
}

TENDRIL_HUB_TEST(http_server, a_refusal_does_not_look_like_the_answer_to_the_request_before) {
    watching_server web;
    http_client client{web};
    client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(client.read(true).status, 200);
    client.send("\r\n\r\n\r\n\r\n");
    http_answer const refused = client.read();
    EXPECT_EQ(refused.status, 400);
    EXPECT_EQ(refused.body, "Bad Request\n");
}

TENDRIL_HUB_TEST(http_server, a_target_may_be_absolute) {
    std::string seen;
    http_server web{"127.0.0.1:0", [&](http_request& request, http_response&) {
                        seen += std::string{request.path()} + "?" + std::string{request.query()};
                    }};
    web.start();
    http_client client{web};
    for (char const* target : {"http://test/a/b?c", "http://test", "http://test?c", "/a://b/"}) {
        EXPECT_EQ(client.get(target).status, 200) << target;
        seen += ' ';
    }
    EXPECT_EQ(seen, "/a/b?c /? /?c /a://b/? ");
}

TENDRIL_HUB_TEST(http_server, a_refusal_of_a_head_request_has_no_body) {
    watching_server web;
    for (char const* request :
         {"HEAD /a#b HTTP/1.1\r\nHost: test\r\n\r\n", "HEAD /a b HTTP/1.1\r\nHost: test\r\n\r\n",
          "HEAD /\x01 HTTP/1.1\r\nHost: test\r\n\r\n", "HEAD / HTTP/1.1\r\n\r\n",
          "HEAD / HTTP/2.0\r\nHost: test\r\n\r\n", "HEAD  / HTTP/1.1\r\n",
          "HEAD / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"}) {
        http_client client{web};
        client.send(request);
        http_answer const answer = client.read(true);
        EXPECT_EQ(answer.field("Content-Length"), answer.status == 400 ? "12" : "27") << request;
        EXPECT_EQ(client.drain(), boost::asio::error::eof);
        EXPECT_EQ(client.rest(), "") << request;
    }
}

TENDRIL_HUB_TEST(http_server, a_refused_trace_is_told_what_is_allowed) {
    watching_server web;
    http_client client{web};
    client.send("TRACE / HTTP/1.1\r\nHost: test\r\n\r\n");
    http_answer const answer = client.read();
    EXPECT_EQ(answer.status, 405);
    EXPECT_EQ(answer.field("Allow"), "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
}
