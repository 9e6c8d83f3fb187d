// SPDX-License-Identifier: BSL-1.0
// A server behind a proxy that says who has connected: with limits, a log that is told of nobody
// and knows who it is all the same, and numbers at the end.
#include <tendril/tendril.hpp>

#include <sys/resource.h>

#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace {

// DOC: handler
void note(std::string_view what) {
    if (auto const* const served = tendril::this_connection.find()) {
        std::cout << to_string(served->peer) << ' ' << what << '\n';
    }
}

void answer(tendril::tcp_stream& stream) {
    note("has come");
    tendril::copy(stream, stream);
    note("has gone");
}
// DOC-END: handler

// DOC: options
void require_descriptors(rlim_t number) {
    rlimit now{};
    if (::getrlimit(RLIMIT_NOFILE, &now) != 0 || now.rlim_cur < number) {
        throw std::runtime_error{"too few descriptors: raise the limit of the process"};
    }
}

tendril::stream_server_options guarded() {
    return {
        .max_connections = 100,
        .max_connections_per_address = 1,
        .proxy = tendril::proxy_protocol::required,
        .trusted_proxies = {"127.0.0.0/8"},
        .before_start = [] { require_descriptors(200); },
    };
}
// DOC-END: options

std::string as_proxy_for(char const* client, unsigned short port) {
    return tendril::proxy_header_v1(
        {.what = tendril::proxy_header::kind::tcp,
         .source = {boost::asio::ip::make_address(client), port},
         .destination = {boost::asio::ip::make_address("192.0.2.99"), 7000}});
}

// Sends a text, and returns what comes back until the server has nothing more to say.
std::string ask(tendril::tcp_stream& stream, std::string const& text) {
    tendril::error_code error;
    char answer[64];
    stream.write(boost::asio::buffer(text), error);
    return {answer, stream.read_some(boost::asio::buffer(answer), error)};
}

}  // namespace

int main() {
    tendril::run([] {
        tendril::stream_server server{"127.0.0.1:0", answer, guarded()};
        server.start();
        auto const where = server.local_endpoint();
        auto first = tendril::tcp_stream::connect(where);
        std::cout << ask(first, as_proxy_for("192.0.2.1", 5000) + "hello\n");
        auto second = tendril::tcp_stream::connect(where);
        std::cout << ask(second, as_proxy_for("192.0.2.1", 5001) + "one too many\n");
        auto nobody = tendril::tcp_stream::connect(where);
        std::cout << ask(nobody, "no header is here\n");
        first.shutdown_send();
        ask(first, {});
        server.stop();
        // DOC: numbers
        auto const numbers = server.statistics();
        std::cout << numbers.accepted << " connections: " << numbers.ended << " served, "
                  << numbers.refused << " too many, " << numbers.refused_headers
                  << " without a header\n";
        // DOC-END: numbers
    });
}
