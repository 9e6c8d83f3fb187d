// SPDX-License-Identifier: BSL-1.0
// A web server with two pages: http_server --port 8080 (0, the default, takes any free port).
#include "options.hpp"

#include <tendril/tendril.hpp>

#include <csignal>
#include <exception>
#include <iostream>

// DOC: handler
void answer(tendril::http_request& request, tendril::http_response& response) {
    response.header("Content-Type", "text/plain");
    if (request.path() == "/") {
        response.body("hello from tendril\n");
    } else if (request.path() == "/statistics") {
        auto const numbers = tendril::this_hub().statistics();
        response.body(
            "greenlets        " + std::to_string(numbers.greenlets) + "\ncontext switches " +
            std::to_string(numbers.switches) + "\n");
    } else {
        response.status(404).body("nothing here\n");
    }
}
// DOC-END: handler

int main(int argc, char** argv) try {
    return tendril::run([&] {
        tendril::http_server server{"127.0.0.1:" + port_option(argc, argv), answer};
        tendril::signal_set quit{SIGINT, SIGTERM};  // from here on they do not end the process
        server.start();
        std::cout << "listening on " << tendril::to_string(server.local_endpoint()) << std::endl;
        quit.wait();
        server.stop(std::chrono::seconds{5});  // what has arrived is answered
        return 0;
    });
} catch (std::exception const& error) {  // the port is taken, or no number
    std::cerr << error.what() << '\n';
    return 1;
}
