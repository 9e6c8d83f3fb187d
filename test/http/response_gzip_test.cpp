// SPDX-License-Identifier: BSL-1.0
//
// Responses that leave compressed.
#include <harness/http_client.hpp>
#include <harness/hubs.hpp>
#include <tendril/http/http_server.hpp>

#include <boost/asio/buffer.hpp>

#include <array>
#include <string>

#include <zlib.h>

namespace {

using namespace tendril;
using test::http_answer;
using test::http_client;

std::string unpacked(std::string const& packed) {
    z_stream stream{};
    EXPECT_EQ(::inflateInit2(&stream, 15 + 16), Z_OK);
    stream.next_in = const_cast<Bytef*>(reinterpret_cast<Bytef const*>(packed.data()));
    stream.avail_in = static_cast<uInt>(packed.size());
    std::string text;
    int how = Z_OK;
    while (how == Z_OK) {
        std::array<char, 1024> part;
        stream.next_out = reinterpret_cast<Bytef*>(part.data());
        stream.avail_out = part.size();
        how = ::inflate(&stream, Z_NO_FLUSH);
        text.append(part.data(), part.size() - stream.avail_out);
    }
    EXPECT_EQ(how, Z_STREAM_END);
    EXPECT_EQ(stream.avail_in, 0U);
    ::inflateEnd(&stream);
    return text;
}

std::string const page(5000, 'p');

class packing_server : public http_server {
public:
    explicit packing_server(handler on_request)
        : http_server{"127.0.0.1:0", std::move(on_request), {.compress = true}} {
        start();
    }
};

http_answer ask_with(
    http_server const& web, std::string const& fields, char const* method = "GET") {
    http_client client{web};
    client.send(std::string{method} + " / HTTP/1.1\r\nHost: test\r\n" + fields + "\r\n");
    return client.read(std::string_view{method} == "HEAD");
}

void send_page(http_request&, http_response& response) {
    response.header("Content-Type", "text/html; charset=utf-8").body(page);
}

std::string const reads_gzip = "Accept-Encoding: br, gzip;q=0.8\r\n";

}  // namespace

TENDRIL_HUB_TEST(response_gzip, text_leaves_compressed_for_who_reads_it) {
    packing_server web{send_page};
    http_answer const answer = ask_with(web, reads_gzip);
    EXPECT_EQ(answer.field("Content-Encoding"), "gzip");
    EXPECT_EQ(answer.field("Vary"), "Accept-Encoding");
    EXPECT_LT(answer.body.size(), 200U);
    EXPECT_EQ(answer.field("Content-Length"), std::to_string(answer.body.size()));
    EXPECT_EQ(unpacked(answer.body), page);
    http_answer const head = ask_with(web, reads_gzip, "HEAD");
    EXPECT_EQ(head.field("Content-Length"), answer.field("Content-Length"));
    EXPECT_EQ(head.field("Content-Encoding"), "gzip");
}

TENDRIL_HUB_TEST(response_gzip, an_entity_tag_stands_for_the_bytes_that_leave) {
    std::string tag = "\"1\"";
    packing_server web{[&](http_request& request, http_response& response) {
        response.header("ETag", tag);
        send_page(request, response);
    }};
    EXPECT_EQ(ask_with(web, reads_gzip).field("ETag"), "W/\"1\"");
    http_answer const plain = ask_with(web, "");
    EXPECT_EQ(plain.field("ETag"), "\"1\"");
    EXPECT_EQ(plain.field("Vary"), "Accept-Encoding");
    tag = "W/\"1\"";
    EXPECT_EQ(ask_with(web, reads_gzip).field("ETag"), "W/\"1\"");
}

TENDRIL_HUB_TEST(
    response_gzip, what_takes_the_place_of_a_failed_response_is_not_called_compressed) {
    test::reported_errors const errors;
    http_server web{
        "127.0.0.1:0",
        [](http_request&, http_response& response) {
            response.header("Content-Type", "text/plain");
            response.write(boost::asio::buffer(page));
        },
        {.allow_connect = true, .compress = true}};
    web.start();
    http_client client{web};
    client.send("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n" + reads_gzip + "\r\n");
    http_answer const answer = client.read();
    EXPECT_EQ(answer.status, 500);
    EXPECT_EQ(answer.field("Content-Encoding"), "");
    EXPECT_EQ(answer.body, "Internal Server Error\n");
    EXPECT_EQ(errors.texts.size(), 1U);
}

TENDRIL_HUB_TEST(response_gzip, nobody_else_gets_it) {
    packing_server web{send_page};
    for (std::string const fields :
         {"", "Accept-Encoding: br\r\n", "Accept-Encoding: gzip;q=0\r\n",
          "Accept-Encoding: gzip; q=0.000, *\r\n", "Accept-Encoding: \r\n",
          "Accept-Encoding: *;q=0\r\n", "Accept: gzip\r\n"}) {
        EXPECT_EQ(ask_with(web, fields).body, page) << fields;
    }
    for (std::string const fields :
         {"Accept-Encoding: *\r\n", "Accept-Encoding: br\r\nAccept-Encoding: GZIP\r\n",
          "Accept-Encoding: gzip;q=0.001\r\n"}) {
        EXPECT_EQ(unpacked(ask_with(web, fields).body), page) << fields;
    }
    http_server usual{"127.0.0.1:0", send_page};
    usual.start();
    EXPECT_EQ(ask_with(usual, reads_gzip).body, page);
}

