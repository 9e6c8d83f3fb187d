// SPDX-License-Identifier: BSL-1.0
//
// A name server over UDP (dns_server.hpp), and a client that asks for many names at once: one
// socket for each question, and as many tasks as there are questions.
#include "dns_server.hpp"

#include <tendril/hub.hpp>
#include <tendril/net.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/task.hpp>
#include <tendril/together.hpp>

#include <boost/asio/buffer.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <string>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;

struct wish {
    std::string name;
    std::uint16_t type;
};

std::string to_text(dns::answers const& found) {
    if (found.how == dns::outcome::no_such_name) {
        return "no such name";
    }
    std::string text;
    for (std::string const& address : found.addresses) {
        text += (text.empty() ? "" : ", ") + address;
    }
    return text.empty() ? "no address of this kind" : text;
}

// DOC: ask
std::string look_up(udp_endpoint const& server, wish const& wanted) {
    udp_socket socket = udp_socket::connect(server);
    std::string const question = dns::ask(7, wanted.name, wanted.type);
    std::array<char, 512> data;
    for (int attempt = 0; attempt < 3; ++attempt) {
        socket.send(boost::asio::buffer(question));
        error_code error;
        std::size_t const size = socket.receive_for(boost::asio::buffer(data), error, 1s);
        if (auto const found = dns::read_answer({data.data(), size}, 7); found && !error.failed()) {
            return to_text(*found);
        }
    }
    return "no answer";
}
// DOC-END: ask

void play() {
    udp_socket socket = udp_socket::bind("127.0.0.1", 0);
    dns::table const names = dns::example_names();
    task<void> server = spawn([&] { dns::serve(socket, names); });
    scope_exit const over{[&] {
        server.cancel();
        socket.close();
    }};
    udp_endpoint const address = socket.local_endpoint();
    std::vector<wish> const wishes{
        {"www.example.", dns::type_a},     {"www.example.", dns::type_aaaa},
        {"WWW.Example.", dns::type_a},     {"mail.example.", dns::type_a},
        {"mail.example.", dns::type_aaaa}, {"nobody.example.", dns::type_a},
    };
    // DOC: fan-out
    std::vector<task<std::string>> questions;
    for (wish const& each : wishes) {
        questions.push_back(spawn([address, each] { return look_up(address, each); }));
    }
    std::vector<std::string> const found = gather(questions);
    // DOC-END: fan-out
    for (std::size_t index = 0; index < wishes.size(); ++index) {
        std::cout << wishes[index].name << (wishes[index].type == dns::type_a ? " A" : " AAAA")
                  << ": " << found[index] << '\n';
    }
}

}  // namespace

int main() { run(play); }
