// SPDX-License-Identifier: BSL-1.0
// The server of the README: try it with `nc 127.0.0.1 7000`.
// DOC: hello
#include <tendril/tendril.hpp>

void echo(tendril::tcp_stream& stream) {
    char data[1024];
    while (auto size = stream.read_some(boost::asio::buffer(data))) {  // parks, does not block
        stream.write(boost::asio::buffer(data, size));
    }
}

int main() {
    tendril::run([] { tendril::stream_server{"127.0.0.1:7000", echo}.serve_forever(); });
}
// DOC-END: hello
