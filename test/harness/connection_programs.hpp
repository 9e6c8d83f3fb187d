// SPDX-License-Identifier: BSL-1.0
#pragma once

// Larger programs for tests in which memory or calls of the system fail (stream_programs.hpp):
// readers and writers, copies, protocols at both ends, names, headers of proxies, sockets that were
// inherited, and somebody else's timer.

#include <harness/stream_programs.hpp>
#include <tendril/io/any_stream.hpp>
#include <tendril/io/buffered_reader.hpp>
#include <tendril/io/buffered_writer.hpp>
#include <tendril/io/copy.hpp>
#include <tendril/io/use_greenlet.hpp>
#include <tendril/net.hpp>
#include <tendril/protocol.hpp>
#include <tendril/scope/task_group.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/sync/event.hpp>

#include <boost/asio/steady_timer.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tendril::test {

/// Lines and a block, through a stream of any kind at one end.
inline void read_and_write_by_buffers() {
    auto ends = unix_stream::pair();
    with_task_group([&](task_group& group) {
        group.spawn([&] {
            any_stream here{std::move(ends.first)};
            buffered_writer writer{here, {.capacity = 8}};
            writer.write("first\nsecond, which is longer\n");
            writer.write("block");
            writer.write("rest");
            writer.flush();
            here.shutdown_send();
        });
        buffered_reader reader{ends.second, {.block = 8}};
        expect_same(reader.read_line().value_or("nothing"), "first");
        expect_same(reader.peek(6).substr(0, 6), "second");
        expect_same(reader.read_line().value_or("nothing"), "second, which is longer");
        expect_same(reader.read_exactly(5), "block");
        expect_same(reader.read_all(), "rest");
    });
}

/// A proxy between two connections.
inline void copy_between_connections() {
    auto client = unix_stream::pair();
    auto server = unix_stream::pair();
    with_task_group([&](task_group& group) {
        group.spawn([&] {
            copy_both(client.second, server.first);
            client.second.close();
            server.first.close();
        });
        group.spawn([&] {
            expect_same(read_to_end(server.second), "question");
            server.second.write(boost::asio::buffer("answer", 6));
            server.second.shutdown_send();
        });
        client.first.write(boost::asio::buffer("question", 8));
        client.first.shutdown_send();
        expect_same(read_to_end(client.first), "answer");
    });
}

/// Sends everything back.
class echoing_protocol final : public protocol {
    void connection_made(transport& made) override { connection_ = made; }
    void data_received(std::string_view bytes) override { connection_.write(bytes); }
    void connection_lost(std::exception_ptr) override { connection_ = {}; }

    transport connection_;
};

/// Waits until it has heard something, or nothing more can come.
class hearing_protocol final : public protocol {
public:
    std::string heard;
    event enough;

private:
    void data_received(std::string_view bytes) override {
        heard += bytes;
        if (heard.size() >= 5) {
            enough.set();
        }
    }
    void connection_lost(std::exception_ptr) override { enough.set(); }
};

inline void talk_by_protocols() {
    protocol_server server = serve_protocol(
        tcp_listener::bind("127.0.0.1", 0), [] { return std::make_shared<echoing_protocol>(); });
    auto client = connect_protocol(
        server.local_endpoint(), [] { return std::make_shared<hearing_protocol>(); });
    scope_exit const end{[&] { client.connection.abort(); }};
    client.connection.write("hello");
    client.connection.drain();
    client.handler->enough.wait();
    if (client.handler->heard != "hello") {
        // Either end may have been lost on the way, and then the server has reported why.
        throw std::runtime_error{"the connection was lost"};
    }
    client.connection.close();
    client.connection.wait_closed();
    server.stop();
    server.wait();
}

