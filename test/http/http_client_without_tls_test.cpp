// SPDX-License-Identifier: BSL-1.0
//
// The client of a library that was built without OpenSSL.
#include <harness/network.hpp>
#include <harness/scripted_server.hpp>
#include <tendril/http/http_client.hpp>

#include <memory>
#include <string>
#include <vector>

namespace {

using namespace tendril;
using test::scripted_server;

}  // namespace

TENDRIL_HUB_TEST(http_client, without_tls_https_is_refused_before_anything_is_connected) {
    auto const server = std::make_unique<scripted_server>(scripted_server::always(""));
    std::string const target = to_string(server->endpoint());
    auto const plain = std::make_unique<scripted_server>(scripted_server::always(
        "HTTP/1.1 302 Found\r\nLocation: https://" + target + "/\r\nContent-Length: 0\r\n\r\n"));
    tendril::http_client client;
    std::vector<std::string> const urls{"https://" + target + "/", plain->url()};
    for (std::string const& url : urls) {
        try {
            client.get(url);
            ADD_FAILURE() << "it has an answer";
        } catch (http_client_error const& error) {
            EXPECT_EQ(error.code(), make_error_code(http_client_errc::no_tls));
            EXPECT_EQ(error.phase(), http_phase::connect);
        }
    }
    EXPECT_THROW(static_cast<void>(client.open({.url = "https://a.test/"})), http_client_error);
    test::settle();
    EXPECT_EQ(server->connections(), 0U);
    EXPECT_EQ(client.statistics().connected, 1U);
    EXPECT_EQ(client.statistics().busy, 0U);
}
