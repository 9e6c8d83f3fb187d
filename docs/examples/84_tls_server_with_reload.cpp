// SPDX-License-Identifier: BSL-1.0
//
// A TLS server that shows a new certificate after SIGHUP, without losing a connection, and serves
// what it has begun after SIGTERM.
#include "certificate.hpp"

#include <tendril/hub.hpp>
#include <tendril/net.hpp>
#include <tendril/scope.hpp>
#include <tendril/server.hpp>
#include <tendril/sync.hpp>
#include <tendril/time.hpp>
#include <tendril/tls.hpp>

#include <boost/asio/buffer.hpp>

#include <array>
#include <chrono>
#include <csignal>
#include <iostream>
#include <string>

using namespace std::chrono_literals;

namespace {

using namespace tendril;

// Stands for the two files that somebody replaces when a certificate is renewed.
tls_identity files;

// DOC: serve
void echo(tls_stream& stream) {
    std::array<char, 256> data;
    while (true) {
        auto const size = stream.read_some(boost::asio::buffer(data));
        stream.write(boost::asio::buffer(data, size));
    }
}

tls_context context_of_files() { return tls_context::server({.identity = files}); }

void serve(tls_server& server, auto_reset_event& reloaded) {
    auto const reload = [&] {
        // When the files cannot be used this throws: it is reported, and nothing changes.
        server.set_context(context_of_files());
        reloaded.set();
    };
    bool const in_time = serve_until_signal(server, {.grace = 10s, .reload = reload});
    std::cout << (in_time ? "all were served\n" : "some were cut off\n");
}
// DOC-END: serve

std::string ask(tls_stream& stream, std::string const& question) {
    stream.write(boost::asio::buffer(question));
    std::array<char, 256> answer;
    auto const size = stream.read_some(boost::asio::buffer(answer));
    return {answer.data(), size};
}

tls_stream connect_to(tls_server const& server, tls_context const& context) {
    auto stream = tls_stream::connect("127.0.0.1", server.local_endpoint().port(), context);
    std::cout << "a client sees " << stream.peer_certificate()->subject << '\n';
    return stream;
}

void play_the_clients(tls_server& server, tls_context const& trusting, auto_reset_event& reloaded) {
    tls_stream before = connect_to(server, trusting);
    files = example::make_identity("the second", "IP:127.0.0.1");
    std::raise(SIGHUP);
    reloaded.wait();
    // Whoever has seen the first certificate goes on.
    std::cout << ask(before, "still there?") << '\n';
    tls_context const next = tls_context::client({.authorities = files.chain});
    tls_stream after = connect_to(server, next);
    std::raise(SIGTERM);
    std::cout << ask(after, "last question") << '\n';
    before.close();
    after.close();
}

void play() {
    files = example::make_identity("the first", "IP:127.0.0.1");
    tls_context const trusting = tls_context::client({.authorities = files.chain});
    tls_server server{"127.0.0.1:0", context_of_files(), echo};
    server.start();
    auto_reset_event reloaded;
    with_task_group([&](task_group& group) {
        group.spawn([&] { serve(server, reloaded); });
        // Until the signals have their handlers.
        yield();
        play_the_clients(server, trusting, reloaded);
    });
    std::cout << server.statistics().handshakes << " handshakes\n";
}

}  // namespace

int main() { run(play); }