/// Knows one name.
class one_name final : public resolver {
    std::vector<ip_address> addresses_of(std::string const&, deadline, error_code& error) override {
        error = {};
        return {
            boost::asio::ip::make_address("127.0.0.2"), boost::asio::ip::make_address("127.0.0.1")};
    }
    std::string name_of(ip_address const&, deadline, error_code& error) override {
        error = {};
        return "one.test";
    }
};

/// A host with two addresses, where somebody listens at the second.
inline void connect_to_a_name() {
    set_resolver(std::make_shared<one_name>());
    tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
    std::string const port = std::to_string(listener.local_endpoint().port());
    tcp_stream here = tcp_stream::connect("one.test", port);
    tcp_stream there = listener.accept();
    here.write(boost::asio::buffer("found", 5));
    expect_same(read_exactly(there, 5), "found");
    expect_same(resolve_name(there.remote_endpoint()).host, "one.test");
}

/// A name that stands in a file.
inline void look_a_name_up() {
    own_folder const place;
    std::string const file = place.file("hosts");
    std::string_view const text = "192.0.2.1 one.test\n192.0.2.2 two.test one.test\n";
    int const hosts = ::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    bool const is_written = ::write(hosts, text.data(), text.size()) ==
        static_cast<ssize_t>(text.size());
    ::close(hosts);
    if (!is_written) {
        throw std::runtime_error{"no file of hosts"};
    }
    set_resolver(std::make_shared<system_resolver>(resolver_options{.hosts_file = file}));
    auto const found = resolve("ONE.test", "http");
    if (found.size() != 2 || found[0].port() != 80) {
        throw wrong_result{"the name was not found"};
    }
    expect_same(resolve_name({found[1].address(), 0}).host, "two.test");
}

inline void tell_who_is_behind_a_proxy() {
    auto ends = unix_stream::pair();
    proxy_header said;
    said.what = proxy_header::kind::tcp;
    said.source = {boost::asio::ip::make_address("192.0.2.1"), 1234};
    said.destination = {boost::asio::ip::make_address("192.0.2.2"), 80};
    for (std::string const& header : {proxy_header_v1(said), proxy_header_v2(said)}) {
        ends.first.write(boost::asio::buffer(header));
        proxy_header const read = read_proxy_header(ends.second);
        if (read.source != said.source || read.destination != said.destination) {
            throw wrong_result{"another address"};
        }
    }
}

/// Listens at a socket that the process was started with.
inline void listen_at_an_inherited_socket() {
    constexpr int place = 371;
    {
        tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
        ::dup2(listener.native_handle(), place);
    }
    ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
    ::setenv("LISTEN_FDS", "1", 1);
    scope_exit const forget{[] {
        ::unsetenv("LISTEN_PID");
        ::unsetenv("LISTEN_FDS");
    }};
    scope_exit not_taken{[] { ::close(place); }};
    std::vector<inherited_socket> inherited = inherited_sockets(place);
    not_taken.dismiss();
    tcp_listener listener = tcp_listener::adopt(inherited.at(0).release());
    tcp_stream const here = tcp_stream::connect(listener.local_endpoint());
    tcp_stream const there = listener.accept();
}

inline void wait_for_a_timer_of_asio() {
    boost::asio::steady_timer timer{this_hub().context(), std::chrono::seconds{0}};
    timer.async_wait(use_greenlet);
    error_code error;
    timer.expires_after(std::chrono::seconds{0});
    timer.async_wait(use_greenlet[error]);
    detail::throw_if(error, "a timer");
}

inline constexpr std::array connection_programs{
    stream_program{"buffers", read_and_write_by_buffers},
    stream_program{"copies", copy_between_connections},
    stream_program{"protocols", talk_by_protocols},
    stream_program{"a name", connect_to_a_name},
    stream_program{"a look-up", look_a_name_up},
    stream_program{"a proxy", tell_who_is_behind_a_proxy},
    stream_program{"an inherited socket", listen_at_an_inherited_socket},
    stream_program{"a timer of Asio's", wait_for_a_timer_of_asio}};

}  // namespace tendril::test
