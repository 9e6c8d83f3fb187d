// SPDX-License-Identifier: BSL-1.0
//
// A server behind a proxy, which says first for whom it has connected.
#include <tendril/hub.hpp>
#include <tendril/net.hpp>
#include <tendril/task.hpp>
#include <tendril/time.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/address.hpp>

#include <chrono>
#include <iostream>
#include <string>
#include <string_view>

namespace {

using namespace tendril;
using namespace std::chrono_literals;

tcp_endpoint at(char const* address, std::uint16_t port) {
    return {boost::asio::ip::make_address(address), port};
}

// DOC: serve
void serve(tcp_stream& stream) {
    proxy_header const from = with_timeout(3s, [&] { return read_proxy_header(stream); });
    char data[64];
    std::size_t const size = stream.read_some(boost::asio::buffer(data));
    std::cout << to_string(from.source) << " says " << std::string_view{data, size} << '\n';
}
// DOC-END: serve

// DOC: proxy
void pass_on(tcp_stream& stream, tcp_endpoint const& client, std::string const& text) {
    proxy_header const header{
        .what = proxy_header::kind::tcp, .source = client, .destination = at("192.0.2.80", 80)};
    stream.write(boost::asio::buffer(proxy_header_v2(header) + text));
}
// DOC-END: proxy

void play() {
    tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
    for (std::uint16_t const port : {std::uint16_t{40001}, std::uint16_t{40002}}) {
        tcp_stream proxy = tcp_stream::connect(listener.local_endpoint());
        pass_on(proxy, at("198.51.100.7", port), "hello");
        tcp_stream accepted = listener.accept();
        serve(accepted);
    }
    tcp_stream stranger = tcp_stream::connect(listener.local_endpoint());
    stranger.write(boost::asio::buffer(std::string_view{"GET / HTTP/1.1\r\n\r\n"}));
    tcp_stream accepted = listener.accept();
    try {
        serve(accepted);
    } catch (system_error const& error) {
        std::cout << "no proxy: " << error.code().message() << '\n';
    }
}

}  // namespace

int main() { run(play); }
