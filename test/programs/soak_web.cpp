// SPDX-License-Identifier: BSL-1.0
//
// The server of a soak: the pages of web_pages.hpp with and without TLS in one hub, and pages that
// ask a name server and that kill.
//
//     soak_web NAMES CHAIN KEY      asks the name server at port NAMES; prints "listening on
//                                   ADDRESS", and once more for TLS; ends with SIGTERM
//
//     path           answer
//     /name?HOST     the addresses of a host, one on each line, or "none"
//     /kill?N        how many helpers were killed, of N of each kind; each waits in another way
//     /stuck         503 from the server, which interrupts what waits too long
#include "web_pages.hpp"

#include <examples/dns_server.hpp>
#include <tendril/http.hpp>
#include <tendril/tls.hpp>

#include <functional>
#include <memory>
#include <vector>

using namespace std::chrono_literals;

namespace {

// Asks a server of the test by UDP, with a socket for each question.
class asks_by_udp final : public tendril::resolver {
public:
    explicit asks_by_udp(tendril::udp_endpoint server) : server_{std::move(server)} {}

    std::vector<tendril::ip_address> addresses_of(
        std::string const& host, tendril::deadline limit, tendril::error_code& error) override {
        auto socket = tendril::udp_socket::connect(server_);
        auto const number = static_cast<std::uint16_t>(++asked_);
        socket.send(boost::asio::buffer(dns::ask(number, host + '.', dns::type_a)));
        std::array<char, 512> data;
        std::size_t const size = socket.receive_until(
            boost::asio::buffer(data), error, std::min(limit, tendril::deadline::after(5s)));
        std::vector<tendril::ip_address> found;
        if (error.failed()) {
            return found;
        }
        auto const read = dns::read_answer({data.data(), size}, number);
        for (auto const& each : read ? read->addresses : std::vector<std::string>{}) {
            found.push_back(boost::asio::ip::make_address(each));
        }
        if (found.empty()) {
            error = boost::asio::error::host_not_found;
        }
        return found;
    }

    std::string name_of(
        tendril::ip_address const&, tendril::deadline, tendril::error_code& error) override {
        error = boost::asio::error::host_not_found;
        return {};
    }

private:
    tendril::udp_endpoint server_;
    std::uint32_t asked_ = 0;
};

void send_addresses(std::string const& host, tendril::http_response& response) {
    tendril::error_code error;
    auto const found = tendril::resolve(host, "80", tendril::deadline::after(5s), error);
    if (error.failed() && error != boost::asio::error::host_not_found &&
        error != tendril::errc::bad_name) {
        throw tendril::system_error{error, "looking for " + host};
    }
    std::string text;
    for (auto const& each : found) {
        text += each.address().to_string() + '\n';
    }
    response.body(error.failed() ? "none\n" : std::move(text));
}

// Spawns helpers, lets them begin, and kills all in turn while each waits for something else. A
// look-up may be over before.
void kill_helpers(std::size_t of_each, tendril::http_response& response) {
    tendril::event never;
    tendril::mutex held;
    tendril::queue<int> empty;
    std::lock_guard const lock{held};
    std::vector<std::function<void()>> const ways{
        [&] { never.wait(); },
        [&] { std::lock_guard const second{held}; },
        [&] { empty.get(); },
        [] { tendril::sleep_for(1h); },
        [] { tendril::resolve("www.example", "80"); },
    };
    std::vector<tendril::task<void>> helpers;
    for (std::size_t count = 0; count < of_each * ways.size(); ++count) {
        helpers.push_back(tendril::spawn(ways[count % ways.size()]));
    }
    tendril::sleep_for(0s);
    for (auto& each : helpers) {
        each.kill();
    }
    std::size_t killed = 0;
    for (auto& each : helpers) {
        each.join();
        killed += each.was_cancelled() ? 1 : 0;
    }
    response.body(std::to_string(killed) + '\n');
}

void answer(tendril::http_request& request, tendril::http_response& response) {
    if (request.path() == "/name") {
        send_addresses(std::string{request.query()}, response);
    } else if (request.path() == "/kill") {
        kill_helpers(std::stoul("0" + std::string{request.query()}), response);
    } else if (request.path() == "/stuck") {
        tendril::event{}.wait();
    } else {
        web::answer(request, response);
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::cerr << "usage: soak_web NAMES CHAIN KEY\n";
        return 2;
    }
    tendril::run([&] {
        auto const names = boost::asio::ip::make_address("127.0.0.1");
        tendril::set_resolver(std::make_shared<asks_by_udp>(
            tendril::udp_endpoint{names, tendril::parse_port(argv[1])}));
        auto options = web::options();
        options.handler_timeout = 5s;
        auto const context = tendril::tls_context::server({
            .identity = tendril::tls_identity::from_files(argv[2], argv[3]),
            .protocols = {"http/1.1"},
        });
        tendril::http_server behind_tls{"127.0.0.1:0", context, answer, options};
        tendril::http_server plain{"127.0.0.1:0", answer, options};
        tendril::signal_set quit{SIGINT, SIGTERM};
        plain.start();
        std::cout << "listening on " << plain.local_address() << std::endl;
        behind_tls.start();
        std::cout << "listening on " << behind_tls.local_address() << std::endl;
        quit.wait();
        plain.stop(5s);
        behind_tls.stop(5s);
    });
}
