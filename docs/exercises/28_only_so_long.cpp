// SPDX-License-Identifier: BSL-1.0
// Exercise 28: connections that may last so long and no longer.
//
// A handler is a function, so what all handlers need is a function around it. The limit is a scope:
// when it ends the block, it is nobody's error, and the server closes the stream as ever.
#include <tendril/hub.hpp>
#include <tendril/net.hpp>
#include <tendril/scope.hpp>
#include <tendril/server.hpp>
#include <tendril/testing.hpp>
#include <tendril/time.hpp>

#include <boost/asio/buffer.hpp>

#include <chrono>
#include <iostream>
#include <string>
#include <utility>

using namespace std::chrono_literals;

namespace {

// DOC: limited
// A handler that gives up after a while, and counts how often it has.
template <typename Handler>
auto only_so_long(std::chrono::seconds most, int& cut_off, Handler handler) {
    return [=, &cut_off](tendril::tcp_stream& stream) {
        bool const in_time = tendril::move_on_after(most, [&] { handler(stream); });
        cut_off += in_time ? 0 : 1;
    };
}
// DOC-END: limited

void echo(tendril::tcp_stream& stream) {
    char data[64];
    while (true) {
        auto const size = stream.read_some(boost::asio::buffer(data));
        stream.write(boost::asio::buffer(data, size));
    }
}

// Says something every second, until nobody answers.
int words_of_a_client(tendril::tcp_endpoint const& where, int most) {
    auto stream = tendril::tcp_stream::connect(where);
    for (int said = 0; said < most; ++said) {
        tendril::error_code error;
        char answer[64];
        stream.write(boost::asio::buffer("word", 4), error);
        stream.read_some(boost::asio::buffer(answer), error);
        if (error.failed()) {
            return said;
        }
        tendril::sleep_for(1s);
    }
    return most;
}

}  // namespace

int main() {
    tendril::testing::virtual_clock clock;
    tendril::run({.clock = &clock}, [] {
        int cut_off = 0;
        tendril::stream_server server{"127.0.0.1:0", only_so_long(5s, cut_off, echo)};
        server.start();
        std::cout << "three words: " << words_of_a_client(server.local_endpoint(), 3) << '\n';
        std::cout << "as many as may be: " << words_of_a_client(server.local_endpoint(), 100)
                  << '\n';
        server.stop();
        std::cout << cut_off << " was cut off, " << server.statistics().failed << " failed\n";
    });
}
