// SPDX-License-Identifier: BSL-1.0
// A web server with two pages: http_server --port 8080 (0, the default, takes any free port).
#include "options.hpp"

#include <tendril/tendril.hpp>

#include <csignal>
#include <iostream>

using namespace std::chrono_literals;

// DOC: handler
void answer(tendril::http_request& request, tendril::http_response& response) {
    response.header("Content-Type", "text/plain");
    if (request.path() == "/") {
        response.body("hello from tendril\n");
    } else if (request.path() == "/statistics") {
        auto const numbers = tendril::this_hub().statistics();
        response.body(
            "greenlets        " + std::to_string(numbers.greenlets) + "\n" + "context switches " +
            std::to_string(numbers.switches) + "\n");
    } else {
        response.status(404).body("nothing here\n");
    }
}
// DOC-END: handler

int main(int argc, char** argv) {
    return tendril::run([&] {
        tendril::http_server server{"127.0.0.1:" + port_option(argc, argv), answer};
        tendril::signal_set quit{SIGINT, SIGTERM};  // from here on they do not end the process
        server.start();
        std::cout << "listening on " << tendril::to_string(server.local_endpoint()) << std::endl;

        quit.wait();
        server.stop(5s);  // what has arrived is answered
        return 0;
    });
}
