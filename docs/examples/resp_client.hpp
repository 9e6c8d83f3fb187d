// SPDX-License-Identifier: BSL-1.0
#pragma once

// A client for Redis. A command is an array of strings; the first byte of an answer says what it
// is. (The protocol is RESP, version 2.)

#include <tendril/tendril.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace resp {

struct value {
    // '+' and '$' for a string, ':' for a number, '-' for an error, '*' for several values.
    char kind;
    // Of all but several values; nothing where there is none.
    std::optional<std::string> text;
    std::vector<value> parts;
};

// DOC: read
inline value read_value(tendril::byte_reader& from) {
    auto const line = from.read_until("\r\n");
    value read{line.front(), line.substr(1, line.size() - 3), {}};
    if (read.kind == '$' && read.text == "-1") {
        read.text.reset();
    } else if (read.kind == '$') {
        read.text = from.read_exactly(std::stoul(*read.text) + 2);
        read.text->resize(read.text->size() - 2);
    } else if (read.kind == '*') {
        for (auto left = std::stoll(*read.text); left > 0; --left) {
            read.parts.push_back(read_value(from));
        }
    }
    return read;
}
// DOC-END: read

class client {
public:
    explicit client(tendril::tcp_stream stream) : stream_{std::move(stream)} {}

    value operator()(std::vector<std::string_view> const& words) {
        std::string command = "*" + std::to_string(words.size()) + "\r\n";
        for (auto word : words) {
            command.append("$" + std::to_string(word.size()) + "\r\n").append(word).append("\r\n");
        }
        stream_.write(boost::asio::buffer(command));
        return read_value(reader_);
    }

private:
    tendril::tcp_stream stream_;
    tendril::buffered_reader<tendril::tcp_stream> reader_{stream_};
};
}  // namespace resp
