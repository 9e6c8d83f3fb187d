// SPDX-License-Identifier: BSL-1.0
//
// An echo server behind TLS and its clients: one that trusts it, one after another certificate was
// loaded, and one that does not believe it.
#include "certificate.hpp"

#include <tendril/hub.hpp>
#include <tendril/net.hpp>
#include <tendril/server.hpp>
#include <tendril/tls.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/read.hpp>

#include <array>
#include <cstdint>
#include <iostream>
#include <string>
#include <utility>

namespace {

using namespace tendril;

// DOC: server
// The handshake happens here, at the first read: a client that is slow at it holds up nobody else.
void echo(tcp_stream& plain, tls_context const& context) {
    tls_stream stream = tls_stream::server(std::move(plain), context);
    std::array<char, 1024> data;
    error_code error;
    std::size_t size = stream.read_some(boost::asio::buffer(data), error);
    while (!error.failed()) {
        stream.write(boost::asio::buffer(data, size));
        size = stream.read_some(boost::asio::buffer(data), error);
    }
    stream.close();
}
// DOC-END: server

// DOC: client
std::string ask(std::uint16_t port, tls_context const& context, std::string const& question) {
    tls_stream stream = tls_stream::connect("127.0.0.1", port, context);
    std::cout << stream.alpn() << ", " << stream.peer_certificate()->subject
              << (stream.session_reused() ? ", resumed" : "") << '\n';
    stream.write(boost::asio::buffer(question));
    stream.shutdown_send();
    std::string answer;
    error_code error;
    boost::asio::read(stream, boost::asio::dynamic_buffer(answer), error);
    if (error != boost::asio::error::eof) {
        throw system_error{error, "the answer is not whole"};
    }
    return answer;
}
// DOC-END: client

void play() {
    tls_identity const first = example::make_identity("the first", "IP:127.0.0.1");
    tls_identity const second = example::make_identity("the second", "IP:127.0.0.1");
    // DOC: contexts
    tls_context mine = tls_context::server({.identity = first, .protocols = {"echo"}});
    tls_context const friendly = tls_context::client({
        .authorities = first.chain + second.chain,
        .protocols = {"chat", "echo"},
    });
    // DOC-END: contexts
    stream_server server{"127.0.0.1:0", [&](tcp_stream& plain) { echo(plain, mine); }};
    server.start();
    std::uint16_t const port = server.local_endpoint().port();

    std::cout << ask(port, friendly, "Is anybody there?") << '\n';
    std::cout << ask(port, friendly, "Still the same?") << '\n';

    // DOC: reload
    mine.reload(second);
    // DOC-END: reload
    tls_context const another = tls_context::client(
        {.authorities = second.chain, .protocols = {"echo"}});
    std::cout << ask(port, another, "And who is it now?") << '\n';

    // DOC: refusal
    try {
        tls_stream::connect("127.0.0.1", port, tls_context::client());
    } catch (system_error const& refusal) {
        std::cout << refusal.code().message() << '\n';
    }
    // DOC-END: refusal
}

}  // namespace

int main() { run(play); }
