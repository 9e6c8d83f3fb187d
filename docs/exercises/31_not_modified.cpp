// SPDX-License-Identifier: BSL-1.0
// Exercise 31: pages that are not sent again when the client has them already.
//
// A response in one piece leaves when the handler has returned, so a function around the handler
// still has all of it in its hands.
#include <tendril/http.hpp>
#include <tendril/hub.hpp>
#include <tendril/task.hpp>

#include <functional>
#include <iostream>
#include <string>
#include <utility>

namespace {

// DOC: not_modified
// A handler whose pages have a tag, and that sends no page whose tag the client names.
template <typename Handler>
auto with_tags(Handler handler) {
    return [=](tendril::http_request& request, tendril::http_response& response) mutable {
        handler(request, response);
        bool const is_page = response.status() == 200 && !response.begun() &&
            (request.method() == "GET" || request.method() == "HEAD");
        if (!is_page) {
            return;
        }
        std::string const tag = '"' + std::to_string(std::hash<std::string>{}(response.body())) +
            '"';
        response.header("ETag", tag);
        if (tendril::is_in_http_list(request.header("If-None-Match"), tag)) {
            response.status(304);  // has no body, whatever was set
        }
    };
}
// DOC-END: not_modified

}  // namespace

int main() {
    tendril::run([] {
        std::string text = "first";
        tendril::http_server web{
            "127.0.0.1:0", with_tags([&](tendril::http_request&, tendril::http_response& response) {
                response.body(text);
            })};
        web.start();
        std::string const url = "http://" + web.local_address() + "/";
        tendril::http_client client;
        auto const once = client.get(url);
        std::string const tag{once.header("ETag")};
        std::cout << once.status() << ' ' << once.body() << '\n';
        auto const again = client.get(url, {{"If-None-Match", tag}});
        std::cout << again.status() << (again.body().empty() ? " nothing" : " a page") << '\n';
        text = "second";
        auto const changed = client.get(url, {{"If-None-Match", tag}});
        std::cout << changed.status() << ' ' << changed.body() << '\n';
        client.close();
    });
}
