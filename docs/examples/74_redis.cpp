// SPDX-License-Identifier: BSL-1.0
//
// The client for Redis in resp_client.hpp at work. What answers here is a small stand-in, so that
// the program needs no server.
#include "redis_stand_in.hpp"
#include "resp_client.hpp"

#include <iostream>
#include <string>
#include <string_view>
#include <vector>

namespace {

void print(resp::value const& answer) {
    if (answer.kind == '*') {
        for (auto const& each : answer.parts) {
            std::cout << *each.text << ",";
        }
    } else if (!answer.text) {
        std::cout << "nothing";
    } else if (answer.kind == '-') {
        std::cout << "error: " << *answer.text;
    } else {
        std::cout << *answer.text;
    }
    std::cout << '\n';
}

}  // namespace

int main() {
    tendril::run([] {
        redis_stand_in kept;
        tendril::stream_server server{
            "127.0.0.1:0", [&](tendril::tcp_stream& stream) { kept.serve(stream); }};
        server.start();
        // DOC: use
        resp::client redis{tendril::tcp_stream::connect(server.local_endpoint())};
        std::vector<std::vector<std::string_view>> const commands{
            {"SET", "greeting", "two words"},
            {"GET", "greeting"},
            {"GET", "nobody"},
            {"INCR", "visits"},
            {"INCR", "visits"},
            {"KEYS", "*"},
            {"NONSENSE"},
        };
        for (auto const& command : commands) {
            std::cout << command.front() << " → ";
            print(redis(command));
        }
        // DOC-END: use
    });
}
