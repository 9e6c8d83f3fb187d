// SPDX-License-Identifier: BSL-1.0
//
// A server that is told what to do by signals: SIGHUP has it read its settings again, SIGTERM lets
// it finish what it has begun, SIGINT (Ctrl+C) ends it at once.
#include <tendril/hub.hpp>
#include <tendril/io.hpp>
#include <tendril/net.hpp>
#include <tendril/process.hpp>
#include <tendril/scope.hpp>
#include <tendril/server.hpp>
#include <tendril/sync.hpp>
#include <tendril/testing.hpp>
#include <tendril/time.hpp>

#include <boost/asio/buffer.hpp>

#include <chrono>
#include <csignal>
#include <iostream>
#include <optional>
#include <string>

using namespace std::chrono_literals;

namespace {

// Stands for a file of settings, which somebody changes.
std::string file_of_settings;

class greeter {
public:
    void read_settings() {
        greeting_ = file_of_settings;
        std::cout << "the greeting is " << greeting_ << '\n';
        settings_read.set();
    }

    // Every answer takes a second.
    void answer(tendril::tcp_stream& peer) {
        char name[16];
        auto const size = peer.read_some(boost::asio::buffer(name));
        asked.set();
        tendril::sleep_for(1s);
        peer.write(boost::asio::buffer(greeting_ + ", " + std::string{name, size}));
    }

    // For those who play the parts of the users.
    tendril::auto_reset_event settings_read;
    tendril::auto_reset_event asked;

private:
    std::string greeting_;
};

void greet(tendril::tcp_endpoint const& server) {
    auto stream = tendril::tcp_stream::connect(server);
    stream.write(boost::asio::buffer("Ada", 3));
    char answer[64];
    tendril::error_code error;
    auto const size = stream.read_some(boost::asio::buffer(answer), error);
    std::cout << (error.failed() ? "no answer" : std::string{answer, size}) << '\n';
}

// What happens while the server runs: users ask, the settings change, and a last signal comes while
// a user waits for an answer.
void play_the_users(
    tendril::task_group& users, greeter& service, tendril::tcp_endpoint const& server, int last) {
    service.settings_read.wait();
    greet(server);
    file_of_settings = "salut";
    std::raise(SIGHUP);
    service.settings_read.wait();
    greet(server);
    service.asked.reset();
    users.spawn(greet, server);
    service.asked.wait();
    std::cout << (last == SIGTERM ? "SIGTERM" : "SIGINT") << " comes\n";
    std::raise(last);
}

// DOC: serve
// Serves until it is told to end. Returns the signal that has cut it off, if one has.
std::optional<int> serve(int last_signal) {
    greeter service;
    service.read_settings();
    tendril::stream_server server{
        "127.0.0.1:0", [&](tendril::tcp_stream& peer) { service.answer(peer); }};
    tendril::event told_to_end;

    tendril::signal_handler const on_hangup{SIGHUP, [&] { service.read_settings(); }};
    tendril::signal_handler const on_terminate{SIGTERM, [&] { told_to_end.set(); }};
    return tendril::cancel_on_signal({SIGINT}, [&] {
        server.start();
        tendril::with_task_group([&](tendril::task_group& users) {
            play_the_users(users, service, server.local_endpoint(), last_signal);
            told_to_end.wait();
            server.stop(10s);
        });
    });
}
// DOC-END: serve

void serve_and_tell(int last_signal) {
    file_of_settings = "hello";
    auto const number = serve(last_signal);
    std::cout << (number ? "cut off\n" : "all was answered\n");
}

}  // namespace

int main() {
    tendril::testing::virtual_clock clock;
    tendril::run({.clock = &clock}, [] {
        serve_and_tell(SIGTERM);
        serve_and_tell(SIGINT);
    });
}
