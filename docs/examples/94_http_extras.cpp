// SPDX-License-Identifier: BSL-1.0
// What HTTP has besides requests and answers: a header that comes early, fields behind a body, a
// connection that goes on with another protocol, and a log of it all.
#include <tendril/tendril.hpp>

#include <iostream>
#include <string>
#include <string_view>

namespace {

// DOC: answer
void answer(tendril::http_request& request, tendril::http_response& response) {
    if (tendril::is_in_http_list(request.header("Upgrade"), "echo")) {
        tendril::any_stream& stream = response.upgrade("echo");  // 101, and HTTP is over
        tendril::copy(stream, stream);
        return;
    }
    tendril::http_fields early;
    early.add("Link", "</style.css>; rel=preload");
    response.inform(103, early);  // before the answer is known
    response.header("X-Request-Id", request.id());
    std::size_t sum = 0;
    for (std::string_view const piece : {"one ", "two ", "three"}) {
        response.write(boost::asio::buffer(piece));
        sum += piece.size();
    }
    response.trailer("X-Sum", std::to_string(sum));  // known at the end only
}
// DOC-END: answer

void ask(tendril::http_server const& web) {
    tendril::http_client client;
    auto asked = client.open({.url = "http://" + web.local_address() + "/"});
    std::string body;
    char data[64];
    tendril::error_code error;
    while (auto const size = asked.read_some(boost::asio::buffer(data), error)) {
        body.append(data, size);
    }
    std::cout << asked.response().status() << ' ' << body << ", the sum is "
              << asked.trailers().get("X-Sum") << '\n';
    client.close();
}

void upgrade(tendril::http_server const& web) {
    auto stream = tendril::tcp_stream::connect(web.local_endpoint());
    tendril::buffered_reader reader{stream};
    stream.write(
        boost::asio::buffer(std::string_view{"GET / HTTP/1.1\r\nHost: here\r\nConnection: "
                                             "Upgrade\r\nUpgrade: echo\r\n\r\nmany words\n"}));
    std::string const head = reader.read_until("\r\n\r\n");
    std::cout << head.substr(0, head.find('\r')) << '\n' << reader.read_until("\n");
}

}  // namespace

int main() {
    tendril::run([] {
        int answered = 0;
        // DOC: log
        tendril::http_server web{
            "127.0.0.1:0",
            answer,
            {
                .on_exchange =
                    [&](tendril::http_exchange const& done) {
                        ++answered;
                        std::clog << tendril::json_log_line(done) << '\n';
                    },
            }};
        // DOC-END: log
        web.start();
        ask(web);
        upgrade(web);
        web.stop();
        std::cout << answered << " lines of log\n";
    });
}
