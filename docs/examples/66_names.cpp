// SPDX-License-Identifier: BSL-1.0
//
// Many names at once: a limit for each, and a limit of how many are asked for at a time. Who
// answers is a resolver of the program's own, which takes a while for each name and never answers
// for some; the clock jumps when everybody waits.
#include <tendril/hub.hpp>
#include <tendril/net.hpp>
#include <tendril/testing/virtual_clock.hpp>
#include <tendril/time.hpp>
#include <tendril/together.hpp>

#include <boost/asio/error.hpp>

#include <chrono>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;

// DOC: resolver
// Knows the names of some machines.
class slow_resolver final : public resolver {
public:
    std::vector<ip_address> addresses_of(
        std::string const& host, deadline limit, error_code& error) override {
        error = {};
        if (host.starts_with("silent")) {
            sleep_until(limit);
            error = io_error(errc::timed_out);
            return {};
        }
        sleep_for(100ms);
        if (!host.starts_with("machine")) {
            error = boost::asio::error::host_not_found;
            return {};
        }
        return {boost::asio::ip::make_address("192.0.2." + host.substr(7, host.find('.') - 7))};
    }

    std::string name_of(ip_address const& address, deadline, error_code&) override {
        return "machine" + std::to_string(address.to_v4().to_bytes()[3]) + ".example";
    }
};
// DOC-END: resolver

// DOC: look_up
std::string look_up(std::string const& host) {
    error_code error;
    auto const found = resolve(host, "http", deadline::after(1s), error);
    return error.failed() ? error.message() : to_string(found.front());
}

void look_up_all(std::vector<std::string> const& hosts) {
    pool at_a_time{4};
    std::vector<std::string> const answers = at_a_time.map(hosts, look_up);
    for (std::size_t at = 0; at < hosts.size(); ++at) {
        std::cout << hosts[at] << ": " << answers[at] << '\n';
    }
}
// DOC-END: look_up

}  // namespace

int main() {
    testing::virtual_clock clock;
    run({.clock = &clock}, [&] {
        set_resolver(std::make_shared<slow_resolver>());
        std::vector<std::string> hosts{
            "silent.example", "nobody.example", "127.0.0.1", "localhost"};
        for (int number = 1; number <= 10; ++number) {
            hosts.push_back("machine" + std::to_string(number) + ".example");
        }
        look_up_all(hosts);
        std::cout << "took " << clock.elapsed() / 1ms << " ms\n";
    });
}
