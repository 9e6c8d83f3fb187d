// SPDX-License-Identifier: BSL-1.0
#include <harness/http_client.hpp>
#include <harness/hubs.hpp>
#include <tendril/http/http_error.hpp>
#include <tendril/http/http_server.hpp>
#include <tendril/http/status.hpp>

#include <string>

namespace {

using namespace tendril;

}  // namespace

TENDRIL_TEST(http_error, has_a_status_and_a_text) {
    http_error const error{404, "no such page"};
    EXPECT_EQ(error.status(), 404);
    EXPECT_EQ(error.text(), "no such page");
    EXPECT_EQ(error.code().category(), http_category());
    EXPECT_EQ(error.code().message(), "404 Not Found");
    EXPECT_EQ(http_error{503}.text(), "Service Unavailable");
}

TENDRIL_TEST(http_error, is_never_a_success) {
    EXPECT_NE(test::misuse_of([] { http_error{200}; }), "");
    EXPECT_NE(test::misuse_of([] { http_error{600}; }), "");
}

TENDRIL_HUB_TEST(http_error, is_an_answer_and_nobody_is_told) {
    test::reported_errors const errors;
    http_server web{"127.0.0.1:0", [](http_request&, http_response& response) {
                        response.status(201).header("X-Half", "done").body("half");
                        throw http_error{404, "no such page"};
                    }};
    web.start();
    test::http_client client{web};
    test::http_answer const answer = client.get();
    EXPECT_EQ(answer.status, 404);
    EXPECT_EQ(answer.body, "no such page\n");
    EXPECT_EQ(answer.field("X-Half"), "");
    EXPECT_FALSE(answer.closes());
    EXPECT_TRUE(errors.texts.empty());
    EXPECT_EQ(client.get().status, 404);
}

// As a copy to a file does it, which knows nothing of HTTP.
TENDRIL_HUB_TEST(http_error, as_a_code_is_an_answer_too) {
    test::reported_errors const errors;
    http_server web{
        "127.0.0.1:0",
        [](http_request& request, http_response&) {
            char data[64];
            error_code error;
            while (!error.failed()) {
                request.read_some(boost::asio::buffer(data), error);
            }
            throw system_error{error};
        },
        {.body_limit = 3}};
    web.start();
    test::http_client client{web};
    client.send("POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfour\r\n");
    test::http_answer const answer = client.read();
    EXPECT_EQ(answer.status, 413);
    EXPECT_EQ(answer.body, std::string{http_reason(413)} + "\n");
    EXPECT_TRUE(answer.closes());
    EXPECT_TRUE(errors.texts.empty());
}
