// SPDX-License-Identifier: BSL-1.0
#include <harness/blocking_calls.hpp>
#include <harness/network.hpp>
#include <tendril/net/tcp_listener.hpp>
#include <tendril/net/tcp_stream.hpp>
#include <tendril/server/stream_server.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/task/spawn.hpp>

#include <chrono>
#include <memory>

namespace tendril::test {
namespace {

using namespace std::chrono_literals;

// Floor server, on one hub.

// It has a connection whose handler ends when it is told to.
struct busy_server {
    busy_server() { server.serve(connect_at_once(nobody_accepts.local_endpoint())); }

    event told;
    tcp_listener nobody_accepts = tcp_listener::bind("127.0.0.1", 0);
    stream_server server{"127.0.0.1:0", [this](tcp_stream&) { told.wait(); }};
};

call_maker stopping() {
    return [] {
        auto const busy = std::make_shared<busy_server>();
        return blocking_call{
            .name = "stream_server::stop",
            .take =
                [=](deadline) {
                    busy->server.stop(1h);
                    return true;
                },
            .give = [=] { busy->told.set(); },
            .at_rest = [=] { return busy->server.statistics().connections == 0; },
            .to_wishes = answer::given_late,
        };
    };
}

call_maker serving() {
    return [] {
        auto const server = std::make_shared<stream_server>("127.0.0.1:0", [](tcp_stream&) {});
        return blocking_call{
            .name = "stream_server::serve_forever",
            .take =
                [=](deadline) {
                    server->serve_forever();
                    return true;
                },
            .give = [=] { spawn([server] { server->stop(); }); },
            .at_rest = [=] { return !server->running(); },
            .to_wishes = answer::given_late,
            .repeatable = false,
        };
    };
}

}  // namespace

void add_calls_of_servers(calls& all) {
    all.push_back(serving());
    all.push_back(stopping());
}

}  // namespace tendril::test
