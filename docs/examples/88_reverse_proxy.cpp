// SPDX-License-Identifier: BSL-1.0
// A web server that asks another one, and passes on what that says while it says it.
#include <tendril/tendril.hpp>

#include <iostream>
#include <string>

namespace {

// DOC: proxy
class reverse_proxy {
public:
    explicit reverse_proxy(std::string backend) : backend_{std::move(backend)} {}

    void operator()(tendril::http_request& request, tendril::http_response& response) {
        std::string const query{request.query()};
        auto asked = client_->open({
            .method = std::string{request.method()},
            .url = backend_ + std::string{request.path()} + (query.empty() ? "" : "?" + query),
            .fields = {{"X-Forwarded-For", request.client()}},
            .body_length = request.content_length().value_or(tendril::http_unknown_length),
        });
        char data[16 * 1024];
        tendril::error_code error;
        while (std::size_t const size = request.read_some(boost::asio::buffer(data), error)) {
            asked.write({data, size});
        }
        if (error != boost::asio::error::eof) {
            throw tendril::system_error{error};  // a part is not passed on as the whole
        }
        asked.finish();
        auto const& answer = asked.response();
        response.status(answer.status()).header("Content-Type", answer.header("Content-Type"));
        if (answer.body_length()) {
            response.content_length(*answer.body_length());
        }
        tendril::copy(asked, response);
    }

private:
    std::string const backend_;
    std::unique_ptr<tendril::http_client> client_ = std::make_unique<tendril::http_client>();
};
// DOC-END: proxy

void tell(tendril::http_request& request, tendril::http_response& response) {
    response.header("Content-Type", "text/plain");
    response.body(
        std::string{request.method()} + " " + std::string{request.path()} + " for " +
        std::string{request.header("X-Forwarded-For")} + ": " + request.body() + "\n");
}

}  // namespace

int main() {
    tendril::run([] {
        tendril::http_server behind{"127.0.0.1:0", tell};
        behind.start();
        tendril::http_server front{
            "127.0.0.1:0", reverse_proxy{"http://" + behind.local_address()}};
        front.start();
        std::string const base = "http://" + front.local_address();
        tendril::http_client client;
        std::cout << client.get(base + "/page").body();
        std::cout << client.post(base + "/form", "a=b").body();
        client.close();
        front.stop();
        behind.stop();
    });
}
