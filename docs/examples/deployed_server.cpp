// SPDX-License-Identifier: BSL-1.0
// A web server as it is deployed: one of several processes behind a load balancer.
//
//     deployed_server --port 8081 --name first --drain-delay 1000 --redis 127.0.0.1:6379
//
// It says whether it is ready, leaves in good order when it is told to, and keeps nothing that the
// other processes would miss: what outlives a request is in Redis.
#include "options.hpp"
#include "resp_client.hpp"

#include <tendril/tendril.hpp>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

// DOC: visits
/// A counter that all processes share. The connection is made when it is needed first, and again
/// when it has failed.
class visits {
public:
    explicit visits(std::string const& address) : address_{tendril::parse_address(address)} {}

    std::string count() {
        std::scoped_lock const one_at_a_time{mutex_};
        tendril::scope_exit forget{[this] { redis_.reset(); }};
        if (!redis_) {
            redis_.emplace(
                tendril::tcp_stream::connect(address_.host, address_.service, {.limit = limit}));
        }
        auto const answer = tendril::with_timeout(limit, [&] {
            return (*redis_)({"INCR", "visits"});
        });
        forget.dismiss();
        return answer.text.value();
    }

private:
    static constexpr std::chrono::seconds limit{2};
    tendril::host_and_service address_;
    tendril::mutex mutex_;
    std::optional<resp::client> redis_;
};
// DOC-END: visits

class site {
public:
    site(std::string name, std::string const& redis) : name_{std::move(name)}, visits_{redis} {}

    void answer(tendril::http_request& request, tendril::http_response& response) {
        response.header("Content-Type", "text/plain");
        if (request.path() == "/visits") {
            response.body(visits_.count() + '\n');
        } else if (request.path() == "/who") {
            response.body(
                request.client() + (request.secured() ? " by https" : " by http") + " for '" +
                request.origin().host + "', request " + request.id() + '\n');
        } else {
            response.body(name_ + " has got " + std::to_string(request.body().size()) + " bytes\n");
        }
    }

private:
    std::string name_;
    visits visits_;
};

// DOC: options
// Whoever connects from here is the load balancer, and is believed who the client is.
tendril::http_server_options behind_a_proxy() {
    tendril::http_server_options options;
    options.trusted_proxies = {"127.0.0.1"};
    options.health_path = "/health";
    options.ready_path = "/ready";
    options.metrics_path = "/metrics";
    return options;
}
// DOC-END: options

// DOC: start
// Returns whether a service manager listens: then the next process gets who comes meanwhile.
bool start(tendril::http_server& server) {
    std::vector<tendril::inherited_socket> inherited = tendril::inherited_sockets();
    if (inherited.empty()) {
        server.start();
        return false;
    }
    server.start(tendril::tcp_listener::adopt(inherited.front().release()));
    return true;
}
// DOC-END: start

// DOC: notify
// Tells a service manager that wants to know: systemd, with Type=notify.
void notify(std::string_view state) try {
    if (char const* const name = std::getenv("NOTIFY_SOCKET")) {
        tendril::unix_datagram::connect(name).send(boost::asio::buffer(state));
    }
} catch (tendril::system_error const& error) {
    std::cerr << error.what() << '\n';  // no reason not to serve
}
// DOC-END: notify

void serve(std::string const& address, site& pages, std::chrono::milliseconds drain_delay) {
    tendril::http_server server{
        address,
        [&](tendril::http_request& request, tendril::http_response& response) {
            pages.answer(request, response);
        },
        behind_a_proxy()};
    tendril::signal_set quit{SIGINT, SIGTERM};
    bool const inherited = start(server);
    std::cout << "listening on " << tendril::to_string(server.local_endpoint()) << std::endl;
    notify("READY=1");
    // DOC: leave
    quit.wait();
    notify("STOPPING=1");
    server.set_ready(false);
    if (inherited) {
        server.stop_accepting();  // the listener stays open, and they wait in the kernel
    }
    tendril::sleep_for(drain_delay);        // until the load balancer has seen it
    server.stop(std::chrono::seconds{10});  // what has arrived is answered
    // DOC-END: leave
}

}  // namespace

int main(int argc, char** argv) try {
    site pages{
        option(argc, argv, "--name", "this"), option(argc, argv, "--redis", "127.0.0.1:6379")};
    auto const address = option(argc, argv, "--host", "127.0.0.1") + ':' + port_option(argc, argv);
    std::chrono::milliseconds const delay{std::stoi(option(argc, argv, "--drain-delay", "1000"))};
    tendril::run([&] { serve(address, pages, delay); });
    return 0;
} catch (std::exception const& error) {
    std::cerr << error.what() << '\n';
    return 1;
}
