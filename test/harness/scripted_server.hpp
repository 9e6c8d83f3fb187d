// SPDX-License-Identifier: BSL-1.0
#pragma once

// A server for tests of HTTP clients: it says exactly what a test has written.
//
//     scripted_server server{[](scripted_peer& peer) {
//         EXPECT_EQ(peer.hear_head().substr(0, 5), "GET /");
//         peer.say("HTTP/1.1 204 No Content\r\n\r\n");
//     }};
//     client.get(server.url("/page"));
//
// The script is run for each connection, in a task of its own, and the connection closed after it.

#include <harness/network.hpp>
#include <tendril/hub/cancellation.hpp>
#include <tendril/io/any_stream.hpp>
#include <tendril/task/task.hpp>

#include <boost/asio/buffer.hpp>

#include <array>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tendril::test {

/// The server's end of one connection.
class scripted_peer {
public:
    scripted_peer(any_stream accepted, std::size_t order)
        : number{order},
          stream{std::move(accepted)} {}

    /// Sends bytes; a client that has gone is none of its business.
    bool say(std::string_view bytes) {
        error_code error;
        stream.write(boost::asio::buffer(bytes), error);
        return !error.failed();
    }

    /// Sends an answer with a body.
    void answer(std::string_view body, std::string_view fields = {}) {
        say("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
            std::string{fields} + "\r\n" + std::string{body});
    }

    /// Sends single bytes, each when the client has digested the one before.
    void say_slowly(std::string_view bytes) {
        for (char const& each : bytes) {
            if (!say({&each, 1})) {
                return;
            }
            settle();
        }
    }

    /// Reads a head with the empty line after it; empty when the connection ends.
    std::string hear_head() { return hear_until("\r\n\r\n"); }

    /// Reads up to some bytes, and with them; empty when the connection ends.
    std::string hear_until(std::string_view mark) {
        std::size_t at = heard_.find(mark);
        while (at == std::string::npos) {
            if (!hear_more()) {
                return {};
            }
            at = heard_.find(mark);
        }
        return take(at + mark.size());
    }

    /// Reads so many bytes, or fewer when the connection ends.
    std::string hear(std::size_t size) {
        while (heard_.size() < size && hear_more()) {}
        return take(size);
    }

    /// Waits until the client has ended the connection.
    void hear_end() {
        while (hear_more()) {}
    }

    /// Which connection it is: the first has number 1.
    std::size_t const number;
    any_stream stream;

private:
    bool hear_more() {
        std::array<char, 16384> data;
        error_code error;
        std::size_t const size = stream.read_some(boost::asio::buffer(data), error);
        heard_.append(data.data(), size);
        return !error.failed();
    }
    std::string take(std::size_t size) {
        std::string const taken = heard_.substr(0, size);
        heard_.erase(0, taken.size());
        return taken;
    }

    std::string heard_;
};

class scripted_server {
public:
    using script = std::function<void(scripted_peer&)>;
    /// Makes a stream out of what was accepted.
    using wrapper = std::function<any_stream(tcp_stream&&)>;

    explicit scripted_server(script written, wrapper wrap = nullptr)
        : script_{std::move(written)},
          wrap_{std::move(wrap)},
          acceptor_{spawn([this] { accept_all(); })} {}
    scripted_server(scripted_server const&) = delete;
    scripted_server& operator=(scripted_server const&) = delete;
    ~scripted_server() {
        interruption_shield const whole;
        acceptor_.cancel();
        acceptor_.join();
        for (task<void> const& each : served_) {
            each.cancel();
            each.join();
        }
    }

    /// Answers each request of any connection with this text.
    static script always(std::string answer) {
        return [answer = std::move(answer)](scripted_peer& peer) {
            while (!peer.hear_head().empty() && peer.say(answer)) {}
        };
    }

    std::string url(std::string_view target = "/") const {
        return "http://" + to_string(listener_.local_endpoint()) + std::string{target};
    }
    tcp_endpoint endpoint() const { return listener_.local_endpoint(); }
    std::uint16_t port() const { return listener_.local_endpoint().port(); }

    /// How many connections have come.
    std::size_t connections() const noexcept { return served_.size(); }

private:
    void accept_all() {
        while (true) {
            tcp_stream stream = listener_.accept();
            std::size_t const number = served_.size() + 1;
            served_.push_back(spawn([this, number, stream = std::move(stream)]() mutable {
                scripted_peer peer{wrap_ ? wrap_(std::move(stream)) : std::move(stream), number};
                script_(peer);
            }));
        }
    }

    script const script_;
    wrapper const wrap_;
    tcp_listener listener_ = tcp_listener::bind("127.0.0.1", 0);
    std::vector<task<void>> served_;
    task<void> acceptor_;
};

}  // namespace tendril::test
