// SPDX-License-Identifier: BSL-1.0
//
// A web server that writes down what it sees: a line in a file for each request, when it has ended.
//
//     recorder FILE        prints "listening on ADDRESS"; ends with SIGTERM
//
//     PORT ID STATUS METHOD TARGET SIZE
//
// The port is that of the client and tells connections apart. The id is what the field `X-Id` says,
// which a proxy in front gives to each request that it forwards. The size is that of the body; it
// and whatever else is not known is a "-". The answer names the target: whoever gets one can tell
// whether it is his.
#include <tendril/tendril.hpp>

#include <chrono>
#include <csignal>
#include <fstream>
#include <iostream>
#include <map>
#include <string>
#include <string_view>

namespace {

class recorder {
public:
    explicit recorder(char const* file) : lines_{file} {}

    void answer(tendril::http_request& request, tendril::http_response& response) {
        sizes_[&request] = std::to_string(request.body().size());
        response.header("Content-Type", "text/plain").header("X-For", request.target());
        response.body("for " + std::string{request.target()} + "\n");
    }

    void note(tendril::http_exchange const& done) {
        tendril::http_request const& request = done.request;
        auto const size = sizes_.extract(&request);
        lines_ << request.origin().port << ' ' << known(request.header("X-Id")) << ' '
               << done.status << ' ' << known(request.method()) << ' ' << known(request.target())
               << ' ' << (size.empty() ? "-" : size.mapped()) << std::endl;
    }

private:
    static std::string_view known(std::string_view text) { return text.empty() ? "-" : text; }

    std::ofstream lines_;
    std::map<tendril::http_request const*, std::string> sizes_;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::cerr << "usage: recorder FILE\n";
        return 2;
    }
    recorder seen{argv[1]};
    tendril::run([&] {
        tendril::http_server_options options;
        // It is the proxies that end connections.
        options.idle_timeout = std::chrono::seconds{600};
        options.requests_per_connection = 0;
        options.body_timeout = std::chrono::seconds{2};
        options.on_exchange = [&](tendril::http_exchange const& done) { seen.note(done); };
        tendril::http_server server{
            "127.0.0.1:0",
            [&](tendril::http_request& request, tendril::http_response& response) {
                seen.answer(request, response);
            },
            options};
        tendril::signal_set quit{SIGINT, SIGTERM};
        server.start();
        std::cout << "listening on " << server.local_address() << std::endl;
        quit.wait();
        server.stop(std::chrono::seconds{5});
    });
}
