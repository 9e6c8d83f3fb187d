// SPDX-License-Identifier: BSL-1.0
//
// A process with a web server forks, in a handler, and both serve on.
#include <harness/forked_servers.hpp>
#include <tendril/http/http_server.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace {

using namespace tendril;
using test::beside_a_fork;

// The answer is one character, the last one.
char ask_over_http(stream_socket& stream, std::string_view path) {
    test::say(stream, "GET " + std::string{path} + " HTTP/1.1\r\nHost: x\r\n\r\n");
    std::string answer;
    do {
        std::string const part = test::hear(stream);
        if (part.empty()) {
            return '-';
        }
        answer += part;
    } while (answer.find("\r\n\r\n") + 5 != answer.size());
    return answer.back();
}
char ask_for_mark_over_http(stream_socket& stream) { return ask_over_http(stream, "/"); }

}  // namespace

TENDRIL_TEST(http_server_fork, in_a_handler_leaves_both_serving) {
    if (!test::can_go_on_in_a_child) {
        GTEST_SKIP() << "ThreadSanitizer does not follow a process with threads into its child";
    }
    run([] {
        std::optional<beside_a_fork<http_server>> beside;
        auto const handler = [&](http_request const& request, http_response& response) {
            if (request.target() == "/fork" && beside->fork()) {
                beside->live_on_in_child();
            }
            response.body(std::string(1, test::process_mark));
        };
        http_server server{
            "127.0.0.1:0", handler, {.server = {.max_connections = test::most_at_once}}};
        beside.emplace(server, &ask_for_mark_over_http);
        tcp_stream asks = tcp_stream::connect(server.local_endpoint());
        EXPECT_EQ(ask_over_http(asks, "/fork"), 'p');
        beside->expect_both_serve(2, 1);
    });
}
