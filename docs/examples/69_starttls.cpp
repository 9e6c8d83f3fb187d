// SPDX-License-Identifier: BSL-1.0
//
// A connection that begins in the clear and goes on encrypted: with streams and with protocols. A
// client that puts a command behind its request to begin is not obeyed.
#include "certificate.hpp"

#include <tendril/hub.hpp>
#include <tendril/io.hpp>
#include <tendril/net.hpp>
#include <tendril/protocol.hpp>
#include <tendril/sync.hpp>
#include <tendril/task.hpp>
#include <tendril/tls.hpp>

#include <boost/asio/buffer.hpp>

#include <chrono>
#include <cstddef>
#include <exception>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace {

using namespace tendril;

// DOC: protocol
class mailbox final : public protocol {
public:
    explicit mailbox(tls_context const& context) : context_{context} {}

private:
    void connection_made(transport& connection) override { peer_ = connection; }

    void data_received(std::string_view bytes) override {
        received_ += bytes;
        std::size_t end = 0;
        while ((end = received_.find('\n')) != received_.npos) {
            std::string const line = received_.substr(0, end);
            received_.erase(0, end + 1);
            obey(line);
        }
    }

    void obey(std::string const& line) {
        if (line == "STARTTLS" && !secured_) {
            peer_.write("go ahead\n");
            // What is behind the request came in the clear: it belongs to the handshake.
            start_tls_server(peer_, context_, {.received = std::exchange(received_, {})});
            secured_ = true;
        } else {
            peer_.write((secured_ ? "secret: " : "in the clear: ") + line + "\n");
        }
    }

    void connection_lost(std::exception_ptr reason) override {
        std::cout << (reason == nullptr ? "good-bye\n" : "the connection is lost\n");
    }

    tls_context const context_;
    transport peer_;
    std::string received_;
    bool secured_ = false;
};
// DOC-END: protocol

// DOC: stream
tls_stream begin_tls(tcp_stream plain, tls_context const& context, std::string host) {
    buffered_reader reader{plain};
    plain.write(boost::asio::buffer(std::string_view{"STARTTLS\n"}));
    if (reader.read_line() != "go ahead" || !reader.buffered().empty()) {
        throw std::runtime_error{"the server does not go on"};
    }
    return tls_stream::client(std::move(plain), context, std::move(host));
}
// DOC-END: stream

void play() {
    tls_identity const identity = example::make_identity("the mailbox", "IP:127.0.0.1");
    tls_context const mine = tls_context::server({.identity = identity});
    tls_context const friendly = tls_context::client({.authorities = identity.chain});
    protocol_server server = serve_protocol(
        "127.0.0.1:0", [&] { return std::make_unique<mailbox>(mine); });

    tls_stream stream = begin_tls(
        tcp_stream::connect(server.local_endpoint()), friendly, "127.0.0.1");
    stream.write(boost::asio::buffer(std::string_view{"a letter\n"}));
    buffered_reader reader{stream};
    std::cout << reader.read_line().value_or("nothing") << '\n';
    stream.shutdown_for(std::chrono::seconds{5});

    tcp_stream evil = tcp_stream::connect(server.local_endpoint());
    evil.write(boost::asio::buffer(std::string_view{"STARTTLS\na letter of somebody else\n"}));
    buffered_reader{evil}.read_line();
    server.stop();
    server.wait();
}

}  // namespace

int main() { run(play); }
