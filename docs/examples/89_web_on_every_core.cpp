// SPDX-License-Identifier: BSL-1.0
// A web server on every core: on each hub one of its own, and all at one address, so that the
// kernel divides the connections.
#include <tendril/tendril.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

void answer(tendril::http_request&, tendril::http_response& response) {
    response.header("Content-Type", "text/plain").body("a page\n");
}

// DOC: serve
// The server of one hub lives and ends on its thread. Returns how many requests it has answered.
std::uint64_t serve(
    std::string const& address, tendril::shared_promise<std::string> listening,
    tendril::shared_event& leave) {
    tendril::http_server_options options;
    options.server.listen.reuse_port = true;
    tendril::http_server server{address, answer, options};
    server.start();
    listening.set_value(tendril::to_string(server.local_endpoint()));
    leave.wait();
    server.stop(5s);
    return server.statistics().answered;
}
// DOC-END: serve

void ask(std::string const& address, int times) {
    for (int number = 0; number < times; ++number) {
        tendril::http_client client;  // a new one each time, so each has a connection
        if (client.get("http://" + address + '/').body() != "a page\n") {
            std::cout << "another page\n";
        }
        client.close();
    }
}

}  // namespace

int main() {
    tendril::run([] {
        // DOC: start
        tendril::shared_event leave;
        tendril::hub_group hubs{{.size = 2, .name = "web"}};  // or {}: one a core
        std::vector<tendril::shared_future<std::uint64_t>> serving;
        std::string address = "127.0.0.1:0";
        for (std::size_t index = 0; index < hubs.size(); ++index) {
            tendril::shared_promise<std::string> listening;
            auto const where = listening.get_future();
            serving.push_back(
                hubs.spawn_on(index, serve, address, std::move(listening), std::ref(leave)));
            address = where.get();  // with the port that the first one has found
        }
        // DOC-END: start
        ask(address, 8);
        // DOC: stop
        leave.set();
        std::uint64_t answered = 0;
        for (auto const& each : serving) {
            answered += each.get();
        }
        hubs.stop(5s);
        // DOC-END: stop
        std::cout << answered << " requests were answered\n";
    });
}