TENDRIL_HUB_TEST(response_gzip, what_is_no_text_or_short_or_shall_stay_stays) {
    std::string type = "text/plain";
    std::string control;
    std::string second;
    std::string encoding;
    std::size_t size = page.size();
    int status = 200;
    packing_server web{[&](http_request&, http_response& response) {
        response.status(status).header("Content-Type", type).body(page.substr(0, size));
        if (!control.empty()) {
            response.header("Cache-Control", control);
        }
        if (!second.empty()) {
            response.header("Cache-Control", "private").header("Cache-Control", second);
        }
        if (!encoding.empty()) {
            response.header("Content-Encoding", encoding);
        }
    }};
    auto const is_packed = [&] {
        return ask_with(web, reads_gzip).field("Content-Encoding") == "gzip";
    };
    EXPECT_TRUE(is_packed());
    for (std::string const other : {"image/png", "application/octet-stream", "video/mp4"}) {
        type = other;
        EXPECT_FALSE(is_packed()) << other;
    }
    for (std::string const other : {"application/json", "image/svg+xml", "application/hal+json"}) {
        type = other;
        EXPECT_TRUE(is_packed()) << other;
    }
    size = 1000;
    EXPECT_FALSE(is_packed());
    size = page.size();
    control = "private, no-transform";
    EXPECT_FALSE(is_packed());
    control.clear();
    second = "no-transform";
    EXPECT_FALSE(is_packed());
    second.clear();
    encoding = "br";
    EXPECT_FALSE(is_packed());
    encoding.clear();
    status = 206;
    EXPECT_FALSE(is_packed());
}

TENDRIL_HUB_TEST(response_gzip, a_response_by_pieces_can_be_read_piece_by_piece) {
    packing_server web{[](http_request&, http_response& response) {
        response.header("Content-Type", "text/plain");
        response.write(boost::asio::buffer("hello", 5));
        std::array const parts{boost::asio::buffer(" the", 4), boost::asio::buffer("re", 2)};
        response.write(parts);
    }};
    for (std::string const version : {"1.0", "1.1"}) {
        http_client client{web};
        client.send("GET / HTTP/" + version + "\r\nHost: test\r\n" + reads_gzip + "\r\n");
        http_answer const head = client.read(true);
        EXPECT_EQ(head.field("Content-Encoding"), "gzip");
        client.stream.shutdown_send();
        client.drain();
        std::string packed;
        std::string rest = client.rest();
        if (version == "1.1") {
            for (std::size_t size = 1; size > 0;) {
                std::size_t end = 0;
                size = std::stoul(rest, &end, 16);
                packed += rest.substr(end + 2, size);
                rest.erase(0, end + 2 + size + 2);
            }
        } else {
            packed = rest;
        }
        EXPECT_EQ(unpacked(packed), "hello there");
    }
}

TENDRIL_HUB_TEST(response_gzip, a_length_that_was_announced_is_kept) {
    packing_server web{[](http_request&, http_response& response) {
        response.header("Content-Type", "text/plain").content_length(page.size());
        response.write(boost::asio::buffer(page));
    }};
    http_answer const answer = ask_with(web, reads_gzip);
    EXPECT_EQ(answer.field("Content-Encoding"), "");
    EXPECT_EQ(answer.body, page);
}

TENDRIL_HUB_TEST(response_gzip, caches_are_told_that_it_depends_on_the_client) {
    std::string type = "text/plain";
    std::string varies;
    packing_server web{[&](http_request&, http_response& response) {
        response.header("Content-Type", type).body(page);
        if (!varies.empty()) {
            response.header("Vary", varies);
        }
    }};
    EXPECT_EQ(ask_with(web, "").field("Vary"), "Accept-Encoding");
    for (std::string const each : {"Cookie, accept-encoding", "*"}) {
        varies = each;
        for (std::string const& asked : {std::string{}, reads_gzip}) {
            std::string const head = ask_with(web, asked).head;
            EXPECT_NE(head.find("Vary: " + each), std::string::npos);
            EXPECT_EQ(head.find("Vary: "), head.rfind("Vary: ")) << head;
        }
    }
    varies.clear();
    type = "image/png";
    EXPECT_EQ(ask_with(web, reads_gzip).field("Vary"), "");
}

// RFC 9110, 15.4.5: as the page that it stands for.
TENDRIL_HUB_TEST(response_gzip, what_says_that_a_page_is_still_good_varies_too) {
    packing_server web{[](http_request&, http_response& response) { response.status(304); }};
    EXPECT_EQ(ask_with(web, reads_gzip).field("Vary"), "Accept-Encoding");
    EXPECT_EQ(ask_with(web, reads_gzip).field("Content-Encoding"), "");
}
