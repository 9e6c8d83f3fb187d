// SPDX-License-Identifier: BSL-1.0
// Exercise 29: several connections of one client are served in turn, those of different clients at
// once.
//
// Who is served is what `this_connection` says. Each client has a lock, which exists as long as one
// of its connections holds it or waits for it: otherwise the map would grow with every client that
// ever came. Whoever waits owns a share of it, so none is destroyed with somebody in its queue.
#include <tendril/hub.hpp>
#include <tendril/net.hpp>
#include <tendril/server.hpp>
#include <tendril/sync.hpp>
#include <tendril/task.hpp>
#include <tendril/testing.hpp>
#include <tendril/time.hpp>

#include <boost/asio/buffer.hpp>

#include <chrono>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

// DOC: turns
class turns {
public:
    // Runs a function when nobody else runs one for the same client.
    template <typename F>
    void take(std::string const& client, F&& function) {
        auto const lock = lock_of(client);
        std::unique_lock const turn{*lock};
        function();
    }
    std::size_t clients() const { return locks_.size(); }

private:
    std::shared_ptr<tendril::mutex> lock_of(std::string const& client) {
        auto& known = locks_[client];
        auto lock = known.lock();
        if (lock == nullptr) {
            // The last who lets go takes it out of the map.
            auto const forget = [this, client](tendril::mutex* last) {
                locks_.erase(client);
                delete last;
            };
            lock = {new tendril::mutex, forget};
            known = lock;
        }
        return lock;
    }

    std::map<std::string, std::weak_ptr<tendril::mutex>> locks_;
};

auto in_turn(turns& all) {
    return [&all](tendril::tcp_stream& stream) {
        auto const served = tendril::this_connection.get();
        all.take(served.peer.endpoint->address().to_string(), [&] {
            tendril::sleep_for(1s);
            stream.write(boost::asio::buffer("served", 6));
        });
    };
}
// DOC-END: turns

// A client behind a proxy, which says who it is.
void ask_as(std::string const& address, tendril::tcp_endpoint const& where) {
    auto stream = tendril::tcp_stream::connect(where);
    stream.write(boost::asio::buffer(tendril::proxy_header_v1({
        .what = tendril::proxy_header::kind::tcp,
        .source = {boost::asio::ip::make_address(address), 5000},
        .destination = {boost::asio::ip::make_address("192.0.2.1"), 80},
    })));
    char answer[16];
    stream.read_some(boost::asio::buffer(answer));
}

template <typename F>
long long seconds_of(F&& function) {
    auto const before = tendril::now();
    function();
    return (tendril::now() - before) / 1s;
}

void ask_at_once(std::vector<std::string> const& addresses, tendril::tcp_endpoint const& where) {
    std::vector<tendril::task<void>> asking;
    for (std::string const& each : addresses) {
        asking.push_back(tendril::spawn(ask_as, each, where));
    }
    for (auto& each : asking) {
        each.get();
    }
}

}  // namespace

int main() {
    tendril::testing::virtual_clock clock;
    tendril::run({.clock = &clock}, [] {
        turns all;
        tendril::stream_server_options options;
        options.proxy = tendril::proxy_protocol::required;
        options.trusted_proxies.add("127.0.0.1");
        tendril::stream_server server{"127.0.0.1:0", in_turn(all), options};
        server.start();
        auto const where = server.local_endpoint();
        std::cout << "three of one client take " << seconds_of([&] {
            ask_at_once({"10.0.0.1", "10.0.0.1", "10.0.0.1"}, where);
        }) << " s\n";
        std::cout << "three of three clients take " << seconds_of([&] {
            ask_at_once({"10.0.0.1", "10.0.0.2", "10.0.0.3"}, where);
        }) << " s\n";
        server.stop();
        std::cout << "locks that are left: " << all.clients() << '\n';
    });
}
