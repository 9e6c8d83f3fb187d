// SPDX-License-Identifier: BSL-1.0
#pragma once

// The client of both line echoes.

#include <tendril/tendril.hpp>

#include <iostream>
#include <string>

inline void talk_to(tendril::tcp_endpoint const& server) {
    auto stream = tendril::tcp_stream::connect(server);
    // Where a stream is cut means nothing.
    for (std::string const piece : {"hel", "lo\nhow ", "are you?\ngood", "bye"}) {
        stream.write(boost::asio::buffer(piece));
    }
    stream.shutdown_send();
    tendril::buffered_reader reader{stream};
    for (auto const& line : reader.lines()) {
        std::cout << line << '\n';
    }
}
