// SPDX-License-Identifier: BSL-1.0
//
// Sends back what it is told, line by line: as a loop, which reads and writes. 71 is the same as a
// protocol.
#include "line_client.hpp"

#include <tendril/tendril.hpp>

namespace {

// DOC: loop
void line_echo(tendril::tcp_stream& stream) {
    tendril::buffered_reader reader{stream};
    for (auto const& line : reader.lines()) {
        stream.write(boost::asio::buffer("you said: " + line + "\n"));
    }
}
// DOC-END: loop

}  // namespace

int main() {
    tendril::run([] {
        tendril::stream_server server{"127.0.0.1:0", line_echo};
        server.start();
        talk_to(server.local_endpoint());
    });
}
